"""The results of a sweep's points, joined into one dataset, and the values measured at every point.

A member that diverged at a point is left out of the values at that point.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from sottovoce.errors import UsageError
from sottovoce.lab import estimates
from sottovoce.lab.fields import label
from sottovoce.lab.quantities import labelled
from sottovoce.runs.identity import canonical
from sottovoce.sweeps.planning import POINT, Plan

FRACTION = "recovered_fraction"
Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)


def join(planned: Plan, results: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join the results of a plan's points along the swept fields.

    The attributes are `experiment`, `swept` (the fields), `config` (the fields that all points share), `configs` (one
    configuration per point, the last dimension fastest), `baseline` (index of the point that others are compared with),
    `identity`, `cached` and `members`. Of the attributes of variables, those on which the points agree are kept.
    """
    # Points may differ in size and are padded; xarray needs an index along every dimension for that.
    unnamed = [{dim: np.arange(size) for dim, size in one.sizes.items() if dim not in one.coords} for one in results]
    # The attributes of a single result, such as its identity, do not hold for the whole.
    indexed = [one.drop_attrs(deep=False).assign_coords(index) for one, index in zip(results, unnamed, strict=True)]
    dims = planned.dims
    along = {
        field: (field if field in dims else POINT, list(map(label, values))) for field, values in planned.over.items()
    }
    joined = _combined(indexed, dims, planned.shape).transpose(*dims, ...).assign_coords(along)
    first, *others = (json.loads(canonical(config)) for config in planned.configs)
    # Neither the swept fields nor the fields that follow from them are common to all points.
    common = {name: value for name, value in first.items() if all(other[name] == value for other in others)}
    # A sweep is its points in their order, so the points' identities decide its own.
    identities = "".join(result.attrs["identity"] for result in results)
    result = joined.assign_attrs(
        experiment=planned.experiment.name,
        config=canonical({name: value for name, value in common.items() if name not in planned.over}),
        configs=[canonical(config) for config in planned.configs],
        swept=list(planned.over),
        baseline=planned.baseline,
        identity=hashlib.sha256(identities.encode()).hexdigest(),
        cached=int(all(result.attrs["cached"] for result in results)),
        members=joined.sizes["member"],
    )
    return labelled(result, planned.experiment.quantities)


def points(dataset: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """Yield each point of a sweep: the values of the swept fields, and the results with `experiment` and `config`."""
    swept, dims = list(dataset.attrs["swept"]), dims_of(dataset)
    for index, config in zip(np.ndindex(*(dataset.sizes[d] for d in dims)), dataset.attrs["configs"], strict=True):
        point = dataset.isel(dict(zip(dims, index, strict=True)))
        results = point.drop_vars([*swept, POINT], errors="ignore").drop_attrs()
        yield (
            {field: point[field].item() for field in swept},
            results.assign_attrs(experiment=dataset.attrs["experiment"], config=config),
        )


def dims_of(dataset: xr.Dataset) -> list[str]:
    """Return the dimensions along which the points of a sweep lie: its fields, or `point` for a list."""
    return [POINT] if POINT in dataset.dims else list(dataset.attrs["swept"])


def by_point(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset:
    """Estimate the mean over members of a variable, or of "recovered_fraction", at every point of a sweep.

    Returns:
        `mean`, `low` and `high` as `estimates.over_members` gives them and `n`, the members used, along the swept
        fields; attributes `experiment`, `swept` and `config` as in the sweep.

    Raises:
        UsageError: the experiment does not measure the variable.
    """
    # Accuracies lie between 0 and 1; a recovered fraction may leave that range (decision 13).
    scale = "logit" if variable == "accuracy" else "identity"
    at_points = [measured(point, variable) for _, point in points(dataset)]
    means = [
        estimates.over_members(values, scale).assign(n=values.sizes["member"]).drop_attrs() for values in at_points
    ]
    attributes = {name: dataset.attrs[name] for name in ("experiment", "swept", "config")}
    return _along(dataset, means).assign_attrs(attributes)


def curves(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate mean accuracies as `by_point`, with `low` and `high` simultaneous over the points of each network."""
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
    """Return a variable along `dims_of` the sweep, by member and the variable's other dimensions; errors as `by_point`.

    The value is NaN where the member is left out.
    """
    by_index = [measured(point, variable).reindex(member=dataset["member"]) for _, point in points(dataset)]
    return _along(dataset, [values.astype(float).drop_attrs() for values in by_index])


def measured(point: xr.Dataset, variable: str) -> xr.DataArray:
    """Return a variable at one point, for the members that converged and have it; errors as for `by_point`."""
    converged = estimates.converged(point)
    known = [str(name) for name, values in point.data_vars.items() if "member" in values.dims]
    if has_networks(point):
        converged = converged.assign({FRACTION: estimates.recovered_fraction(converged)})
        known.append(FRACTION)
    if variable not in known:
        raise UsageError(f"variable is {variable!r}; the sweep has {', '.join(known)}")
    # A member whose teacher learned too little has no recovered fraction for any network.
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
    joined = _combined(by_index, dims, [dataset.sizes[dim] for dim in dims])
    return joined.assign_coords({field: dataset[field] for field in dataset.attrs["swept"]})


def _combined(by_index: Sequence[Labelled], dims: Sequence[str], shape: Sequence[int]) -> Labelled:
    """Join the points, the last dimension fastest; where they differ in size, the smaller are padded."""
    # Filled one by one: `np.array` of datasets would iterate over their variables.
    nested: Any = np.empty(shape, dtype=object)
    for index, values in zip(np.ndindex(nested.shape), by_index, strict=True):
        nested[index] = values
    return xr.combine_nested(
        nested.tolist(), concat_dim=list(dims), combine_attrs="drop_conflicts", join="outer", coords="minimal",
        compat="override", data_vars="all",
    )  # fmt: skip
