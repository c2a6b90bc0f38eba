"""What `sottovoce run` prints: rows by role with a mean, its interval, the members and the published value."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.analysis import calibration, estimates, prediction, theorem

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
    counts = estimates.over_members(estimates.components_above_edge(kept))
    return accuracy | _rows(counts, "network", "components", lambda name: f"{name}, components above the edge")


def _decoding(dataset: xr.Dataset) -> Table:
    kept = estimates.converged(dataset)
    rows: Table = {}
    for head in kept["head"].values.tolist():
        graft = estimates.over_members(kept["graft_accuracy"].sel(head=head))
        rows |= _rows(graft, "body", "test accuracy", lambda body, head=head: f"{body} body, {head} class head")
    probe = estimates.over_members(kept["probe_accuracy"])
    rows |= _rows(probe, "body", "test accuracy", lambda body: f"{body} body, linear probe")
    drift = estimates.over_members(kept["relative_drift"].sel(body="teacher"))
    return rows | _rows(drift, "block", "relative drift", lambda block: f"teacher drift, {block}")


def _toy(dataset: xr.Dataset) -> Table:
    rows: Table = {}
    for quantity in ("cosine", "relative_error", "captured"):
        estimate = estimates.over_members(dataset[quantity].mean("draw"))
        names = [f"{quantity}, {role} logit {i}" for i, role in enumerate(dataset["role"].values.tolist())]
        rows |= _rows(estimate.assign_coords(logit=names), "logit", quantity)
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


_TABLES: dict[str, Callable[[xr.Dataset], Table]] = {
    "toy": _toy,
    "capture": _capture,
    "calibration": _calibration,
    "transfer": _transfer,
    "spectrum": _spectrum,
    "decoding": _decoding,
    "prediction": _prediction,
    "theorem": _theorem,
}
