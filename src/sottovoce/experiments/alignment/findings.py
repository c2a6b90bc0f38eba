"""Estimates, table rows and claims on overlaps along training and on what interventions do to fit and transfer."""

from functools import partial

import xarray as xr

from sottovoce.lab.claims import INFINITY, NOTHING, Claim, Evidence, Mean, Ratio, of_members
from sottovoce.lab.estimates import band, converged, over_members, ratio
from sottovoce.lab.rows import Table, rows_of
from sottovoce.measure.statistics import Scale

# The student without intervention that is distilled on auxiliary logits alone, to which all others are compared.
PLAIN = "student"

TRACED: dict[str, tuple[str, Scale]] = {
    "student_accuracy": ("step", "logit"),
    "teacher_accuracy": ("teacher_step", "logit"),
    "auxiliary_loss": ("step", "log"),
    "class_loss": ("step", "log"),
    # Cosines lie between -1 and 1: on this scale the ends of their intervals do so too.
    "cosine": ("step", "fisher_z"),
    "cosine_null": ("step", "fisher_z"),
}
"""Variables followed along training, each with its dimension of steps and the scale of its intervals."""

SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}


def traces(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate curves along training.

    Args:
        dataset: result of the experiment `alignment`.

    Returns:
        Means over members of the variables of `TRACED`, each with `_low` and `_high`, bands that contain the whole
        curve with 95 % confidence; attribute `members`, the number of members that converged.
    """
    converged_members = converged(dataset)
    curves = xr.Dataset(attrs={"members": converged_members.sizes["member"]})
    for name, (along, scale) in TRACED.items():
        estimate = band(converged_members[name], along, scale)
        for suffix, part in SUFFIXES.items():
            curves[name + suffix] = estimate[part]
    return curves


def outcomes(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    """Estimate accuracy and fit of every student at the end of its training.

    Args:
        dataset: result of the experiment `alignment`.

    Returns:
        Estimates over members by student: `accuracy`; `gain`, the accuracy minus the reference's; `change`, the
        accuracy minus the plain student's; `auxiliary_loss` against the own teacher's unmodified logits; and `ratio`,
        the mean of this loss over the plain student's mean. Differences and ratios are paired over members.
    """
    converged_members = converged(dataset)
    accuracy = converged_members["student_accuracy"].isel(step=-1, drop=True)
    loss = converged_members["auxiliary_loss"].isel(step=-1, drop=True)
    return {
        "accuracy": over_members(accuracy, "logit"),
        "gain": over_members(accuracy - converged_members["accuracy"].sel(role="reference", drop=True)),
        "change": over_members(accuracy - accuracy.sel(student=PLAIN, drop=True)),
        "auxiliary_loss": over_members(loss, "log"),
        "ratio": ratio(loss, loss.sel(student=PLAIN, drop=True)),
    }


def mean_cosines(dataset: xr.Dataset) -> xr.Dataset:
    """Return `cosine`, `cosine_null` and their difference `excess`, averaged over checkpoints, for each member."""
    cosines = converged(dataset)[["cosine", "cosine_null"]]
    # A displacement is zero before the first step, where its cosine is NaN; the mean leaves that checkpoint out.
    return cosines.assign(excess=cosines["cosine"] - cosines["cosine_null"]).mean("step")


def excess(dataset: xr.Dataset, overlap: str) -> Mean:
    """Return the plain student's cosine minus its null, averaged over checkpoints, for each member."""
    return of_members(mean_cosines(dataset)["excess"].sel(student=PLAIN, overlap=overlap))


def accuracy_above(dataset: xr.Dataset, student: str, other: str) -> Mean:
    """Return a student's accuracy minus another role's for each member; `NOTHING` where it was not trained."""
    accuracy = converged(dataset)["accuracy"]
    if student not in accuracy["role"]:
        return NOTHING
    return of_members(accuracy.sel(role=student, drop=True) - accuracy.sel(role=other, drop=True))


def fit_ratio(dataset: xr.Dataset, student: str) -> Evidence:
    """Return a student's final auxiliary loss over the plain student's; `NOTHING` where it was not trained."""
    if student not in dataset["student"]:
        return NOTHING
    loss = converged(dataset)["auxiliary_loss"].isel(step=-1)
    return Ratio(loss.sel(student=student).values, loss.sel(student=PLAIN).values)


OUTCOMES = {
    "change": ("change of accuracy", "{}, accuracy less the student's"),
    "auxiliary_loss": ("auxiliary loss", "{}, auxiliary loss at the end"),
    "ratio": ("ratio of losses", "{}, auxiliary loss over the student's"),
}

WORDS = {
    "gradient_class": "gradient and class loss",
    "gradient_teacher": "gradient and the teacher's way",
    "step_class": "step and class loss",
    "step_teacher": "step and the teacher's way",
    "way_teacher": "way and the teacher's way",
}

# A row for every student and overlap would make the table unreadable; the dataset holds all of them.
SHOWN = ("student", "cross_model", "projection", "step_projection")


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    rows = rows_of(over_members(converged(dataset)["accuracy"], "logit"), "role", "test accuracy")
    ends = outcomes(dataset)
    for name, (quantity, wording) in OUTCOMES.items():
        rows |= rows_of(ends[name], "student", quantity, wording.format)
    cosines = mean_cosines(dataset)
    for student in (name for name in SHOWN if name in cosines["student"]):
        for variable, null in (("cosine", ""), ("cosine_null", ", null")):
            estimate = over_members(cosines[variable].sel(student=student), "fisher_z")
            rows |= rows_of(
                estimate, "overlap", "mean cosine", lambda o, s=student, n=null: f"{s}, cosine of {WORDS[o]}{n}"
            )
    return rows


PLACE = "hypothesis of this laboratory; docs/interventions.md"

OVERLAPS = {
    "gradient_class": "The gradient on auxiliary logits is aligned with the gradient of the class loss",
    "step_class": "The optimizer's step on auxiliary logits lowers the class loss",
    "gradient_teacher": "The gradient on auxiliary logits points along the teacher's displacement from initialization",
}

INTERVENTIONS = {
    "projection": "Taking the component along the class gradient out of the gradient",
    "step_projection": "Taking the component along the class gradient out of the optimizer's step",
    "held": "A KL penalty that anchors the student to its initialization early in training",
    "decay": "Weight decay",
    "noisy_targets": "Noise on the targets",
    "two_teachers": "Mixing the targets with the logits of a teacher that started from another initialization",
}

CONTROLS = {
    "projection_control": "Taking a component along a class gradient of shuffled labels out of the gradient",
    "step_projection_control": "Taking a component along a class gradient of shuffled labels out of the step",
}

_ALIGNED = tuple(
    Claim(
        key=f"align-{overlap}",
        text=f"{text}, along a student's training.",
        place=PLACE,
        result="alignment",
        statistic="cosine over the trunk minus its null, mean over checkpoints; mean over members",
        low=0.0,
        high=INFINITY,
        measure=partial(excess, overlap=overlap),
        published="-",
        figure="alignment",
    )
    for overlap, text in OVERLAPS.items()
)

_STOPPED = tuple(
    Claim(
        key=f"stop-{name}",
        text=f"{text} stops transfer.",
        place=PLACE,
        result="alignment",
        statistic="accuracy of the student at the end minus that of the reference; mean over members",
        low=-0.05,
        high=0.05,
        measure=partial(accuracy_above, student=name, other="reference"),
        published="-",
        figure="alignment_outcomes",
    )
    for name, text in INTERVENTIONS.items()
)

_FITTED = tuple(
    Claim(
        key=f"fit-{name}",
        text=f"{text} leaves the fit of the auxiliary logits unchanged.",
        place=PLACE,
        result="alignment",
        statistic="auxiliary loss at the end on held-out inputs over the plain student's; ratio of means over members",
        low=0.0,
        high=1.1,
        measure=partial(fit_ratio, student=name),
        published="-",
        figure="alignment_outcomes",
    )
    for name, text in INTERVENTIONS.items()
)

_CONTROLLED = tuple(
    Claim(
        key=f"control-{name}",
        text=f"{text} leaves transfer unchanged.",
        place=PLACE,
        result="alignment",
        statistic="accuracy of the student at the end minus that of the plain student; mean over members",
        low=-0.05,
        high=0.05,
        measure=partial(accuracy_above, student=name, other=PLAIN),
        published="-",
        figure="alignment_outcomes",
    )
    for name, text in CONTROLS.items()
)

CLAIMS = (*_ALIGNED, *_STOPPED, *_FITTED, *_CONTROLLED)
