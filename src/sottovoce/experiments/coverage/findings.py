"""Coverage pooled over members, its table, and what this laboratory promises of its intervals."""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr

from sottovoce.experiments.coverage.config import SERVED
from sottovoce.lab.claims import NOTHING, Claim, Mean, of_members
from sottovoce.lab.rows import Table
from sottovoce.measure import statistics

JUDGED_FROM = 6
"""Members from which on coverage is promised."""


def rates(dataset: xr.Dataset) -> xr.Dataset:
    """Pool the members' experiments into coverages with exact 95 % intervals.

    Args:
        dataset: result of the experiment `coverage`.

    Returns:
        `coverage`, `low` and `high` by law and size; attribute `trials`, the experiments behind each.
    """
    per_member = json.loads(dataset.attrs["config"])["experiments"]
    trials = per_member * dataset.sizes["member"]
    counts = np.rint(dataset["coverage"] * per_member).sum("member").astype(int)
    ends = np.array([statistics.proportion(int(count), trials) for count in counts.values.ravel()])
    names = ("coverage", "low", "high")
    return xr.Dataset(
        {name: counts.copy(data=ends[:, i].reshape(counts.shape)) for i, name in enumerate(names)},
        attrs={"trials": trials},
    )


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints: a coverage by law and number of members."""
    pooled = rates(dataset)
    return {
        f"{law}, n = {size}": {
            "mean": float(here["coverage"]),
            "ci95": [float(here["low"]), float(here["high"])],
            "members": pooled.attrs["trials"],
            "published": None,
            "quantity": "coverage of 95 % intervals",
        }
        for law in pooled["law"].values.tolist()
        for size in pooled["size"].values.tolist()
        for here in [pooled.sel(law=law, size=size)]
    }


def _worst(law: str) -> Callable[[xr.Dataset], Mean]:
    """Return the coverage of a law at the size where it is farthest from 95 %."""

    def measure(dataset: xr.Dataset) -> Mean:
        judged = dataset["coverage"].isel(size=np.flatnonzero(dataset["size"] >= JUDGED_FROM))
        if law not in dataset["law"] or not judged.sizes["size"]:
            return NOTHING
        own = judged.sel(law=law)
        return of_members(own.isel(size=int(np.argmax(abs(own.mean("member").values - 0.95)))), "logit")

    return measure


CLAIMS = tuple(
    Claim(
        key=f"coverage-{law.replace(' ', '-')}",
        text=f"Intervals called 95 % cover 93 to 97 % for members of the law: {law}.",
        place="docs/decisions/0013-intervals.md",
        result="coverage",
        statistic=f"share of intervals that contain the true mean, at the number of members ({JUDGED_FROM} or more) "
        "where the share is farthest from 95 %; mean over batches",
        low=0.93,
        high=0.97,
        measure=_worst(law),
        published="0.95, nominal",
        figure="coverage",
        beforehand=False,
    )
    for law in SERVED
)
