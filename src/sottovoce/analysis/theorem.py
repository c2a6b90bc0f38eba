"""Orders and signs of the theorem experiment."""

import numpy as np
import xarray as xr


def relative_errors(dataset: xr.Dataset) -> xr.Dataset:
    """Return the errors of `inner_error` and `drop_error` by member, activation and size.

    Root mean squares over objectives, subsets and inputs: an error whose leading term happens to vanish in one setting
    does not decide.
    """
    squares = dataset[["inner_error", "drop_error"]] ** 2
    return np.sqrt(squares.mean(["objective", "subset", "inputs"]))


def order(errors: xr.DataArray) -> xr.DataArray:
    """Return the slope of log error against log size, by least squares over the dimension `size`."""
    x = np.log(errors["size"]) - np.log(errors["size"]).mean()
    return (x * np.log(errors)).sum("size") / (x**2).sum("size")


def positive_share(dataset: xr.Dataset) -> xr.DataArray:
    """Return by member, activation, initial and subset the share of objectives and inputs with a positive sign."""
    return (dataset["sign"] > 0).mean(["objective", "inputs"])
