"""Means over members with their intervals, and accuracies relative to chance and to the teacher."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.measure import statistics
from sottovoce.measure.statistics import Scale

TAUGHT = 0.1
"""The least accuracy above chance of a teacher that has learned something which can transfer."""


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
    return _estimate(values, statistics.intervals(values.values, scale))


def over_draws(values: xr.DataArray, scale: Scale = "identity") -> xr.Dataset:
    """Estimate a mean over the independent draws of all members, the replicates of a toy, as `over_members` does."""
    # Draws are independent also within a member, so each draw counts as a replicate.
    stacked = values.stack(replicate=["member", "draw"], create_index=False)
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
    others = [dim for dim in values.dims if dim not in {"member", along}]
    values = values.transpose("member", *others, along)
    shape = values.shape[1:]
    # A band covers one curve, so the other dimensions are flattened to a list of curves.
    curves = values.values.reshape(len(values), -1, shape[-1])
    bands = np.array([statistics.band(curves[:, i], scale) for i in range(curves.shape[1])])
    return _estimate(values, tuple(end.reshape(shape) for end in bands.swapaxes(0, 1)))


def ratio(numerators: xr.DataArray, denominators: xr.DataArray) -> xr.Dataset:
    """Estimate the ratio of two means over members.

    Args:
        numerators: any array with a dimension `member`.
        denominators: an array that broadcasts to `numerators`.

    Returns:
        As `over_members`.
    """
    numerators, denominators = xr.broadcast(*(v.transpose("member", ...) for v in (numerators, denominators)))
    # Fieller's interval is that of one pair of columns over members.
    columns = (side.values.reshape(len(side), -1).T for side in (numerators, denominators))
    ratios = np.array([statistics.ratio(*pair) for pair in zip(*columns, strict=True)])
    return _estimate(numerators, tuple(end.reshape(numerators.shape[1:]) for end in ratios.T))


def _estimate(values: xr.DataArray, ends: Iterable[np.ndarray | np.generic]) -> xr.Dataset:
    template = values.sum("member")
    return xr.Dataset(
        {name: template.copy(data=end) for name, end in zip(("mean", "low", "high"), ends, strict=True)},
        attrs={"members": values.sizes["member"]},
    )


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
    return (accuracy - untrained) / above_chance.where(above_chance >= TAUGHT)
