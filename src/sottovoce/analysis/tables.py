"""What `sottovoce run` prints: rows by role with a mean, its interval, the members and the published value."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.analysis import calibration, counts, estimates, prediction, sharing, theorem, toy_training
from sottovoce.measure.statistics import normal_half_width

Table = dict[str, dict[str, Any]]
PREDICTION_WORDS = {
    "absolute_error": "absolute error of accuracy",
    "rank_correlation": "Spearman over members",
    "correlation": "correlation of logits' change",
    "size": "relative size of logits' change",
}


def table(dataset: xr.Dataset) -> Table:
    """Summarize a result.

    Args:
        dataset: as `runs.execute` returns it; its attribute `experiment` chooses the rows.

    Returns:
        By role: `mean`, `ci95` (low and high of the bootstrap over members), `half_width` (1.96 sd / sqrt(n)),
        `members`, `published` (None where nothing comparable is published) and `quantity`.
    """
    return _TABLES[dataset.attrs["experiment"]](dataset)


def notes(dataset: xr.Dataset) -> list[str]:
    """Return what a result says in words, one short sentence each; only `spectrum` has such."""
    return counts.sentences(dataset) if dataset.attrs["experiment"] == "spectrum" else []


def _rows(estimate: xr.Dataset, dim: str, quantity: str, label: Callable[[Any], str] = str) -> Table:
    rows: Table = {}
    for index, value in enumerate(estimate[dim].values.tolist()):
        row = estimate.isel({dim: index})
        published = _number(row["published"]) if "published" in row else None
        rows[label(value)] = {
            "mean": _number(row["mean"]),
            "ci95": [_number(row["low"]), _number(row["high"])],
            "half_width": _number(row["half_width"]),
            "members": estimate.attrs["members"],
            "published": published,
            "quantity": quantity,
        }
    return rows


def _number(value: xr.DataArray) -> float | None:
    number = float(value)
    return number if abs(number) < float("inf") else None


def _transfer(dataset: xr.Dataset) -> Table:
    bars = estimates.transfer_bars(dataset, json.loads(dataset.attrs["config"]))
    return _rows(bars, "role", "test accuracy")


def _spectrum(dataset: xr.Dataset) -> Table:
    kept = estimates.converged(dataset)
    accuracy = _rows(estimates.over_members(kept["accuracy"]), "network", "test accuracy")
    above = estimates.over_members(estimates.components_above_edge(kept))
    above_edge = _rows(above, "network", "components", lambda name: f"{name}, components above the edge")
    counted = counts.direction_counts(dataset)
    return accuracy | above_edge | _direction_counts(counted) | _hypotheses(counts.by_number(counted))


def _direction_counts(counted: xr.Dataset) -> Table:
    """Return a row by network for every rule at the scale of the weight's bulk, and three for the update."""
    rows: Table = {}
    weights = counted["weight_count"].sel(scale=counts.PRIMARY["scale"])
    for rule in weights["rule"].values.tolist():
        estimate = estimates.over_members(weights.sel(rule=rule))
        rows |= _rows(estimate, "network", "directions", lambda name, rule=rule: f"{name}, weight, {rule}")
    for variable, quantity, label in (
        ("update_count", "directions", "parallel"),
        ("update_strength", "strength", "strength / threshold"),
        ("update_participation", "participation", "participation ratio"),
    ):
        estimate = estimates.over_members(counted[variable])
        rows |= _rows(estimate, "network", quantity, lambda name, label=label: f"{name}, update, {label}")
    return rows


def _hypotheses(shown: xr.Dataset) -> Table:
    """Return how far the counts are from k and from k - 1, their line over k, and how they go with accuracy."""
    rows: Table = {}
    found = counts.hypotheses(shown)
    for matrix in found["matrix"].values.tolist():
        for objective in found["objective"].values.tolist():
            own, label = found.sel(matrix=matrix, objective=objective), f"{objective}, {matrix}"
            for name, distance in counts.DISTANCES.items():
                rows[f"{label}, {distance}"] = _row(own["distance"].sel(hypothesis=name), "directions")
            for name in ("slope", "intercept"):
                rows[f"{label}, {name} over k"] = _row(own[name], name)
    relation = counts.relation(shown)
    for name, label, quantity in (
        ("visible", "classifying students that show directions", "share"),
        ("classify", "students showing directions that classify", "share"),
        ("gain_shown", "students showing directions, gain", "accuracy above reference"),
        ("gain_hidden", "students showing none, gain", "accuracy above reference"),
    ):
        rows[label] = _row(relation[name], quantity)
    return rows


def _row(values: xr.DataArray, quantity: str) -> dict[str, Any]:
    """Return a row of one value per member, over the members for which it is defined."""
    finite = values.values[np.isfinite(values.values)]
    mean, low, high = (value if np.isfinite(value) else None for value in counts.defined(values))
    half_width = float(normal_half_width(finite)) if finite.size > 1 else None
    return {
        "mean": mean,
        "ci95": [low, high],
        "half_width": half_width,
        "members": finite.size,
        "published": None,
        "quantity": quantity,
    }


def _decoding(dataset: xr.Dataset) -> Table:
    kept = estimates.converged(dataset)
    kept = kept.assign(part_recovered_fraction=estimates.part_recovered_fraction(kept))
    rows: Table = {}
    for name, (quantity, wording) in _DECODING.items():
        values = kept[name].sel(_DECODING_SHOWN.get(name, {}))
        dims = [str(dim) for dim in values.dims if dim != "member"]
        estimate = estimates.over_members(values.stack(row=dims))
        rows |= _rows(
            estimate, "row", quantity, lambda at, w=wording, d=dims: w.format(**dict(zip(d, at, strict=True)))
        )
    return rows


def _toy(dataset: xr.Dataset) -> Table:
    rows: Table = {}
    for quantity in ("cosine", "relative_error", "captured"):
        estimate = estimates.over_members(dataset[quantity].mean("draw"))
        names = [f"{quantity}, {role} logit {i}" for i, role in enumerate(dataset["role"].values.tolist())]
        rows |= _rows(estimate.assign_coords(logit=names), "logit", quantity)
    return rows


def _toy_training(dataset: xr.Dataset) -> Table:
    energy, way = "recovered energy of the class logits", "distance from the closed form / its way"
    distance = estimates.over_members(dataset["projector_distance"].mean("draw"))
    rows = _rows(distance, "student", way, lambda name: f"{name}, distance")
    rows |= _rows(estimates.over_members(dataset["recovered"]), "student", energy, lambda name: f"{name}, recovered")
    relu = estimates.over_members(dataset["relu_recovered"])
    rows |= _rows(relu, "n_inputs", energy, lambda n: f"gd, relu, {n} inputs")
    order = estimates.over_members(toy_training.step_order(dataset))
    rows |= _rows(order, "layers", "order in the step size", lambda layers: f"order, {layers}")
    for moving in dataset["moving"].values.tolist():
        at = dataset.sel(moving=moving)
        for name, quantity in (
            ("moving_recovered", energy),
            ("head_mismatch", "relative distance between both W2"),
            ("noise", "change across the teacher's / teacher's"),
            ("signal", "change along the teacher's / teacher's"),
        ):
            rows |= _rows(
                estimates.over_members(at[name]),
                "head_rate",
                quantity,
                lambda rate, name=name, moving=moving: (
                    f"W2 of {moving} at rate {rate:g}, {name.removeprefix('moving_')}"
                ),
            )
    return rows


def _capture(dataset: xr.Dataset) -> Table:
    rows: Table = {}
    for objective in dataset["objective"].values.tolist():
        estimate = estimates.over_members(dataset["captured_mean"].sel(objective=objective))
        rows |= _rows(estimate, "n_aux", "captured energy", lambda k, objective=objective: f"{objective}, k = {k}")
    return rows


def _calibration(dataset: xr.Dataset) -> Table:
    rates = calibration.rates(dataset)
    rows: Table = {}
    for name, quantity, by, wording in (
        ("false_alarm", "false-alarm rate", ("null", "width", "scale", "rule"), ("{}", "{} wide", "{} scale", "{}")),
        (
            "exact",
            "counted exactly",
            ("rank", "strength", "scale", "rule"),
            ("{} planted", "strength {}", "{} scale", "{}"),
        ),
    ):
        half_width = estimates.over_members(dataset[name])["half_width"]
        for index in np.ndindex(*(rates.sizes[dim] for dim in by)):
            at = dict(zip(by, index, strict=True))
            labels = [label.format(rates[dim].values[i]) for (dim, i), label in zip(at.items(), wording, strict=True)]
            rows[", ".join(labels)] = {
                "mean": float(rates[name].isel(at)),
                "ci95": [float(rates[f"{name}_{end}"].isel(at)) for end in ("low", "high")],
                "half_width": _number(half_width.isel(at)),
                "members": rates.attrs["members"],
                "published": None,
                "quantity": quantity,
            }
    return rows


def _prediction(dataset: xr.Dataset) -> Table:
    kept = estimates.converged(dataset)
    scores = prediction.scores(dataset)
    half_width = estimates.over_members(abs(kept["accuracy"] - kept["student_accuracy"]))["half_width"]
    rows: Table = {}
    for objective, k in itertools.product(scores["objective"].values.tolist(), scores["n_aux"].values.tolist()):
        student = estimates.over_members(kept["student_accuracy"].sel(objective=[objective], n_aux=k))
        rows |= _rows(student, "objective", "test accuracy", lambda name, k=k: f"{name}, k = {k}, student")
        at = scores.sel(objective=objective, n_aux=k)
        for quantity, wording in PREDICTION_WORDS.items():
            for predictor in at["predictor"].values.tolist():
                mean, low, high = (_number(at[quantity + s].sel(predictor=predictor)) for s in prediction.SUFFIXES)
                if mean is None:
                    continue
                width = None
                if quantity == "absolute_error" and predictor in half_width["predictor"]:
                    width = _number(half_width.sel(predictor=predictor, objective=objective, n_aux=k))
                rows[f"{objective}, k = {k}, {predictor}: {wording}"] = {
                    "mean": mean,
                    "ci95": [low, high],
                    "half_width": width,
                    "members": scores.attrs["members"],
                    "published": None,
                    "quantity": wording,
                }
    return rows


def _theorem(dataset: xr.Dataset) -> Table:
    rows: Table = {}
    for name in ("inner_error", "drop_error"):
        wording = {"inner_error": "inner product", "drop_error": "drop in teacher's loss"}[name]
        order = estimates.over_members(theorem.order(theorem.relative_errors(dataset)[name]))
        rows |= _rows(order, "activation", "order", lambda a, wording=wording: f"{a}, order of the error, {wording}")
    smallest = estimates.over_members(dataset["cosine"].min(["objective", "subset", "inputs", "size"]))
    rows |= _rows(smallest, "activation", "cosine", lambda a: f"{a}, smallest cosine of the steps")
    for initial in dataset["initial"].values.tolist():
        share = estimates.over_members(theorem.positive_share(dataset).mean("activation").sel(initial=initial))
        rows |= _rows(share, "subset", "share", lambda s, initial=initial: f"{initial}, {s} logits: share positive")
    return rows


def _sharing(dataset: xr.Dataset) -> Table:
    kept = estimates.converged(dataset)
    names = sharing.factors(dataset)
    stacked = kept["accuracy"].stack(cell=names).transpose("member", "cell")
    labels = ["replaced: " + (", ".join(b for b, s in zip(names, state, strict=True) if s == "replaced") or "nothing")
              for state in stacked["cell"].values.tolist()]  # fmt: skip
    accuracies = stacked.drop_vars(["cell", *names]).assign_coords(cell=labels)
    rows = _rows(estimates.over_members(accuracies), "cell", "test accuracy")
    return rows | _rows(sharing.effects(dataset), "effect", "change of accuracy")


def _inputs(dataset: xr.Dataset) -> Table:
    rows: Table = {}
    for variable, quantity in (("mean", "mean"), ("sd", "sd"), ("share", "share of variance in 10 components")):
        estimate = estimates.over_members(dataset[variable])
        rows |= _rows(estimate, "kind", quantity, lambda kind, quantity=quantity: f"{kind}, {quantity}")
    return rows


_TABLES: dict[str, Callable[[xr.Dataset], Table]] = {
    "toy": _toy,
    "toy_training": _toy_training,
    "capture": _capture,
    "calibration": _calibration,
    "transfer": _transfer,
    "spectrum": _spectrum,
    "decoding": _decoding,
    "sharing": _sharing,
    "inputs": _inputs,
    "prediction": _prediction,
    "theorem": _theorem,
}

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
