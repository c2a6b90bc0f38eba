"""Means over members at every point of a sweep; members that diverged at a point are left out there."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.analysis import estimates, tables
from sottovoce.errors import UsageError

POINT = "point"


def points(dataset: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """Yield each point of a sweep with its settings.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Yields:
        The values of the swept fields, and the point's results without these dimensions.
    """
    swept = list(dataset.attrs["swept"])
    dims = [POINT] if POINT in dataset.dims else swept
    for index in np.ndindex(*(dataset.sizes[dim] for dim in dims)):
        here = dataset.isel(dict(zip(dims, index, strict=True)))
        yield {field: here[field].item() for field in swept}, here.drop_vars([*swept, POINT], errors="ignore")


def tables_by_point(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return for each point of a sweep its settings, `at`, and the rows of its experiment's table, `table`."""
    common = json.loads(dataset.attrs["config"])
    found = []
    for at, here in points(dataset):
        config = json.dumps(common | at)
        described = here.assign_attrs(experiment=dataset.attrs["experiment"], config=config)
        found.append({"at": at, "table": tables.table(described)})
    return found


def by_point(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset:
    """Estimate a variable's mean over members at every point.

    Args:
        dataset: as `sottovoce.sweep` returns it.
        variable: one with a dimension `member`.

    Returns:
        `mean`, `low`, `high` and `half_width` as `estimates.over_members` gives them and `n`, the members used, along
        the swept fields; attributes `experiment`, `swept` and `config` as in the sweep.

    Raises:
        UsageError: the experiment does not measure this.
    """
    if variable not in dataset or "member" not in dataset[variable].dims:
        known = ", ".join(str(name) for name, values in dataset.data_vars.items() if "member" in values.dims)
        raise UsageError(f"variable is {variable!r}; the sweep has {known}")
    found = []
    for _, here in points(dataset):
        kept = estimates.converged(here)
        estimate = estimates.over_members(kept[variable])
        found.append(estimate.assign(n=kept.sizes["member"]).drop_attrs())
    dims = [POINT] if POINT in dataset.dims else list(dataset.attrs["swept"])
    nested: Any = np.empty([dataset.sizes[dim] for dim in dims], dtype=object)
    for index, estimate in zip(np.ndindex(nested.shape), found, strict=True):
        nested[index] = estimate
    joined = xr.combine_nested(
        nested.tolist(), concat_dim=dims, join="outer", coords="minimal", compat="override", data_vars="all"
    )
    coordinates = {field: dataset[field] for field in dataset.attrs["swept"]}
    kept_attributes = {name: dataset.attrs[name] for name in ("experiment", "swept", "config")}
    return joined.assign_coords(coordinates).assign_attrs(kept_attributes)
