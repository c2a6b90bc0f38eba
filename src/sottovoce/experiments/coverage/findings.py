"""Coverage pooled over members, its table, and what this laboratory promises of its intervals."""

import json
from functools import partial

import numpy as np
import xarray as xr

from sottovoce.experiments.coverage.config import SERVED
from sottovoce.lab.claims import Claim, mean_of
from sottovoce.lab.estimates import pooled_shares
from sottovoce.lab.rows import Table, rows_of

JUDGED_FROM = 6
"""Members from which on coverage is promised."""


def rates(dataset: xr.Dataset) -> xr.Dataset:
    """Return the `coverage` of all members' experiments by law and size, with the ends `low` and `high`.

    The attribute `trials` is the number of experiments behind each coverage.
    """
    pooled = pooled_shares(dataset["coverage"], json.loads(dataset.attrs["config"])["experiments"])
    return pooled.rename(mean="coverage")


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints: a coverage by law and number of members."""
    pooled = rates(dataset).rename(coverage="mean")
    # The replicates of a coverage are its experiments.
    pooled.attrs["members"] = pooled.attrs["trials"]
    return rows_of(pooled, "coverage of 95 % intervals", "{law}, n = {size}")


def _worst(dataset: xr.Dataset) -> xr.DataArray:
    """Return by member and law the coverage at the size where its mean is farthest from 95 %."""
    judged = dataset["coverage"].isel(size=np.flatnonzero(dataset["size"] >= JUDGED_FROM))
    # Without a size that is judged, `argmax` would have nothing to choose from; with no law left, no claim is decided.
    if not judged.sizes["size"]:
        return judged.sum("size").isel(law=[])
    return judged.isel(size=abs(judged.mean("member") - 0.95).argmax("size"))


_claim = partial(Claim, place="docs/decisions/0013-intervals.md", result="coverage", figure="coverage")

CLAIMS = tuple(
    _claim(
        f"coverage-{law.replace(' ', '-')}",
        f"Intervals called 95 % cover 93 to 97 % for members of the law: {law}.",
        f"share of intervals that contain the true mean, at the number of members ({JUDGED_FROM} or more) where the "
        "share is farthest from 95 %; mean over batches",
        (0.93, 0.97),
        mean_of(_worst, "logit", law=law),
        published="0.95, nominal",
    )
    for law in SERVED
)
