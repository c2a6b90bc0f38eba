"""Means over members with their intervals, and accuracies relative to chance and to the teacher."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.measure import statistics
from sottovoce.measure.statistics import Scale

TAUGHT = 0.1
"""The least accuracy above chance of a teacher that has learned something which can transfer."""

SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}
"""Ends of names in a `flat` dataset, with the part of an estimate that each stands for."""


def converged(dataset: xr.Dataset) -> xr.Dataset:
    """Return a result without the members that diverged, that is, whose loss did not stay finite."""
    if "diverged" not in dataset:
        return dataset
    return dataset.isel(member=np.flatnonzero(~dataset["diverged"].values.astype(bool)))


def over_members(values: xr.DataArray, scale: Scale = "identity") -> xr.Dataset:
    """Estimate a mean over members.

    Args:
        values: any array with a dimension `member`.
        scale: as for `measure.statistics.interval`.

    Returns:
        `mean`, `low` and `high` (95 % interval over members, each entry by itself) with the other dimensions of
        `values`; the number of members as attribute `members`.
    """
    values = values.transpose("member", ...)
    # Only the shape and the coordinates of the sum are used; its values are replaced.
    template = values.sum("member")
    parts = zip(SUFFIXES.values(), statistics.intervals(values.values, scale), strict=True)
    return xr.Dataset({part: template.copy(data=end) for part, end in parts}, attrs={"members": len(values)})


def over_draws(values: xr.DataArray, scale: Scale = "identity") -> xr.Dataset:
    """Estimate a mean over the independent draws of all members, the replicates of a toy, as `over_members` does."""
    # Draws are independent also within a member, so each draw counts as a replicate.
    stacked = values.stack(replicate=["member", "draw"], create_index=False)
    # A coordinate `member` would be in the way of the new dimension of that name.
    return over_members(stacked.drop_vars(("member", "draw"), errors="ignore").rename(replicate="member"), scale)


def band(values: xr.DataArray, along: str, scale: Scale = "identity") -> xr.Dataset:
    """Estimate mean curves over members with bands that contain the whole curve in 95 % of experiments.

    Args:
        values: any array with a dimension `member`.
        along: the dimension along which the points of a curve lie; each entry of the others is a curve.
        scale: as for `measure.statistics.interval`.

    Returns:
        As `over_members`, `low` and `high` simultaneous over the points of a curve.
    """
    return _each(lambda curve: statistics.band(curve, scale), [values], ["member", along], [along])


def ratio(numerators: xr.DataArray, denominators: xr.DataArray) -> xr.Dataset:
    """Estimate the ratio of two means over members, as `over_members` does; the two arrays are broadcast."""
    return _each(statistics.ratio, [numerators, denominators], ["member"])


def rank_correlation(values: xr.DataArray, others: xr.DataArray) -> xr.Dataset:
    """Estimate Spearman's correlation over members, as `over_members` does; the two arrays are broadcast."""
    return _each(statistics.rank_correlation, [values, others], ["member"])


def pooled_shares(shares: xr.DataArray, per_member: int) -> xr.Dataset:
    """Pool the members' shares of so many replicates each, with exact 95 % intervals (Clopper-Pearson).

    The intervals assume independent replicates. The attribute `trials` is the number of replicates behind each share.
    """
    trials = shares.sizes["member"] * per_member
    # The binomial interval needs the number of successes: a share times the replicates, whole up to rounding.
    successes = (shares * per_member).round().sum("member").astype(int)
    pooled = _each(lambda count: statistics.proportion(int(count), trials), [successes], [])
    return pooled.assign_attrs(trials=trials, members=shares.sizes["member"])


def flat(estimates: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Return estimates as one dataset: means by name, the ends of their intervals with the suffixes of `SUFFIXES`."""
    parts = {name + suffix: one[part] for name, one in estimates.items() for suffix, part in SUFFIXES.items()}
    return xr.Dataset(parts, attrs={"members": next(iter(estimates.values())).attrs["members"]})


def _each(
    estimate: Callable[..., Iterable[Any]], arrays: list[xr.DataArray], inside: list[str], left: Sequence[str] = ()
) -> xr.Dataset:
    """Apply an estimate of the dimensions `inside`, of which it leaves `left`, to every entry of the others."""
    ends = xr.apply_ufunc(
        estimate,
        *arrays,
        input_core_dims=[inside] * len(arrays),
        output_core_dims=[list(left)] * len(SUFFIXES),
        vectorize=True,
        output_dtypes=[float] * len(SUFFIXES),
    )
    # Absent where the caller has summed over the members; it then states their number itself.
    members = arrays[0].sizes.get("member")
    return xr.Dataset(dict(zip(SUFFIXES.values(), ends, strict=True)), attrs={"members": members})


def log_slope(values: xr.DataArray, along: str) -> xr.DataArray:
    """Return the least-squares slope of the values' logarithm against the logarithm of a dimension's coordinate."""
    x = np.log(values[along]) - np.log(values[along]).mean()
    # The mean of the values' logarithms is not subtracted, because the centered x sum to zero.
    return (x * np.log(values)).sum(along) / (x**2).sum(along)


def chance(config: Mapping[str, Any]) -> float:
    """Return chance accuracy: one divided by the number of tested classes.

    Untrained networks reach exactly this accuracy on average over their initializations, whatever the images and
    however unequal the classes: the columns of their class heads are exchangeable, so each class logit is the largest
    equally often.
    """
    return 1 / len(config["classes"])


def recovered_fraction(dataset: xr.Dataset) -> xr.DataArray:
    """Return the fraction of the teacher's accuracy above chance that each network reaches, member by member.

    The fraction is (accuracy - chance) / (teacher's accuracy - chance), with the same `chance` for all members. The
    accuracy of the member's own reference in place of `chance` would be one noisy draw with that mean, which can lie
    anywhere on two classes (docs/decisions/0009-recovered-fraction.md).

    Args:
        dataset: a result with `accuracy` by member and role or network, one of which is "teacher"; the attribute
            `config` holds its configuration.

    Returns:
        The fraction, with the dimensions of `accuracy`; NaN for members whose teacher is less than `TAUGHT` above
        chance.
    """
    accuracy = dataset["accuracy"]
    return fraction_of(dataset, accuracy, accuracy.sel({kinds_of(accuracy): "teacher"}, drop=True))


def kinds_of(accuracy: xr.DataArray) -> str:
    """Return the dimension whose entries are the networks: "role", or else "network"."""
    return "role" if "role" in accuracy.dims else "network"


def fraction_of(dataset: xr.Dataset, accuracy: xr.DataArray, teacher: xr.DataArray) -> xr.DataArray:
    """Return (accuracy - chance) / (teacher - chance), NaN for a teacher less than `TAUGHT` above chance."""
    untrained = chance(json.loads(dataset.attrs["config"]))
    above_chance = teacher - untrained
    # Divided by almost nothing the fraction would be noise, so such a member is left out (decision 9).
    return (accuracy - untrained) / above_chance.where(above_chance >= TAUGHT)
