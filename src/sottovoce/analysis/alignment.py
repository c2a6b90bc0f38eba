"""Students watched along their training, and what interventions do to fit and transfer."""

import numpy as np
import xarray as xr

from sottovoce.analysis.estimates import converged, over_members
from sottovoce.measure.statistics import Interval, interval

PLAIN = "student"
TRACED = ("student_accuracy", "teacher_accuracy", "auxiliary_loss", "class_loss", "cosine", "cosine_null")
SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}


def traces(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate what was seen along training.

    Args:
        dataset: result of the experiment `alignment`.

    Returns:
        Means over members of the variables of `TRACED`, each with `_low` and `_high`; attribute `members`.
    """
    kept = converged(dataset)
    found = xr.Dataset(attrs={"members": kept.sizes["member"]})
    for name in TRACED:
        estimate = over_members(kept[name])
        for suffix, part in SUFFIXES.items():
            found[name + suffix] = estimate[part]
    return found


def outcomes(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    """Estimate how students end.

    Args:
        dataset: result of the experiment `alignment`.

    Returns:
        Estimates over members by student: `accuracy`, `gain` over the reference, `change` from the plain student's
        accuracy, `auxiliary_loss` against the own teacher's clean logits, and `ratio` of that to the plain student's
        (geometric mean). Differences and ratios are paired over members.
    """
    kept = converged(dataset)
    accuracy = kept["student_accuracy"].isel(step=-1, drop=True)
    found = {
        "accuracy": accuracy,
        "gain": accuracy - kept["accuracy"].sel(role="reference", drop=True),
        "change": accuracy - accuracy.sel(student=PLAIN, drop=True),
        "auxiliary_loss": kept["auxiliary_loss"].isel(step=-1, drop=True),
    }
    estimates = {name: over_members(values) for name, values in found.items()}
    ratio = over_members(_log_ratio(kept))
    # The half-width of a ratio is none of its own scale.
    estimates["ratio"] = np.exp(ratio).assign(half_width=ratio["half_width"] * np.nan).assign_attrs(ratio.attrs)
    return estimates


def mean_cosines(dataset: xr.Dataset) -> xr.Dataset:
    """Return `cosine`, `cosine_null` and `excess`, the one less the other, by member: means over checkpoints."""
    kept = converged(dataset)[["cosine", "cosine_null"]]
    return kept.assign(excess=kept["cosine"] - kept["cosine_null"]).mean("step")


def excess(dataset: xr.Dataset, overlap: str) -> Interval:
    """Return the plain student's cosine less its null, mean over checkpoints."""
    return interval(mean_cosines(dataset)["excess"].sel(student=PLAIN, overlap=overlap).values)


def accuracy_above(dataset: xr.Dataset, student: str, other: str) -> Interval:
    """Return a student's accuracy less another role's; NaN where the student was not trained."""
    accuracy = converged(dataset)["accuracy"]
    if student not in accuracy["role"]:
        return Interval(np.nan, np.nan, np.nan)
    return interval(accuracy.sel(role=student).values - accuracy.sel(role=other).values)


def fit_ratio(dataset: xr.Dataset, student: str) -> Interval:
    """Return a student's auxiliary loss at the end over the plain student's, geometric mean; NaN where not trained."""
    if student not in dataset["student"]:
        return Interval(np.nan, np.nan, np.nan)
    ratio = _log_ratio(converged(dataset)).sel(student=student)
    return Interval(*(float(np.exp(value)) for value in interval(ratio.values)))


def _log_ratio(kept: xr.Dataset) -> xr.DataArray:
    loss = kept["auxiliary_loss"].isel(step=-1, drop=True)
    return xr.apply_ufunc(np.log, loss / loss.sel(student=PLAIN, drop=True))
