"""The values measured at every point of a sweep; a member that diverged at a point is left out at that point."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from sottovoce.errors import UsageError
from sottovoce.lab import estimates

POINT = "point"
FRACTION = "recovered_fraction"
Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)


def points(dataset: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """Yield each point of a sweep with its settings.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Yields:
        The values of the swept fields, and the point's results without these dimensions, with `experiment` and
        `config` as attributes.
    """
    swept, dims = list(dataset.attrs["swept"]), dims_of(dataset)
    for index, config in zip(np.ndindex(*(dataset.sizes[d] for d in dims)), dataset.attrs["configs"], strict=True):
        point = dataset.isel(dict(zip(dims, index, strict=True)))
        at = {field: point[field].item() for field in swept}
        yield (
            at,
            point.drop_vars([*swept, POINT], errors="ignore")
            .drop_attrs()
            .assign_attrs(experiment=dataset.attrs["experiment"], config=config),
        )


def dims_of(dataset: xr.Dataset) -> list[str]:
    """Return the dimensions along which the points of a sweep lie: its fields, or `point` for a list."""
    return [POINT] if POINT in dataset.dims else list(dataset.attrs["swept"])


def by_point(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset:
    """Estimate a variable's mean over members at every point.

    Args:
        dataset: as `sottovoce.sweep` returns it.
        variable: name of a variable with a dimension `member`, or "recovered_fraction".

    Returns:
        `mean`, `low` and `high` as `estimates.over_members` gives them and `n`, the members used, along the swept
        fields; attributes `experiment`, `swept` and `config` as in the sweep.

    Raises:
        UsageError: the experiment does not measure the variable.
    """
    by_index = []
    for _, point in points(dataset):
        values = measured(point, variable)
        by_index.append(
            estimates.over_members(values, "logit" if variable == "accuracy" else "identity")
            .assign(n=values.sizes["member"])
            .drop_attrs()
        )
    attributes = {name: dataset.attrs[name] for name in ("experiment", "swept", "config")}
    return _along(dataset, by_index).assign_attrs(attributes)


def curves(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate mean accuracies over members with bands that contain all points of a network's curve.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Returns:
        As `by_point`, `low` and `high` simultaneous over the points of each network.
    """
    values = by_member(dataset)
    dims = dims_of(dataset)
    kinds = estimates.kinds_of(values)
    values = values.transpose("member", kinds, *dims)
    # A band is simultaneous along one dimension, and the points of a grid lie along several.
    stacked = values.stack(all_points=dims, create_index=False)
    estimate = estimates.band(stacked, "all_points", "logit")
    shape = values.shape[1:]
    ends = {name: ((kinds, *dims), estimate[name].transpose(kinds, ...).values.reshape(shape)) for name in estimate}
    return by_point(dataset).assign(ends)


def by_member(dataset: xr.Dataset, variable: str = "accuracy") -> xr.DataArray:
    """Return a variable by member at every point, NaN where the member is left out.

    Args:
        dataset: as `sottovoce.sweep` returns it.
        variable: as for `by_point`.

    Returns:
        The values along `dims_of` the sweep, `member`, and the variable's other dimensions.

    Raises:
        UsageError: the experiment does not measure the variable.
    """
    by_index = [measured(point, variable).reindex(member=dataset["member"]) for _, point in points(dataset)]
    return _along(dataset, [values.astype(float).drop_attrs() for values in by_index])


def measured(point: xr.Dataset, variable: str) -> xr.DataArray:
    """Return a variable at one point, for the members that converged and have the variable.

    Raises:
        UsageError: the experiment does not measure the variable.
    """
    converged = estimates.converged(point)
    known = [str(name) for name, values in point.data_vars.items() if "member" in values.dims]
    if has_networks(point):
        converged = converged.assign({FRACTION: estimates.recovered_fraction(converged)})
        known.append(FRACTION)
    if variable not in known:
        raise UsageError(f"variable is {variable!r}; the sweep has {', '.join(known)}")
    return converged[variable].dropna("member", how="all")


def has_networks(dataset: xr.Dataset) -> bool:
    """Return whether the accuracies belong to networks by role or name, one of which is a teacher."""
    if "accuracy" not in dataset:
        return False
    kinds = estimates.kinds_of(dataset["accuracy"])
    return kinds in dataset.coords and "teacher" in dataset[kinds].values


def _along(dataset: xr.Dataset, by_index: Sequence[Labelled]) -> Labelled:
    """Join the values of all points, in the order of `points`, along the sweep's fields."""
    dims = dims_of(dataset)
    nested: Any = np.empty([dataset.sizes[dim] for dim in dims], dtype=object)
    for index, estimate in zip(np.ndindex(nested.shape), by_index, strict=True):
        nested[index] = estimate
    joined = xr.combine_nested(
        nested.tolist(), concat_dim=dims, join="outer", coords="minimal", compat="override", data_vars="all"
    )
    return joined.assign_coords({field: dataset[field] for field in dataset.attrs["swept"]})
