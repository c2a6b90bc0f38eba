"""Table rows of the experiment `inputs`."""

import xarray as xr

from sottovoce.lab.rows import Rows, Table, table_of

SHARE = "share of variance in 10 components"


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    return table_of(
        dataset,
        Rows("mean", "mean", "{kind}, mean"),
        Rows("sd", "sd", "{kind}, sd", "log"),
        Rows("share", SHARE, f"{{kind}}, {SHARE}", "logit"),
    )
