"""Students watched along their training, and what interventions do to fit and transfer."""

import xarray as xr

from sottovoce.analysis.claims import NOTHING, Evidence, Mean, Ratio, of_members
from sottovoce.analysis.estimates import band, converged, over_members, ratio
from sottovoce.measure.statistics import Scale

PLAIN = "student"
TRACED: dict[str, tuple[str, Scale]] = {
    "student_accuracy": ("step", "logit"),
    "teacher_accuracy": ("teacher_step", "logit"),
    "auxiliary_loss": ("step", "log"),
    "class_loss": ("step", "log"),
    "cosine": ("step", "fisher_z"),
    "cosine_null": ("step", "fisher_z"),
}
"""What is followed along training: over which dimension, and on which scale its intervals are."""
SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}


def traces(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate what was seen along training.

    Args:
        dataset: result of the experiment `alignment`.

    Returns:
        Means over members of the variables of `TRACED`, each with `_low` and `_high`, bands that contain the whole
        curve; attribute `members`.
    """
    kept = converged(dataset)
    found = xr.Dataset(attrs={"members": kept.sizes["member"]})
    for name, (along, scale) in TRACED.items():
        estimate = band(kept[name], along, scale)
        for suffix, part in SUFFIXES.items():
            found[name + suffix] = estimate[part]
    return found


def outcomes(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    """Estimate how students end.

    Args:
        dataset: result of the experiment `alignment`.

    Returns:
        Estimates over members by student: `accuracy`, `gain` over the reference, `change` from the plain student's
        accuracy, `auxiliary_loss` against the own teacher's clean logits, and `ratio` of its mean to the plain
        student's. Differences and ratios are paired over members.
    """
    kept = converged(dataset)
    accuracy = kept["student_accuracy"].isel(step=-1, drop=True)
    loss = kept["auxiliary_loss"].isel(step=-1, drop=True)
    return {
        "accuracy": over_members(accuracy, "logit"),
        "gain": over_members(accuracy - kept["accuracy"].sel(role="reference", drop=True)),
        "change": over_members(accuracy - accuracy.sel(student=PLAIN, drop=True)),
        "auxiliary_loss": over_members(loss, "log"),
        "ratio": ratio(loss, loss.sel(student=PLAIN, drop=True)),
    }


def mean_cosines(dataset: xr.Dataset) -> xr.Dataset:
    """Return `cosine`, `cosine_null` and `excess`, the one less the other, by member: means over checkpoints."""
    kept = converged(dataset)[["cosine", "cosine_null"]]
    return kept.assign(excess=kept["cosine"] - kept["cosine_null"]).mean("step")


def excess(dataset: xr.Dataset, overlap: str) -> Mean:
    """Return the plain student's cosine less its null, mean over checkpoints."""
    return of_members(mean_cosines(dataset)["excess"].sel(student=PLAIN, overlap=overlap))


def accuracy_above(dataset: xr.Dataset, student: str, other: str) -> Mean:
    """Return a student's accuracy less another role's; nothing where the student was not trained."""
    accuracy = converged(dataset)["accuracy"]
    if student not in accuracy["role"]:
        return NOTHING
    return of_members(accuracy.sel(role=student, drop=True) - accuracy.sel(role=other, drop=True))


def fit_ratio(dataset: xr.Dataset, student: str) -> Evidence:
    """Return a student's auxiliary loss at the end over the plain student's; nothing where it was not trained."""
    if student not in dataset["student"]:
        return NOTHING
    loss = converged(dataset)["auxiliary_loss"].isel(step=-1)
    return Ratio(loss.sel(student=student).values, loss.sel(student=PLAIN).values)
