"""How near predictors come, over members."""

import numpy as np
import xarray as xr

from sottovoce.analysis.estimates import converged, over_members
from sottovoce.measure import statistics
from sottovoce.measure.statistics import Scale

SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}


def scores(dataset: xr.Dataset) -> xr.Dataset:
    """Score every predictor on every kind of student.

    Args:
        dataset: result of the experiment `prediction`.

    Returns:
        By predictor, objective and n_aux: means over members of the predicted `accuracy`, of `absolute_error` (of the
        accuracy), `correlation` and `size`, and `rank_correlation` (Spearman over members), each with `_low` and
        `_high`. The predictor "mean_of_others" is added to accuracy and absolute_error: for each member the mean
        accuracy of the other members' students, what one knows without any predictor (it ranks members backward, by
        construction). Attribute `members`.
    """
    kept = converged(dataset)
    true = kept["student_accuracy"]
    predicted = xr.concat([kept["accuracy"], mean_of_others(true)], dim="predictor")
    predicted = predicted.transpose("member", "predictor", "objective", "n_aux")
    quantities: dict[str, tuple[xr.DataArray, Scale]] = {
        "accuracy": (predicted, "logit"),
        "absolute_error": (abs(predicted - true), "log"),
        "correlation": (kept["correlation"].reindex_like(predicted), "fisher_z"),
        "size": (kept["size"].reindex_like(predicted), "log"),
    }
    found = xr.Dataset(attrs={"members": kept.sizes["member"]})
    for name, (values, scale) in quantities.items():
        estimate = over_members(values, scale)
        for suffix, part in SUFFIXES.items():
            found[name + suffix] = estimate[part]
    ranks = _ranks(kept["accuracy"].transpose(*predicted.dims), true.transpose("member", ...))
    for suffix, values in zip(SUFFIXES, ranks, strict=True):
        found["rank_correlation" + suffix] = values.reindex_like(found["accuracy"])
    return found


def mean_of_others(true: xr.DataArray) -> xr.DataArray:
    """Return for each member the mean over all other members, as a predictor of that name; NaN for one member."""
    n = true.sizes["member"]
    others = (true.sum("member") - true) / (n - 1) if n > 1 else true * np.nan
    return others.expand_dims(predictor=["mean_of_others"])


def _ranks(predicted: xr.DataArray, true: xr.DataArray) -> list[xr.DataArray]:
    """Return Spearman's correlation over members with both ends of its interval."""
    found = np.empty((len(SUFFIXES), *predicted.shape[1:]))
    for i, *at in np.ndindex(predicted.shape[1:]):
        columns = (predicted.values[(slice(None), i, *at)], true.values[(slice(None), *at)])
        found[(slice(None), i, *at)] = statistics.rank_correlation(*columns)
    return [predicted.isel(member=0, drop=True).copy(data=part) for part in found]
