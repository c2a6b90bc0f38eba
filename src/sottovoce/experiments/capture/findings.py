"""Rows of the experiment `capture`."""

import xarray as xr

from sottovoce.lab import estimates
from sottovoce.lab.rows import Table, rows_of


def capture_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `capture`."""
    rows: Table = {}
    for objective in dataset["objective"].values.tolist():
        estimate = estimates.over_members(dataset["captured_mean"].sel(objective=objective), "logit")
        rows |= rows_of(estimate, "n_aux", "captured energy", lambda k, objective=objective: f"{objective}, k = {k}")
    return rows
