"""Bars and rows of the experiment `transfer`, and claims of Cloud's MNIST experiment."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.published import TRANSFER, TRANSFER_SETTINGS, Published, comparable
from sottovoce.lab.claims import INFINITY, Claim, Mean, of_members
from sottovoce.lab.estimates import chance, converged, over_members, recovered_fraction
from sottovoce.lab.rows import Table, rows_of


def transfer_bars(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return accuracy by role with published numbers beside it (NaN where the setting is not the published one)."""
    bars = over_members(converged(dataset)["accuracy"], "logit")
    # Published numbers beside a run of other settings would invite a comparison that means nothing.
    compared = comparable(config, TRANSFER_SETTINGS)
    rows = [TRANSFER[role] if compared else Published(np.nan) for role in bars["role"].values.tolist()]
    bars.attrs["chance"] = chance(config)
    bars["published"] = ("role", [row.mean for row in rows])
    bars["published_half_width"] = ("role", [np.nan if row.half_width is None else row.half_width for row in rows])
    return bars


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    bars = transfer_bars(dataset, json.loads(dataset.attrs["config"]))
    # The teacher's own fraction is 1 by definition, so it has no row.
    fractions = recovered_fraction(converged(dataset)).drop_sel(role="teacher").dropna("member", how="all")
    return rows_of(bars, "role", "test accuracy") | rows_of(
        over_members(fractions), "role", "recovered fraction", lambda role: f"{role}, recovered fraction"
    )


def _difference(role: str, other: str) -> Callable[[xr.Dataset], Mean]:
    def measure(transfer: xr.Dataset) -> Mean:
        accuracy = converged(transfer)["accuracy"]
        return of_members(accuracy.sel(role=role, drop=True) - accuracy.sel(role=other, drop=True))

    return measure


CLAIMS = (
    Claim(
        key="g-above-chance",
        text="The student classifies far better than chance.",
        place="Cloud, MNIST experiment; post, last section",
        result="transfer",
        statistic="accuracy of the student minus accuracy of its reference, paired; mean over members",
        low=0.2,
        high=INFINITY,
        measure=_difference("student", "reference"),
        published="0.43 (0.528 against 0.0998)",
        figure="bars",
    ),
    Claim(
        key="g-below-teacher",
        text="The student classifies far worse than its teacher.",
        place="Cloud, MNIST experiment; post, last section",
        result="transfer",
        statistic="accuracy of the teacher minus accuracy of its student, paired; mean over members",
        low=0.2,
        high=INFINITY,
        measure=_difference("teacher", "student"),
        published="0.42 (0.9434 against 0.528)",
        figure="bars",
    ),
    Claim(
        key="h",
        text="A student from another initialization stays at chance.",
        place="Cloud, MNIST experiment",
        result="transfer",
        statistic="accuracy of the cross-model student minus accuracy of the reference, paired; mean over members",
        low=-0.05,
        high=0.05,
        measure=_difference("cross_model", "reference"),
        published="0.006 (0.106 against 0.0998)",
        figure="bars",
    ),
)
