"""Rows of the experiment `capture`."""

import xarray as xr

from sottovoce.lab import estimates
from sottovoce.lab.rows import Table, rows_of


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    rows: Table = {}
    for objective in dataset["objective"].values.tolist():
        estimate = estimates.over_members(dataset["captured_mean"].sel(objective=objective), "logit")
        rows |= rows_of(estimate, "n_aux", "captured energy", lambda k, objective=objective: f"{objective}, k = {k}")
    return rows
