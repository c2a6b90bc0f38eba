"""Table rows of the experiment `inputs`."""

import xarray as xr

from sottovoce.lab.estimates import over_members
from sottovoce.lab.rows import Table, rows_of
from sottovoce.measure.statistics import Scale


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    rows: Table = {}
    quantities: dict[str, tuple[str, Scale]] = {
        "mean": ("mean", "identity"),
        "sd": ("sd", "log"),
        "share": ("share of variance in 10 components", "logit"),
    }
    for variable, (quantity, scale) in quantities.items():
        estimate = over_members(dataset[variable], scale)
        rows |= rows_of(estimate, "kind", quantity, lambda kind, quantity=quantity: f"{kind}, {quantity}")
    return rows
