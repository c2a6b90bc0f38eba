"""Rows of the experiment `toy`, and the post's claims on its toy models, Figures 1 and 2."""

import xarray as xr

from sottovoce.lab import estimates
from sottovoce.lab.claims import Claim, Identity, Share
from sottovoce.lab.rows import Table, rows_of
from sottovoce.measure.statistics import Scale


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    rows: Table = {}
    # Cosines, errors and shares are bounded, so each is averaged on a scale on which its range is unbounded.
    scales: dict[str, Scale] = {"cosine": "fisher_z", "relative_error": "log", "captured": "logit"}
    for quantity, scale in scales.items():
        estimate = estimates.over_draws(dataset[quantity], scale)
        names = [f"{quantity}, {role} logit {i}" for i, role in enumerate(dataset["role"].values.tolist())]
        rows |= rows_of(estimate.assign_coords(logit=names), "logit", quantity)
    return rows


def _largest(values: xr.DataArray) -> Identity:
    """Return the largest value over all draws, for an identity holds in every draw or not at all."""
    return Identity(float(values.max()), values.sizes["member"] * values.sizes["draw"])


def _matches_well(toy: xr.Dataset) -> Share:
    error = toy["relative_error"].isel(logit=0)
    return Share(int((error <= 0.5).sum()), error.size)


CLAIMS = (
    Claim(
        key="a",
        text="With one auxiliary logit, the class column that was never trained often matches the teacher's "
        "reasonably well.",
        place="post, Toy Models, Figure 1",
        result="toy_1",
        statistic="share of draws in which the class column's relative error is at most 0.5",
        low=0.5,
        high=1.0,
        measure=_matches_well,
        published="often",
        figure="figure1",
    ),
    Claim(
        key="b",
        text="With one auxiliary logit, both columns of the student lie on one line.",
        place="post, Toy Models, Figure 1",
        result="toy_1",
        statistic="largest angle in degrees between the lines of the two columns over all draws",
        low=0.0,
        high=1e-6,
        measure=lambda toy: _largest(toy["line_angle"]),
        published="always",
        figure="figure1",
    ),
    Claim(
        key="c",
        text="With two auxiliary logits and two hidden units, the student matches the teacher exactly.",
        place="post, Higher Rank Toy Models, Figure 2",
        result="toy_2",
        statistic="largest relative error of any column over all draws",
        low=0.0,
        high=1e-9,
        measure=lambda toy: _largest(toy["relative_error"]),
        published="exactly",
        figure="figure2",
    ),
)
