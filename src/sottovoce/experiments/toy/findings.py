"""Rows of the experiment `toy`, and the post's claims on its toy models, Figures 1 and 2."""

from functools import partial

import numpy as np
import xarray as xr

from sottovoce.lab.claims import INFINITY, Claim, worst_of
from sottovoce.lab.estimates import over_draws
from sottovoce.lab.evidence import NOTHING, Evidence, Share, of_members
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


# Cosine by which a student's class column has to exceed an unrelated teacher's to count as pointing the teacher's way.
NEARER = 0.1


def _excess(toy: xr.Dataset) -> xr.DataArray | None:
    """Return how much nearer to the teacher's class column the student's is than an unrelated teacher's, by draw."""
    if "cosine_unrelated" not in toy:
        return None
    # The first column is the class column, the only one of the post's generator. The draws are independent replicates.
    return (toy["cosine"] - toy["cosine_unrelated"]).isel(logit=0).stack(replicate=("member", "draw"))


def _points_the_teachers_way(toy: xr.Dataset) -> Evidence:
    excess = _excess(toy)
    return NOTHING if excess is None else of_members(excess)


def _is_nearer(toy: xr.Dataset) -> Evidence:
    excess = _excess(toy)
    return NOTHING if excess is None else Share(int((excess > 0).sum()), excess.size)


def _auxiliary(toy: xr.Dataset) -> xr.DataArray:
    return toy["relative_error"].isel(logit=toy["role"].values == "auxiliary")


def _is_not_orthogonal(toy: xr.Dataset) -> Share:
    # The captured energy under mse with one logit is the squared cosine between the class and the auxiliary direction.
    energy = toy["captured"].isel(logit=0)
    return Share(int((energy >= NEARER**2).sum()), energy.size)


_claim = partial(Claim, place="post, Toy Models, Figure 1", result="toy_1", figure="figure1")

CLAIMS = (
    _claim(
        "a",
        "With one auxiliary logit, the class column that was never trained points the teacher's way.",
        "cosine between the class columns of student and teacher, minus the cosine between the class columns of an "
        "unrelated teacher and this teacher; mean over draws",
        (NEARER, INFINITY),
        _points_the_teachers_way,
        primary=True,
        alternative=2 * NEARER,
        published="often reasonably well",
    ),
    _claim(
        "a-often",
        "With one auxiliary logit, the class column that was never trained often matches the teacher's.",
        "share of draws in which the student's class column is nearer in cosine to the teacher's than an unrelated "
        "teacher's is",
        (0.6, 1.0),
        _is_nearer,
        published="often",
    ),
    _claim(
        "a-trained",
        "The student's column of the auxiliary logit, which was trained, matches the teacher's.",
        "largest relative error of the auxiliary column over all draws",
        (0.0, 1e-9),
        worst_of(_auxiliary),
        published="always",
    ),
    _claim(
        "a-orthogonal",
        "The direction of one logit is likely not orthogonal to that of another.",
        f"share of draws in which the directions of the class and the auxiliary logit have an absolute cosine of at "
        f"least {NEARER}",
        (0.5, 1.0),
        _is_not_orthogonal,
        published="likely",
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
