"""Rates of the calibration experiment, with intervals."""

import json

import numpy as np
import xarray as xr

from sottovoce.measure import statistics

RATES = ("false_alarm", "power", "exact", "excess")


def rates(dataset: xr.Dataset) -> xr.Dataset:
    """Pool the members' replicates into rates with exact 95 % intervals.

    The intervals (Clopper-Pearson) take replicates as independent. Those of `parallel` and `gap` share their member's
    draws of noise, which adds variance 0.0475 / (draws + 2) per member to a rate of 5 %.

    Args:
        dataset: result of the experiment `calibration`.

    Returns:
        `false_alarm`, `power`, `exact` and `excess`, each also with the suffixes `_low` and `_high`; `mean_count`, the
        mean over members; without the dimension `member`. Attributes: `members` and `trials`, replicates per rate.
    """
    replicates = json.loads(dataset.attrs["config"])["replicates"]
    members = dataset.sizes["member"]
    trials = members * replicates
    pooled = xr.Dataset(
        {"mean_count": dataset["mean_count"].mean("member")}, attrs={"members": members, "trials": trials}
    )
    for name in RATES:
        successes = np.rint(dataset[name] * replicates).sum("member").astype(int)
        intervals = [statistics.proportion(int(count), trials) for count in successes.values.ravel()]
        columns = np.array(intervals).T.reshape(3, *successes.shape)
        for suffix, column in zip(("", "_low", "_high"), columns, strict=True):
            pooled[name + suffix] = successes.copy(data=column)
    return pooled
