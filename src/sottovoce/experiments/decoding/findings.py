"""Table rows and claims on how the learned directions get used, from the post's last section and the linear theory."""

import json
from functools import partial
from typing import Any, Literal

import xarray as xr

from sottovoce.lab.claims import INFINITY, Claim, Measure, mean_of, worst_of
from sottovoce.lab.estimates import chance, converged, fraction_of
from sottovoce.lab.evidence import NOTHING, Evidence, Mean, Ratio, of_members
from sottovoce.lab.rows import Rows, Table, table_of
from sottovoce.measure.statistics import Scale


def part_recovered_fraction(decoding: xr.Dataset) -> xr.DataArray:
    """Return the recovered fraction of every part of a change, with the dimensions of `part_accuracy`."""
    teacher = decoding["graft_accuracy"].sel(body="teacher", head="teacher", drop=True)
    return fraction_of(decoding, decoding["part_accuracy"], teacher)


_DECODING = {
    "graft_accuracy": ("test accuracy", "{body} body, {head} class head"),
    "probe_accuracy": ("test accuracy", "{body} body, linear probe"),
    "affine_accuracy": ("test accuracy", "{body} auxiliary logits through the affine map"),
    "affine_accuracy_shuffled": ("test accuracy", "{body} auxiliary logits through a map of shuffled pairs"),
    "affine_r2": ("R squared", "{body} auxiliary logits through the affine map, R squared"),
    "affine_r2_shuffled": ("R squared", "{body} auxiliary logits through a map of shuffled pairs, R squared"),
    "label_accuracy": ("test accuracy", "{body} on label {label}"),
    "relative_drift": ("relative drift", "{body} drift, {block}"),
    "cka": ("debiased CKA", "{pair}, CKA"),
    "cka_shuffled": ("debiased CKA", "{pair}, CKA of shuffled images"),
    "energy": ("share of energy", "{network} update, energy on {subspace}"),
    "energy_random_high": ("share of energy", "{network} update, energy on random as {subspace}, 95 % quantile"),
    "energy_shuffled": ("share of energy", "{network} update, energy on shuffled {subspace}"),
    "overlap": ("mean squared cosine", "overlap, {side} side, teacher {teacher_subspace}"),
    "overlap_random_high": ("mean squared cosine", "overlap, {side} side, random {teacher_subspace}, 95 % quantile"),
    "overlap_shuffled": ("mean squared cosine", "overlap, {side} side, shuffled {teacher_subspace}"),
    "overlap_unrelated": ("mean squared cosine", "overlap, {side} side, unrelated student, teacher {teacher_subspace}"),
    "shared": ("squared cosine", "direction {direction} shared with the teacher, {side} side"),
    "shared_unrelated": ("squared cosine", "direction {direction} shared with the teacher, {side} side, unrelated"),
    "cka_unrelated": ("debiased CKA", "teacher and unrelated student, CKA"),
    "principal_angle": ("degrees", "principal angle {angle}, {side} side"),
    "principal_angle_random": ("degrees", "principal angle {angle}, {side} side, random"),
    "unchanged_accuracy": ("test accuracy", "{network}, no change of {scope}"),
    "whole_accuracy": ("test accuracy", "{network}, whole change of {scope}"),
    "last_alone_accuracy": ("test accuracy", "{network}, last_layer alone changed"),
    "part_accuracy": ("test accuracy", "{network}, change of {scope} {part} {subspace}"),
    "part_recovered_fraction": ("recovered fraction", "{network}, fraction recovered by {scope} {part} {subspace}"),
    "part_accuracy_random": ("test accuracy", "{network}, change of {scope} {part} random as {subspace}"),
}
"""Variables of `decoding` in the order of its table, with their quantity and the wording of their rows."""

_DECODING_SHOWN = {
    # The reference does not drift, and its accuracy by label is that of an untrained network.
    **{name: {"body": ["teacher", "student"]} for name in ("relative_drift", "label_accuracy")},
    **{name: {"network": ["student"]} for name in ("unchanged_accuracy", "whole_accuracy")},
    **{name: {"network": ["student"]} for name in ("part_accuracy", "part_accuracy_random", "part_recovered_fraction")},
}
"""Selections of the variables of which the table shows only a part."""

# Accuracies and shares lie between 0 and 1 and drifts are positive: on these scales their intervals do so too.
_SCALES: dict[str, Scale] = {
    **dict.fromkeys(("test accuracy", "share of energy", "mean squared cosine", "squared cosine"), "logit"),
    "relative drift": "log",
}


def scale_of(variable: str) -> Scale:
    """Return the scale on which the interval of a variable of `decoding` is computed."""
    # Variables without a row in the table, such as exact means of nulls, are drawn in figures all the same.
    return _SCALES.get(_DECODING.get(variable, ("", ""))[0], "identity")


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    members = converged(dataset)
    measured = members.assign(part_recovered_fraction=part_recovered_fraction(members))
    rows: Table = {}
    for name, (quantity, wording) in _DECODING.items():
        # Runs of earlier versions had no unrelated teacher.
        if name not in measured:
            continue
        shown = measured[[name]].sel(_DECODING_SHOWN.get(name, {}))
        rows |= table_of(shown, Rows(name, quantity, wording, scale_of(name)))
    return rows


# The smallest difference of mean squared cosines, of squared cosines or of CKA that counts as something in common.
IN_COMMON = 0.05
# The smallest share of an update's energy beyond random subspaces that counts as written into a span.
WRITTEN = 0.1
# A digit counts as read where at least so many of its images are classified right.
READ = 0.5


def _above_random(name: str, **at: Any) -> Measure:
    """Return the statistic of a claim that a measure exceeds the 95 % quantile of random subspaces."""
    return mean_of(lambda decoding: decoding[name] - decoding[f"{name}_random_high"], **at)


def _above_unrelated(name: str, **at: Any) -> Measure:
    """Return the statistic of a claim that a measure exceeds the same measure of the unrelated teacher's student."""

    def measure(decoding: xr.Dataset) -> Evidence:
        # Runs of earlier versions had no unrelated teacher, and a run with fewer logits has fewer directions.
        if "shared" not in decoding or any(wanted not in decoding[dim] for dim, wanted in at.items()):
            return NOTHING
        members = converged(decoding)
        if name == "cka":
            own = members["cka"].sel(pair="teacher and student", drop=True)
            return of_members(own - members["cka_unrelated"])
        return of_members((members[name] - members[f"{name}_unrelated"]).sel(at, drop=True))

    return measure


def _decoded_share(decoding: xr.Dataset) -> Ratio:
    """Return the evidence that the initial class head reads the student's features: accuracy over a probe's.

    Both accuracies are counted from chance.
    """
    student, level = converged(decoding).sel(body="student"), chance(json.loads(decoding.attrs["config"]))
    decoded = student["graft_accuracy"].sel(head="reference")
    return Ratio((decoded - level).values, (student["probe_accuracy"] - level).values)


def _digits_read(decoding: xr.Dataset) -> Mean:
    accuracy = converged(decoding)["label_accuracy"].sel(body="student")
    # Where only some classes are used, the others have no test images and no accuracy.
    return of_members((accuracy >= READ).sum("label"))


def _share_of_gain(part: Literal["on", "off"]) -> Measure:
    """Return the statistic of a claim on span(Z), as a share of the student's gain in accuracy over the reference.

    Part "on" is the gain with the part on span(Z) alone, part "off" the loss from leaving that part out.
    """

    def measure(decoding: xr.Dataset) -> Ratio:
        student = converged(decoding).sel(network="student", scope="trunk")
        unchanged, whole = student["unchanged_accuracy"], student["whole_accuracy"]
        accuracy = student["part_accuracy"].sel(subspace="aux_head", part=part)
        change = accuracy - unchanged if part == "on" else whole - accuracy
        return Ratio(change.values, (whole - unchanged).values)

    return measure


_claim = partial(Claim, place="post, last section", result="decoding", figure="decoding")
_theory = partial(_claim, place="linear theory, docs/theory.md, section 2; post, Why This Works")

CLAIMS = (
    _claim(
        "i-untrained",
        "The student's class head is the initial one: distillation on auxiliary logits does not train it.",
        "relative drift of the student's class head, |W - W0| / |W0|; largest over members",
        (0.0, 0.0),
        worst_of("relative_drift", body="student", block="class_head"),
        published="exactly",
    ),
    _claim(
        "i-head",
        "The untouched class head decodes what the student learned.",
        "accuracy of the student's body under the initial class head, over the accuracy of a linear probe on this "
        "body, both counted from chance; ratio of means over members",
        (0.5, INFINITY),
        _decoded_share,
        primary=True,
        alternative=0.75,
        published="if it can be decoded at all",
    ),
    _claim(
        "i-digits",
        "The noisy decoding gets some digits right.",
        f"number of digits of which the student classifies a share of at least {READ} of the test images right; mean "
        "over members",
        (2.0, INFINITY),
        _digits_read,
        published="some",
    ),
    _claim(
        "i-three",
        "A student of three auxiliary logits learns at least three of its teacher's directions.",
        "squared cosine of the third principal angle between the student's three strongest input directions of the "
        "last hidden layer's update and the teacher's as many as there are class directions, minus that of the "
        "unrelated teacher's student; mean over members",
        (IN_COMMON, INFINITY),
        _above_unrelated("shared", side="input", direction=3),
        primary=True,
        alternative=3 * IN_COMMON,
        figure="subspaces",
        published="at least three",
    ),
    _claim(
        "i-three-output",
        "The student of three auxiliary logits writes into at least three of its teacher's directions.",
        "squared cosine of the third principal angle between the student's three strongest output directions of the "
        "last hidden layer's update and the teacher's as many as there are class directions, minus that of the "
        "unrelated teacher's student; mean over members",
        (IN_COMMON, INFINITY),
        _above_unrelated("shared", side="output", direction=3),
        alternative=3 * IN_COMMON,
        figure="subspaces",
        published="at least three",
    ),
    _claim(
        "i-decoding",
        "The initial class head can decode the directions that the teacher learned.",
        "accuracy of the teacher's body under the reference's class head; mean over members",
        (0.5, INFINITY),
        mean_of("graft_accuracy", "logit", body="teacher", head="reference"),
        published="noisily",
    ),
    _theory(
        "i-span",
        "The student's update writes into the span of the distilled auxiliary columns more than chance.",
        "share of the energy of the student's update of the last hidden layer on span(Z), minus the 95 % quantile of "
        "random subspaces of the same rank; mean over members",
        (WRITTEN, INFINITY),
        _above_random("energy", network="student", subspace="aux_head"),
        figure="subspaces",
        published="wholly, for a linear trunk",
    ),
    _theory(
        "i-carried",
        "The part of the student's change on span(Z) carries most of its accuracy.",
        "accuracy with that part alone minus the reference's, over the student's minus the reference's, all under the "
        "initial class head; ratio of means over members",
        (0.5, INFINITY),
        _share_of_gain("on"),
        primary=True,
        alternative=0.75,
        figure="parts",
        published="all, for a linear trunk",
    ),
    _theory(
        "i-lost",
        "Without the part of its change on span(Z) the student loses most of its accuracy.",
        "accuracy of the student minus its accuracy without that part, over the student's minus the reference's; ratio "
        "of means over members",
        (0.5, INFINITY),
        _share_of_gain("off"),
        figure="parts",
        published="all, for a linear trunk",
    ),
    *(
        _claim(
            f"i-overlap-{side}",
            f"Teacher and student {verb} the same directions of the last hidden layer.",
            f"mean squared cosine of the principal angles between the strongest {side} directions of both updates, as "
            "many as the objective teaches, minus that of the unrelated teacher's student; mean over members",
            (IN_COMMON, INFINITY),
            _above_unrelated("overlap", side=side, teacher_subspace="matched"),
            place="post, Why This Works",
            figure="subspaces",
            published="a direction that the teacher learned",
        )
        for side, verb in (("output", "write into"), ("input", "read from"))
    ),
    _claim(
        "i-similarity",
        "Distillation makes the student's hidden features more similar to its teacher's.",
        "debiased linear CKA on test images between teacher and student, minus the CKA between teacher and the "
        "unrelated teacher's student; mean over members",
        (IN_COMMON, INFINITY),
        _above_unrelated("cka"),
        figure="similarity",
        published="at least three of the teacher's directions",
    ),
)
