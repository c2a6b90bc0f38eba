"""Statistics of the toy's training: the order of a step's error, noise beside signal, drift beside decoding error."""

import numpy as np
import xarray as xr
from scipy.stats import spearmanr


def step_order(training: xr.Dataset) -> xr.DataArray:
    """Return the slope of log error against log step size by member and layers; 1 for a method of order 1.

    Args:
        training: result of the experiment `toy_training`.

    Returns:
        Least-squares slopes over all step sizes.
    """
    logs = np.log(training["step_error"]).assign_coords(rate=np.log(training["rate"]))
    return logs.polyfit("rate", 1)["polyfit_coefficients"].sel(degree=1, drop=True)


def noise_to_signal(training: xr.Dataset) -> xr.DataArray:
    """Return the tangent of the angle between the student's and the teacher's change of class logits.

    Args:
        training: result of the experiment `toy_training`.

    Returns:
        By member and head_rate; a change that is only shrunk leaves it as it is.
    """
    return training["noise"] / training["signal"]


def drift_correlation(training: xr.Dataset) -> xr.DataArray:
    """Return each member's rank correlation of decoding error with the distance between the heads, over head rates.

    Args:
        training: result of the experiment `toy_training`.

    Returns:
        By member, in [-1, 1].
    """
    pairs = zip(training["head_mismatch"].values, 1 - training["moving_recovered"].values, strict=True)
    values = [spearmanr(mismatch, error).statistic for mismatch, error in pairs]
    return training["member"].copy(data=np.array(values))
