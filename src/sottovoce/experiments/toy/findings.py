"""Rows of the experiment `toy`, and the post's claims on its toy models, Figures 1 and 2."""

from functools import partial

import numpy as np
import xarray as xr

from sottovoce.lab.claims import Claim, worst_of
from sottovoce.lab.estimates import over_draws
from sottovoce.lab.evidence import Share
from sottovoce.lab.rows import Table, rows_of
from sottovoce.measure.statistics import Scale

# Cosines, errors and shares are bounded, so each is averaged on a scale on which its range is unbounded.
SCALES: dict[str, Scale] = {"cosine": "fisher_z", "relative_error": "log", "captured": "logit"}


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    numbered = dataset.assign_coords(logit=np.arange(dataset.sizes["logit"]))
    rows: Table = {}
    for quantity, scale in SCALES.items():
        rows |= rows_of(over_draws(numbered[quantity], scale), quantity, f"{quantity}, {{role}} logit {{logit}}")
    return rows


def _matches_well(toy: xr.Dataset) -> Share:
    # The first column is the class column, the only one of the post's generator.
    error = toy["relative_error"].isel(logit=0)
    return Share(int((error <= 0.5).sum()), error.size)


_claim = partial(Claim, place="post, Toy Models, Figure 1", result="toy_1", figure="figure1")

CLAIMS = (
    _claim(
        "a",
        "With one auxiliary logit, the class column that was never trained often matches the teacher's reasonably "
        "well.",
        "share of draws in which the class column's relative error is at most 0.5",
        (0.5, 1.0),
        _matches_well,
        published="often",
    ),
    _claim(
        "b",
        "With one auxiliary logit, both columns of the student lie on one line.",
        "largest angle in degrees between the lines of the two columns over all draws",
        (0.0, 1e-6),
        worst_of("line_angle"),
        published="always",
    ),
    _claim(
        "c",
        "With two auxiliary logits and two hidden units, the student matches the teacher exactly.",
        "largest relative error of any column over all draws",
        (0.0, 1e-9),
        worst_of("relative_error"),
        place="post, Higher Rank Toy Models, Figure 2",
        result="toy_2",
        figure="figure2",
        published="exactly",
    ),
)
