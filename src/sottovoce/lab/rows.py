"""Rows of a table: each has a mean, its 95 % interval, the number of members and the published value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.measure.statistics import Scale, interval

Table = dict[str, dict[str, Any]]


def rows_of(estimate: xr.Dataset, dim: str, quantity: str, label: Callable[[Any], str] = str) -> Table:
    """Return one row for each entry of a dimension of an estimate.

    Args:
        estimate: `mean`, `low` and `high` along `dim`, and `published` where values are published, as
            `lab.estimates.over_members` returns them.
        dim: the dimension.
        quantity: the quantity that is estimated, in words.
        label: makes a row's label of the dimension's coordinate.

    Returns:
        Rows by label.
    """
    rows: Table = {}
    for index, value in enumerate(estimate[dim].values.tolist()):
        row = estimate.isel({dim: index})
        published = number(row["published"]) if "published" in row else None
        rows[label(value)] = {
            "mean": number(row["mean"]),
            "ci95": [number(row["low"]), number(row["high"])],
            "members": estimate.attrs["members"],
            "published": published,
            "quantity": quantity,
        }
    return rows


def row_of(values: xr.DataArray, quantity: str, scale: Scale = "identity") -> dict[str, Any]:
    """Return the row of one value per member: its mean over the members whose value is finite."""
    # A member for which the value is undefined has a value that is not finite.
    finite = values.values[np.isfinite(values.values)]
    mean, low, high = (value if np.isfinite(value) else None for value in interval(finite, scale))
    return {
        "mean": mean,
        "ci95": [low, high],
        "members": finite.size,
        "published": None,
        "quantity": quantity,
    }


def number(value: xr.DataArray) -> float | None:
    """Return a scalar as a float; None where it is not finite, which JSON cannot represent."""
    scalar = float(value)
    return scalar if np.isfinite(scalar) else None
