"""Table rows and claims on how the learned directions get used, from the post's last section and the linear theory."""

from collections.abc import Callable

import xarray as xr

from sottovoce.lab.claims import INFINITY, Claim, Mean, Ratio, of_members
from sottovoce.lab.estimates import converged, fraction_of, over_members
from sottovoce.lab.rows import Table, rows_of
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

_PART_NAMES = (
    "unchanged_accuracy",
    "whole_accuracy",
    "part_accuracy",
    "part_accuracy_random",
    "part_recovered_fraction",
)

_DECODING_SHOWN = {
    # The reference does not drift, and its accuracy by label is that of an untrained network.
    **{name: {"body": ["teacher", "student"]} for name in ("relative_drift", "label_accuracy")},
    **{name: {"network": ["student"]} for name in _PART_NAMES},
}
"""Selections of the variables of which the table shows only a part."""

# Accuracies and shares lie between 0 and 1 and drifts are positive: on these scales their intervals do so too.
_SCALES: dict[str, Scale] = {
    "test accuracy": "logit",
    "share of energy": "logit",
    "mean squared cosine": "logit",
    "relative drift": "log",
}


def scale_of(variable: str) -> Scale:
    """Return the scale on which the interval of a variable of `decoding` is computed."""
    quantity, _ = _DECODING.get(variable, ("", ""))
    return _SCALES.get(quantity, "identity")


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    converged_members = converged(dataset)
    measured = converged_members.assign(part_recovered_fraction=part_recovered_fraction(converged_members))
    rows: Table = {}
    for name, (quantity, wording) in _DECODING.items():
        values = measured[name].sel(_DECODING_SHOWN.get(name, {}))
        dims = [str(dim) for dim in values.dims if dim != "member"]
        estimate = over_members(values.stack(row=dims), scale_of(name))
        rows |= rows_of(
            estimate, "row", quantity, lambda at, w=wording, d=dims: w.format(**dict(zip(d, at, strict=True)))
        )
    return rows


def _drift(decoding: xr.Dataset) -> Mean:
    return of_members(converged(decoding)["relative_drift"].sel(body="teacher", block="class_head"), "log")


def _initial_head_reads_teacher(decoding: xr.Dataset) -> Mean:
    return of_members(converged(decoding)["graft_accuracy"].sel(body="teacher", head="reference"), "logit")


def _above_random(name: str, **selection: str) -> Callable[[xr.Dataset], Mean]:
    """Return the statistic of a claim that a measure exceeds the 95 % quantile of random subspaces."""

    def measure(decoding: xr.Dataset) -> Mean:
        selected = converged(decoding).sel(selection)
        return of_members(selected[name] - selected[f"{name}_random_high"])

    return measure


def _share_of_gain(part: str) -> Callable[[xr.Dataset], Ratio]:
    """Return the statistic of a claim on span(Z), as a share of the student's gain in accuracy over the reference.

    Args:
        part: "on", the gain with the part on span(Z) alone; "off", the loss from leaving that part out.
    """

    def measure(decoding: xr.Dataset) -> Ratio:
        student = converged(decoding).sel(network="student", scope="trunk")
        gain = student["whole_accuracy"] - student["unchanged_accuracy"]
        accuracy = student["part_accuracy"].sel(subspace="aux_head", part=part)
        change = accuracy - student["unchanged_accuracy"] if part == "on" else student["whole_accuracy"] - accuracy
        return Ratio(change.values, gain.values)

    return measure


def _nearer_than_reference(decoding: xr.Dataset) -> Mean:
    cka = converged(decoding)["cka"]
    return of_members(cka.sel(pair="teacher and student", drop=True) - cka.sel(pair="reference and teacher", drop=True))


_THEORY = "linear theory, docs/theory.md, section 2; post, Why This Works"

CLAIMS = (
    Claim(
        key="i-drift",
        text="The class head barely moves while the teacher is trained.",
        place="post, last section",
        result="decoding",
        statistic="relative drift of the teacher's class head, |W - W0| / |W0|; mean over members",
        low=0.0,
        high=0.1,
        measure=_drift,
        published="similar",
        figure="decoding",
    ),
    Claim(
        key="i-decoding",
        text="The initial class head can decode the directions that the teacher learned.",
        place="post, last section",
        result="decoding",
        statistic="accuracy of the teacher's body under the reference's class head; mean over members",
        low=0.5,
        high=INFINITY,
        measure=_initial_head_reads_teacher,
        published="noisily",
        figure="decoding",
    ),
    Claim(
        key="i-span",
        text="The student's update writes into the span of the distilled auxiliary columns more than chance.",
        place=_THEORY,
        result="decoding",
        statistic="share of the energy of the student's update of the last hidden layer on span(Z), minus the 95 % "
        "quantile of random subspaces of the same rank; mean over members",
        low=0.0,
        high=INFINITY,
        measure=_above_random("energy", network="student", subspace="aux_head"),
        published="wholly, for a linear trunk",
        figure="subspaces",
    ),
    Claim(
        key="i-carried",
        text="The part of the student's change on span(Z) carries most of its accuracy.",
        place=_THEORY,
        result="decoding",
        statistic="accuracy with that part alone minus the reference's, over the student's minus the reference's, all "
        "under the initial class head; ratio of means over members",
        low=0.5,
        high=INFINITY,
        measure=_share_of_gain("on"),
        published="all, for a linear trunk",
        figure="parts",
    ),
    Claim(
        key="i-lost",
        text="Without the part of its change on span(Z) the student loses most of its accuracy.",
        place=_THEORY,
        result="decoding",
        statistic="accuracy of the student minus its accuracy without that part, over the student's minus the "
        "reference's; ratio of means over members",
        low=0.5,
        high=INFINITY,
        measure=_share_of_gain("off"),
        published="all, for a linear trunk",
        figure="parts",
    ),
    *(
        Claim(
            key=f"i-overlap-{side}",
            text=f"Teacher and student {verb} the same directions of the last hidden layer more than chance.",
            place="post, Why This Works",
            result="decoding",
            statistic=f"mean squared cosine of the principal angles between the strongest {side} directions of both "
            "updates, as many as the objective teaches, minus the 95 % quantile of random subspaces; mean over members",
            low=0.0,
            high=INFINITY,
            measure=_above_random("overlap", side=side, teacher_subspace="matched"),
            published="a direction that the teacher learned",
            figure="subspaces",
        )
        for side, verb in (("output", "write into"), ("input", "read from"))
    ),
    Claim(
        key="i-similarity",
        text="Distillation makes the student's hidden features more similar to its teacher's.",
        place="post, last section",
        result="decoding",
        statistic="debiased linear CKA on test images between teacher and student minus the CKA between teacher and "
        "reference, paired; mean over members",
        low=0.0,
        high=INFINITY,
        measure=_nearer_than_reference,
        published="at least three of the teacher's directions",
        figure="similarity",
    ),
)
