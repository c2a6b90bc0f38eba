"""Rows of the experiment `capture`."""

import xarray as xr

from sottovoce.lab.rows import Rows, Table, table_of


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    return table_of(dataset, Rows("captured_mean", "captured energy", "{objective}, k = {n_aux}", "logit"))
