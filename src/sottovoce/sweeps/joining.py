"""The results of a sweep's points joined into one dataset."""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sottovoce.lab.fields import label
from sottovoce.runs.identity import canonical
from sottovoce.sweeps.planning import Plan

if TYPE_CHECKING:
    import xarray as xr

POINT = "point"


def join(planned: Plan, results: "Sequence[xr.Dataset]") -> "xr.Dataset":
    """Join the points' datasets along the swept fields.

    Args:
        planned: the sweep.
        results: the result of each point, with attributes `identity` and `cached`.

    Returns:
        One dataset. Attributes: `experiment`, `swept` (the fields), `config` (the fields that all points
        share), `configs` (one configuration per point, the last dimension fastest), `baseline` (index of the point that
        others are compared with), `identity`, `cached`, `members`.
    """
    import numpy as np
    import xarray as xr

    labels = {field: [label(value) for value in values] for field, values in planned.over.items()}
    dims = list(planned.over) if planned.is_grid else [POINT]
    nested: Any = np.empty(planned.shape, dtype=object)
    for index, result in zip(np.ndindex(planned.shape), results, strict=True):
        # Points may differ in size and are padded; xarray needs an index along every dimension for that.
        unnamed = {dim: np.arange(size) for dim, size in result.sizes.items() if dim not in result.coords}
        nested[index] = result.drop_attrs().assign_coords(unnamed)
    joined = xr.combine_nested(
        nested.tolist(), concat_dim=dims, combine_attrs="drop", join="outer", coords="minimal", compat="override",
        data_vars="all",
    )  # fmt: skip
    along = {field: (field if planned.is_grid else POINT, coordinate) for field, coordinate in labels.items()}
    joined = joined.transpose(*dims, ...).assign_coords(along)
    first, *others = (json.loads(canonical(config)) for config in planned.configs)
    # Neither the swept fields nor the fields that follow from them are common to all points.
    common = {name: value for name, value in first.items() if all(other[name] == value for other in others)}
    # A sweep is its points in their order, so the points' identities decide its own.
    identities = [result.attrs["identity"] for result in results]
    return joined.assign_attrs(
        experiment=planned.experiment.name,
        config=canonical({name: value for name, value in common.items() if name not in planned.over}),
        configs=[canonical(config) for config in planned.configs],
        swept=list(planned.over),
        baseline=planned.baseline,
        identity=hashlib.sha256("".join(identities).encode()).hexdigest(),
        cached=int(all(result.attrs["cached"] for result in results)),
        members=joined.sizes["member"],
    )
