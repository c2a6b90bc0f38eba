"""Rows of the experiment `decoding`."""

import xarray as xr

from sottovoce.analysis import estimates
from sottovoce.analysis.tables.rows import Table, rows_of
from sottovoce.measure.statistics import Scale

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
    **{name: {"body": ["teacher", "student"]} for name in ("relative_drift", "label_accuracy")},
    **{name: {"network": ["student"]} for name in _PART_NAMES},
}
"""Where a table shows less than the dataset holds."""


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


def decoding_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `decoding`."""
    kept = estimates.converged(dataset)
    kept = kept.assign(part_recovered_fraction=estimates.part_recovered_fraction(kept))
    rows: Table = {}
    for name, (quantity, wording) in _DECODING.items():
        values = kept[name].sel(_DECODING_SHOWN.get(name, {}))
        dims = [str(dim) for dim in values.dims if dim != "member"]
        estimate = estimates.over_members(values.stack(row=dims), scale_of(name))
        rows |= rows_of(
            estimate, "row", quantity, lambda at, w=wording, d=dims: w.format(**dict(zip(d, at, strict=True)))
        )
    return rows
