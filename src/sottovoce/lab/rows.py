"""Rows of a table: a mean, its interval, the members and the published value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.measure.statistics import Scale, interval

Table = dict[str, dict[str, Any]]


def rows_of(estimate: xr.Dataset, dim: str, quantity: str, label: Callable[[Any], str] = str) -> Table:
    """Return a row for each entry of a dimension of an estimate."""
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
    """Return a row of one value per member, over the members for which it is defined."""
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
    """Return a number as JSON can say it: None where it is not finite."""
    number = float(value)
    return number if abs(number) < float("inf") else None
