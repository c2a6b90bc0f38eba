"""What was measured at every point of a sweep; members that diverged at a point are left out there."""

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
        here = dataset.isel(dict(zip(dims, index, strict=True)))
        at = {field: here[field].item() for field in swept}
        yield (
            at,
            here.drop_vars([*swept, POINT], errors="ignore")
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
        variable: one with a dimension `member`, or "recovered_fraction".

    Returns:
        `mean`, `low` and `high` as `estimates.over_members` gives them and `n`, the members used, along the swept
        fields; attributes `experiment`, `swept` and `config` as in the sweep.

    Raises:
        UsageError: the experiment does not measure this.
    """
    found = []
    for _, here in points(dataset):
        values = measured(here, variable)
        found.append(
            estimates.over_members(values, "logit" if variable == "accuracy" else "identity")
            .assign(n=values.sizes["member"])
            .drop_attrs()
        )
    kept_attributes = {name: dataset.attrs[name] for name in ("experiment", "swept", "config")}
    return _along(dataset, found).assign_attrs(kept_attributes)


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
    points = values.stack(all_points=dims, create_index=False)
    estimate = estimates.band(points, "all_points", "logit")
    shape = values.shape[1:]
    found = by_point(dataset)
    ends = {name: ((kinds, *dims), estimate[name].transpose(kinds, ...).values.reshape(shape)) for name in estimate}
    return found.assign(ends)


def by_member(dataset: xr.Dataset, variable: str = "accuracy") -> xr.DataArray:
    """Return a variable by member at every point, NaN where the member is left out.

    Args:
        dataset: as `sottovoce.sweep` returns it.
        variable: as for `by_point`.

    Returns:
        The values along `dims_of` the sweep, `member`, and the variable's other dimensions.

    Raises:
        UsageError: the experiment does not measure this.
    """
    found = [measured(here, variable).reindex(member=dataset["member"]) for _, here in points(dataset)]
    return _along(dataset, [values.astype(float).drop_attrs() for values in found])


def measured(here: xr.Dataset, variable: str) -> xr.DataArray:
    """Return a variable of one point, of the members that converged and for which it is defined.

    Raises:
        UsageError: the experiment does not measure this.
    """
    kept = estimates.converged(here)
    known = [str(name) for name, values in here.data_vars.items() if "member" in values.dims]
    if has_networks(here):
        kept, known = kept.assign({FRACTION: estimates.recovered_fraction(kept)}), [*known, FRACTION]
    if variable not in known:
        raise UsageError(f"variable is {variable!r}; the sweep has {', '.join(known)}")
    return kept[variable].dropna("member", how="all")


def has_networks(dataset: xr.Dataset) -> bool:
    """Return whether accuracies are those of networks by role or name, a teacher among them."""
    if "accuracy" not in dataset:
        return False
    kinds = estimates.kinds_of(dataset["accuracy"])
    return kinds in dataset.coords and "teacher" in dataset[kinds].values


def _along(dataset: xr.Dataset, found: Sequence[Labelled]) -> Labelled:
    """Put what was found at every point together along the sweep's fields."""
    dims = dims_of(dataset)
    nested: Any = np.empty([dataset.sizes[dim] for dim in dims], dtype=object)
    for index, estimate in zip(np.ndindex(nested.shape), found, strict=True):
        nested[index] = estimate
    joined = xr.combine_nested(
        nested.tolist(), concat_dim=dims, join="outer", coords="minimal", compat="override", data_vars="all"
    )
    return joined.assign_coords({field: dataset[field] for field in dataset.attrs["swept"]})
