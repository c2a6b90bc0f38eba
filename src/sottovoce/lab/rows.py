"""Rows of a table: each has a mean, its 95 % interval, the number of members and the published value."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sottovoce.lab.estimates import over_members
from sottovoce.measure.statistics import Scale

Table = dict[str, dict[str, Any]]


class Rows(NamedTuple):
    """One row for each entry of a variable, as `rows_of` makes it of the mean over members."""

    variable: str
    quantity: str
    wording: str
    scale: Scale = "identity"


def table_of(result: xr.Dataset, *kinds: Rows) -> Table:
    """Return the rows of several variables of a result, estimated over its members."""
    table: Table = {}
    for variable, quantity, wording, scale in kinds:
        table |= rows_of(over_members(result[variable], scale), quantity, wording)
    return table


def rows_of(estimate: xr.Dataset, quantity: str, wording: str) -> Table:
    """Return one row for each entry of an estimate, in the order of its dimensions.

    Args:
        estimate: `mean`, `low` and `high`, and `published` where values are published, with the attribute `members`, as
            `lab.estimates.over_members` returns them.
        quantity: the quantity that is estimated, in words.
        wording: a format string that makes a row's label of the entry's coordinates.

    Returns:
        Rows by label.
    """
    mean, rows = estimate["mean"], Table()
    for index in np.ndindex(mean.shape):
        entry = estimate.isel(dict(zip(mean.dims, index, strict=True)))
        # The coordinates of one entry are scalars; a coordinate with a dimension describes other entries as well.
        coordinates = {name: value.item() for name, value in entry.coords.items() if not value.ndim}
        rows[wording.format_map(coordinates)] = {
            "mean": number(entry["mean"]),
            "ci95": [number(entry["low"]), number(entry["high"])],
            "members": estimate.attrs["members"],
            "published": number(entry["published"]) if "published" in entry else None,
            "quantity": quantity,
        }
    return rows


def number(value: xr.DataArray) -> float | None:
    """Return a scalar as a float; None where it is not finite, which JSON cannot represent."""
    scalar = float(value)
    return scalar if np.isfinite(scalar) else None
