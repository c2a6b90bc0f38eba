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
    errors = training["step_error"].transpose("rate", ...)
    logs = np.log(errors.values)
    slopes = np.polyfit(np.log(training["rate"].values), logs.reshape(len(logs), -1), 1)[0]
    return errors.isel(rate=0, drop=True).copy(data=slopes.reshape(logs.shape[1:]))


def noise_to_signal(training: xr.Dataset) -> xr.DataArray:
    """Return the tangent of the angle between the student's and the teacher's change of class logits.

    Args:
        training: result of the experiment `toy_training`.

    Returns:
        By member and head_rate; a change that is only shrunk leaves it as it is.
    """
    return training["noise"] / training["signal"]


def drift_correlation(training: xr.Dataset) -> xr.DataArray:
    """Return each member's rank correlation over head rates of decoding error and the distance between both heads.

    Args:
        training: result of the experiment `toy_training`; the W2 of teacher and student moving.

    Returns:
        By member, in [-1, 1].
    """
    both = training.sel(moving="both")
    pairs = zip(both["head_mismatch"].values, 1 - both["moving_recovered"].values, strict=True)
    values = [spearmanr(mismatch, error)[0] for mismatch, error in pairs]
    # Rounding must not lift a perfect correlation above 1.
    return training["member"].copy(data=np.clip(values, -1.0, 1.0))
