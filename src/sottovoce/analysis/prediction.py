"""How near predictors come, over members."""

import numpy as np
import xarray as xr

from sottovoce.analysis.estimates import converged, over_members
from sottovoce.measure import statistics

SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}


def scores(dataset: xr.Dataset) -> xr.Dataset:
    """Score every predictor on every kind of student.

    Args:
        dataset: result of the experiment `prediction`.

    Returns:
        By predictor, objective and n_aux: means over members of the predicted `accuracy`, of `absolute_error` (of the
        accuracy), `correlation` and `size`, and `rank_correlation` (Spearman over members), each with `_low` and
        `_high`. The predictor "mean_of_others" is added to accuracy, absolute_error and rank_correlation: for each
        member the mean accuracy of the other members' students, what one knows without any predictor. Attribute
        `members`.
    """
    kept = converged(dataset)
    true = kept["student_accuracy"]
    predicted = xr.concat([kept["accuracy"], mean_of_others(true)], dim="predictor").transpose("predictor", ...)
    quantities = {
        "accuracy": predicted,
        "absolute_error": abs(predicted - true),
        **{name: kept[name].reindex_like(predicted) for name in ("correlation", "size")},
    }
    found = xr.Dataset(attrs={"members": kept.sizes["member"]})
    for name, values in quantities.items():
        estimate = over_members(values)
        for suffix, part in SUFFIXES.items():
            found[name + suffix] = estimate[part]
            found["rank_correlation" + suffix] = xr.full_like(estimate[part], np.nan)
    aligned = true.broadcast_like(predicted).transpose(*predicted.dims)
    by_member = predicted.get_axis_num("member")
    sides = [np.moveaxis(values.values, by_member, -1) for values in (predicted, aligned)]
    for at in np.ndindex(sides[0].shape[:-1]):
        interval = statistics.rank_correlation(sides[0][at], sides[1][at])
        for suffix, value in zip(SUFFIXES, interval, strict=True):
            found["rank_correlation" + suffix][at] = value
    return found


def mean_of_others(true: xr.DataArray) -> xr.DataArray:
    """Return for each member the mean over all other members, as a predictor of that name; NaN for one member."""
    n = true.sizes["member"]
    others = (true.sum("member") - true) / (n - 1) if n > 1 else true * np.nan
    return others.expand_dims(predictor=["mean_of_others"])
