"""Estimates, table rows and claims on overlaps along training and on what interventions do to fit and transfer."""

from functools import partial

import xarray as xr

from sottovoce.lab.claims import INFINITY, Claim, Measure, difference
from sottovoce.lab.estimates import band, converged, flat, over_members, ratio
from sottovoce.lab.evidence import NOTHING, Evidence, Ratio, of_members
from sottovoce.lab.rows import Rows, Table, rows_of, table_of
from sottovoce.measure.statistics import Scale

# The student without intervention that is distilled on auxiliary logits alone, to which all others are compared.
PLAIN = "student"

TRACED: dict[str, tuple[str, Scale]] = {
    "student_accuracy": ("step", "logit"),
    "teacher_accuracy": ("teacher_step", "logit"),
    # Losses are positive: on this scale the ends of their intervals are so too.
    "auxiliary_loss": ("step", "log"),
    "class_loss": ("step", "log"),
    # Cosines lie between -1 and 1: on this scale the ends of their intervals do so too.
    "cosine": ("step", "fisher_z"),
    "cosine_null": ("step", "fisher_z"),
}
"""Variables followed along training, each with its dimension of steps and the scale of its intervals."""


def traces(dataset: xr.Dataset) -> xr.Dataset:
    """Return the curves of `TRACED` over the converged members, flat, with bands that contain the whole curve."""
    members = converged(dataset)
    return flat({name: band(members[name], along, scale) for name, (along, scale) in TRACED.items()})


def outcomes(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    """Estimate accuracy and fit of every student at the end of its training.

    Returns:
        Estimates over members by student: `accuracy`; `gain`, the accuracy minus the reference's; `change`, the
        accuracy minus the plain student's; `auxiliary_loss` against the own teacher's unmodified logits; and `ratio`,
        the mean of this loss over the plain student's mean. Differences and ratios are paired over members.
    """
    members = converged(dataset)
    accuracy, loss = (members[name].isel(step=-1, drop=True) for name in ("student_accuracy", "auxiliary_loss"))
    return {
        "accuracy": over_members(accuracy, "logit"),
        "gain": over_members(accuracy - members["accuracy"].sel(role="reference", drop=True)),
        "change": over_members(accuracy - accuracy.sel(student=PLAIN, drop=True)),
        "auxiliary_loss": over_members(loss, "log"),
        "ratio": ratio(loss, loss.sel(student=PLAIN, drop=True)),
    }


def mean_cosines(dataset: xr.Dataset) -> xr.Dataset:
    """Return `cosine`, `cosine_null` and their difference `excess`, averaged over checkpoints, for each member."""
    cosines = converged(dataset)[["cosine", "cosine_null"]]
    # A displacement is zero before the first step, where its cosine is NaN; the mean leaves that checkpoint out.
    return cosines.assign(excess=cosines["cosine"] - cosines["cosine_null"]).mean("step")


OUTCOMES = {
    "change": ("change of accuracy", "{student}, accuracy less the student's"),
    "auxiliary_loss": ("auxiliary loss", "{student}, auxiliary loss at the end"),
    "ratio": ("ratio of losses", "{student}, auxiliary loss over the student's"),
}

WORDS = {
    "gradient_class": "gradient and class loss",
    "gradient_teacher": "gradient and the teacher's way",
    "step_class": "step and class loss",
    "step_teacher": "step and the teacher's way",
    "way_teacher": "way and the teacher's way",
}

# A row for every student and overlap would make the table unreadable; the dataset holds all of them.
SHOWN = ("student", "cross_model", "unrelated", "projection", "step_projection")


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    rows = table_of(converged(dataset), Rows("accuracy", "test accuracy", "{role}", "logit"))
    ends, cosines = outcomes(dataset), mean_cosines(dataset)
    for name, (quantity, wording) in OUTCOMES.items():
        rows |= rows_of(ends[name], quantity, wording)
    worded = cosines.assign_coords(overlap=[WORDS[overlap] for overlap in cosines["overlap"].values.tolist()])
    for student in (name for name in SHOWN if name in cosines["student"]):
        rows |= table_of(
            worded.sel(student=student),
            Rows("cosine", "mean cosine", "{student}, cosine of {overlap}", "fisher_z"),
            Rows("cosine_null", "mean cosine", "{student}, cosine of {overlap}, null", "fisher_z"),
        )
    return rows


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


# The smallest difference of mean cosines that counts as alignment.
ALIGNED = 0.02


def _above_unrelated(overlap: str) -> Measure:
    def measure(dataset: xr.Dataset) -> Evidence:
        # Runs of version 1 had no unrelated teacher.
        if "unrelated" not in dataset["student"]:
            return NOTHING
        cosine = mean_cosines(dataset)["cosine"].sel(overlap=overlap)
        return of_members(cosine.sel(student=PLAIN) - cosine.sel(student="unrelated"))

    return measure


def _fit_ratio(student: str) -> Measure:
    def measure(dataset: xr.Dataset) -> Evidence:
        # A run may have been made without this intervention; it then decides no claim.
        if student not in dataset["student"]:
            return NOTHING
        loss = converged(dataset)["auxiliary_loss"].isel(step=-1)
        return Ratio(loss.sel(student=student).values, loss.sel(student=PLAIN).values)

    return measure


_claim = partial(
    Claim,
    place="hypothesis of this laboratory; docs/interventions.md",
    result="alignment",
    figure="alignment_outcomes",
)

CLAIMS = (
    *(
        _claim(
            f"align-{overlap}",
            f"{text}, along a student's training.",
            "cosine over the trunk minus that of the unrelated teacher's student, mean over checkpoints; mean over "
            "members",
            (ALIGNED, INFINITY),
            _above_unrelated(overlap),
            figure="alignment",
        )
        for overlap, text in OVERLAPS.items()
    ),
    *(
        _claim(
            f"stop-{name}",
            f"{text} stops transfer.",
            "accuracy of the student at the end minus that of the reference; mean over members",
            (-0.05, 0.05),
            difference("accuracy", "role", name, "reference"),
        )
        for name, text in INTERVENTIONS.items()
    ),
    *(
        _claim(
            f"fit-{name}",
            f"{text} leaves the fit of the auxiliary logits unchanged.",
            "auxiliary loss at the end on held-out inputs over the plain student's; ratio of means over members",
            (0.0, 1.1),
            _fit_ratio(name),
        )
        for name, text in INTERVENTIONS.items()
    ),
    *(
        _claim(
            f"control-{name}",
            f"{text} leaves transfer unchanged.",
            "accuracy of the student at the end minus that of the plain student; mean over members",
            (-0.05, 0.05),
            difference("accuracy", "role", name, PLAIN),
        )
        for name, text in CONTROLS.items()
    ),
)
