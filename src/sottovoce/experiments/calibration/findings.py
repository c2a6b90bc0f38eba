"""Rates of the experiment `calibration` with intervals, its rows, and this laboratory's claims on its own counts."""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr

from sottovoce.lab.claims import Claim, Mean, of_members
from sottovoce.lab.rows import Table
from sottovoce.measure import statistics

RATES = ("false_alarm", "power", "exact", "excess")


def rates(dataset: xr.Dataset) -> xr.Dataset:
    """Pool the members' replicates into rates with exact 95 % intervals.

    The intervals (Clopper-Pearson) assume independent replicates. For `parallel` and `gap` the replicates of a member
    share its draws of noise, which adds variance 0.0475 / (draws + 2) per member to a rate of 5 %.

    Args:
        dataset: result of the experiment `calibration`.

    Returns:
        Without the dimension `member`: the rates `false_alarm`, `power`, `exact` and `excess`, the ends of their
        intervals with the suffixes `_low` and `_high`, and `mean_count`, the mean over members. Attributes: `members`,
        and `trials`, the number of replicates behind each rate.
    """
    replicates = json.loads(dataset.attrs["config"])["replicates"]
    members = dataset.sizes["member"]
    trials = members * replicates
    pooled = xr.Dataset(
        {"mean_count": dataset["mean_count"].mean("member")}, attrs={"members": members, "trials": trials}
    )
    for name in RATES:
        # The dataset holds shares of replicates; the binomial interval needs their number.
        successes = np.rint(dataset[name] * replicates).sum("member").astype(int)
        intervals = [statistics.proportion(int(count), trials) for count in successes.values.ravel()]
        columns = np.array(intervals).T.reshape(3, *successes.shape)
        for suffix, column in zip(("", "_low", "_high"), columns, strict=True):
            pooled[name + suffix] = successes.copy(data=column)
    return pooled


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    estimated = rates(dataset)
    rows: Table = {}
    for name, quantity, by, wording in (
        ("false_alarm", "false-alarm rate", ("null", "width", "scale", "rule"), ("{}", "{} wide", "{} scale", "{}")),
        (
            "exact",
            "counted exactly",
            ("rank", "strength", "scale", "rule"),
            ("{} planted", "strength {}", "{} scale", "{}"),
        ),
    ):
        for index in np.ndindex(*(estimated.sizes[dim] for dim in by)):
            at = dict(zip(by, index, strict=True))
            labels = [
                label.format(estimated[dim].values[i]) for (dim, i), label in zip(at.items(), wording, strict=True)
            ]
            rows[", ".join(labels)] = {
                "mean": float(estimated[name].isel(at)),
                "ci95": [float(estimated[f"{name}_{end}"].isel(at)) for end in ("low", "high")],
                "members": estimated.attrs["members"],
                "published": None,
                "quantity": quantity,
            }
    return rows


# Claims of this laboratory on its own counts of directions.
#
# The nominal rate is given. The range around it is post hoc: it was chosen after the rates of seed 0 were known, so
# another seed is its test.

NAMES = {"marchenko_pastur": "Marchenko-Pastur", "parallel": "parallel analysis", "gap": "the largest gap"}
"""The rules with a nominal false-alarm rate of 5 %."""


def _false_alarms(rule: str) -> Callable[[xr.Dataset], Mean]:
    return lambda result: of_members(result["false_alarm"].sel(rule=rule).mean(("null", "scale", "width")), "logit")


CLAIMS = tuple(
    Claim(
        key=f"calibration-{rule}",
        text=f"In 5 % of cases {name} counts a direction in a fresh initialization.",
        place="section 8 of docs/theory.md",
        result="calibration",
        statistic="share of fresh weights with a count above 0, over schemes, widths, and scales known or estimated; "
        "mean over members, each with its own draws of noise",
        low=0.03,
        high=0.07,
        beforehand=False,
        measure=_false_alarms(rule),
        published="0.05, nominal",
        figure="calibration",
    )
    for rule, name in NAMES.items()
)
