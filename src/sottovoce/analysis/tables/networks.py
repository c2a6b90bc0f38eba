"""Rows of the experiments on trained networks."""

import itertools
import json

import xarray as xr

from sottovoce.analysis import estimates, prediction, sharing, theorem
from sottovoce.analysis.tables.rows import Table, number, rows_of
from sottovoce.measure.statistics import Scale

PREDICTION_WORDS = {
    "absolute_error": "absolute error of accuracy",
    "rank_correlation": "Spearman over members",
    "correlation": "correlation of logits' change",
    "size": "relative size of logits' change",
}


def transfer_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `transfer`."""
    bars = estimates.transfer_bars(dataset, json.loads(dataset.attrs["config"]))
    kept = estimates.converged(dataset)
    # Of a teacher it is one.
    fraction = estimates.recovered_fraction(kept).drop_sel(role="teacher").dropna("member", how="all")
    fractions = estimates.over_members(fraction)
    return rows_of(bars, "role", "test accuracy") | rows_of(
        fractions, "role", "recovered fraction", lambda role: f"{role}, recovered fraction"
    )


def sharing_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `sharing`."""
    kept = estimates.converged(dataset)
    names = sharing.factors(dataset)
    stacked = kept["accuracy"].stack(cell=names).transpose("member", "cell")
    labels = ["replaced: " + (", ".join(b for b, s in zip(names, state, strict=True) if s == "replaced") or "nothing")
              for state in stacked["cell"].values.tolist()]  # fmt: skip
    accuracies = stacked.drop_vars(["cell", *names]).assign_coords(cell=labels)
    rows = rows_of(estimates.over_members(accuracies, "logit"), "cell", "test accuracy")
    return rows | rows_of(sharing.effects(dataset), "effect", "change of accuracy")


def inputs_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `inputs`."""
    rows: Table = {}
    quantities: dict[str, tuple[str, Scale]] = {
        "mean": ("mean", "identity"),
        "sd": ("sd", "log"),
        "share": ("share of variance in 10 components", "logit"),
    }
    for variable, (quantity, scale) in quantities.items():
        estimate = estimates.over_members(dataset[variable], scale)
        rows |= rows_of(estimate, "kind", quantity, lambda kind, quantity=quantity: f"{kind}, {quantity}")
    return rows


def prediction_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `prediction`."""
    kept = estimates.converged(dataset)
    scores = prediction.scores(dataset)
    rows: Table = {}
    for objective, k in itertools.product(scores["objective"].values.tolist(), scores["n_aux"].values.tolist()):
        student = estimates.over_members(kept["student_accuracy"].sel(objective=[objective], n_aux=k), "logit")
        rows |= rows_of(student, "objective", "test accuracy", lambda name, k=k: f"{name}, k = {k}, student")
        at = scores.sel(objective=objective, n_aux=k)
        for quantity, wording in PREDICTION_WORDS.items():
            for predictor in at["predictor"].values.tolist():
                mean, low, high = (number(at[quantity + s].sel(predictor=predictor)) for s in prediction.SUFFIXES)
                if mean is None:
                    continue
                rows[f"{objective}, k = {k}, {predictor}: {wording}"] = {
                    "mean": mean,
                    "ci95": [low, high],
                    "members": scores.attrs["members"],
                    "published": None,
                    "quantity": wording,
                }
    return rows


def theorem_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `theorem`."""
    rows: Table = {}
    for name in ("inner_error", "drop_error"):
        wording = {"inner_error": "inner product", "drop_error": "drop in teacher's loss"}[name]
        order = estimates.over_members(theorem.order(theorem.relative_errors(dataset)[name]))
        rows |= rows_of(order, "activation", "order", lambda a, wording=wording: f"{a}, order of the error, {wording}")
    smallest = estimates.over_members(dataset["cosine"].min(["objective", "subset", "inputs", "size"]), "fisher_z")
    rows |= rows_of(smallest, "activation", "cosine", lambda a: f"{a}, smallest cosine of the steps")
    for initial in dataset["initial"].values.tolist():
        share = estimates.over_members(theorem.positive_share(dataset).mean("activation").sel(initial=initial), "logit")
        rows |= rows_of(share, "subset", "share", lambda s, initial=initial: f"{initial}, {s} logits: share positive")
    return rows
