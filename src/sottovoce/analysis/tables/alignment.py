"""Rows of the experiment on alignment and interventions."""

import xarray as xr

from sottovoce.analysis import alignment, estimates
from sottovoce.analysis.tables.rows import Table, rows_of

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
# Of the students whose overlaps the table says; the result holds all.
SHOWN = ("student", "cross_model", "projection", "step_projection")


def alignment_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `alignment`."""
    rows = rows_of(estimates.over_members(estimates.converged(dataset)["accuracy"], "logit"), "role", "test accuracy")
    ends = alignment.outcomes(dataset)
    for name, (quantity, wording) in OUTCOMES.items():
        rows |= rows_of(ends[name], "student", quantity, wording.format)
    cosines = alignment.mean_cosines(dataset)
    for student in (name for name in SHOWN if name in cosines["student"]):
        for variable, null in (("cosine", ""), ("cosine_null", ", null")):
            estimate = estimates.over_members(cosines[variable].sel(student=student), "fisher_z")
            rows |= rows_of(
                estimate, "overlap", "mean cosine", lambda o, s=student, n=null: f"{s}, cosine of {WORDS[o]}{n}"
            )
    return rows
