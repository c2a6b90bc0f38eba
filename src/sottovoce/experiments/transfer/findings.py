"""Bars and rows of the experiment `transfer`, and claims of Cloud's MNIST experiment."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.published import TRANSFER, TRANSFER_SETTINGS, Published, comparable
from sottovoce.lab.claims import INFINITY, Claim, Measure, difference
from sottovoce.lab.estimates import chance, converged, over_members, recovered_fraction
from sottovoce.lab.evidence import Crossed, Evidence
from sottovoce.lab.rows import Table, rows_of


def transfer_bars(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return accuracy by role with published numbers beside it (NaN where the setting is not the published one)."""
    bars = over_members(converged(dataset)["accuracy"], "logit")
    # Published numbers beside a run of other settings would invite a comparison that means nothing.
    compared = comparable(config, TRANSFER_SETTINGS)
    unpublished = Published(np.nan)
    rows = [TRANSFER.get(role, unpublished) if compared else unpublished for role in bars["role"].values.tolist()]
    bars.attrs["chance"] = chance(config)
    bars["published"] = ("role", [row.mean for row in rows])
    bars["published_half_width"] = ("role", [np.nan if row.half_width is None else row.half_width for row in rows])
    return bars


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    bars = transfer_bars(dataset, json.loads(dataset.attrs["config"]))
    # The teacher's own fraction is 1 by definition, and the unrelated teacher is no one's student: they have no row.
    # Members whose teacher is hardly above chance have no fraction of any role.
    fractions = (
        recovered_fraction(converged(dataset))
        .drop_sel(role=["teacher", "unrelated_teacher"], errors="ignore")
        .dropna("member", how="all")
    )
    return rows_of(bars, "test accuracy", "{role}") | rows_of(
        over_members(fractions), "recovered fraction", "{role}, recovered fraction"
    )


def _over_images(one: str, other: str) -> Measure:
    """Return the statistic: accuracy of one role minus that of another, paired, mean over members and test images.

    For claims whose range is as narrow as the error of the test set itself, which all members share.
    """
    by_member = difference("accuracy", "role", one, other)

    def measure(transfer: xr.Dataset) -> Evidence:
        # Runs of earlier versions did not record single images, and not all of them had an unrelated teacher.
        if "correct" not in transfer:
            return by_member(transfer)
        right = converged(transfer)["correct"].transpose("member", "role", "image").astype(float)
        return Crossed((right.sel(role=one) - right.sel(role=other)).values)

    return measure


_claim = partial(Claim, place="Cloud, MNIST experiment; post, last section", result="transfer", figure="bars")

CLAIMS = (
    _claim(
        "g-above-chance",
        "The student classifies far better than chance.",
        "accuracy of the student minus accuracy of its reference, paired; mean over members",
        (0.2, INFINITY),
        difference("accuracy", "role", "student", "reference"),
        primary=True,
        alternative=0.3,
        published="0.43 (0.528 against 0.0998)",
    ),
    _claim(
        "g-below-teacher",
        "The student classifies far worse than its teacher.",
        "accuracy of the teacher minus accuracy of its student, paired; mean over members",
        (0.2, INFINITY),
        difference("accuracy", "role", "teacher", "student"),
        primary=True,
        alternative=0.3,
        published="0.42 (0.9434 against 0.528)",
    ),
    _claim(
        "h",
        "A student from another initialization stays at chance.",
        "accuracy of the cross-model student minus accuracy of the reference, paired; mean over members and test "
        "images",
        (-0.05, 0.05),
        _over_images("cross_model", "reference"),
        primary=True,
        alternative=0.0,
        place="Cloud, MNIST experiment",
        published="0.006 (0.106 against 0.0998)",
    ),
    _claim(
        "unrelated",
        "A student of an unrelated teacher stays at chance.",
        "accuracy of the student whose teacher was trained from the same reference on permuted labels, minus accuracy "
        "of the reference, paired; mean over members and test images",
        (-0.05, 0.05),
        _over_images("unrelated", "reference"),
        alternative=0.0,
        place="control of this laboratory",
        published="",
    ),
)
