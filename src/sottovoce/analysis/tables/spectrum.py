"""Rows of the experiments on spectra and on counts of directions."""

import numpy as np
import xarray as xr

from sottovoce.analysis import calibration, counts, estimates
from sottovoce.analysis.tables.rows import Table, row_of, rows_of
from sottovoce.measure.statistics import Scale


def spectrum_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `spectrum`."""
    kept = estimates.converged(dataset)
    accuracy = rows_of(estimates.over_members(kept["accuracy"], "logit"), "network", "test accuracy")
    above = estimates.over_members(estimates.components_above_edge(kept))
    above_edge = rows_of(above, "network", "components", lambda name: f"{name}, components above the edge")
    counted = counts.direction_counts(dataset)
    return accuracy | above_edge | _direction_counts(counted) | _hypotheses(counts.by_number(counted))


def _direction_counts(counted: xr.Dataset) -> Table:
    """Return a row by network for every rule at the scale of the weight's bulk, and three for the update."""
    rows: Table = {}
    weights = counted["weight_count"].sel(scale=counts.PRIMARY["scale"])
    for rule in weights["rule"].values.tolist():
        estimate = estimates.over_members(weights.sel(rule=rule))
        rows |= rows_of(estimate, "network", "directions", lambda name, rule=rule: f"{name}, weight, {rule}")
    updates: dict[str, tuple[str, str, Scale]] = {
        "update_count": ("directions", "parallel", "identity"),
        "update_strength": ("strength", "strength / threshold", "log"),
        "update_participation": ("participation", "participation ratio", "log"),
    }
    for variable, (quantity, label, scale) in updates.items():
        estimate = estimates.over_members(counted[variable], scale)
        rows |= rows_of(estimate, "network", quantity, lambda name, label=label: f"{name}, update, {label}")
    return rows


def _hypotheses(shown: xr.Dataset) -> Table:
    """Return how far the counts are from k and from k - 1, their line over k, and how they go with accuracy."""
    rows: Table = {}
    found = counts.hypotheses(shown)
    for matrix in found["matrix"].values.tolist():
        for objective in found["objective"].values.tolist():
            own, label = found.sel(matrix=matrix, objective=objective), f"{objective}, {matrix}"
            for name, distance in counts.DISTANCES.items():
                rows[f"{label}, {distance}"] = row_of(own["distance"].sel(hypothesis=name), "directions")
            for name in ("slope", "intercept"):
                rows[f"{label}, {name} over k"] = row_of(own[name], name)
    relation = counts.relation(shown)
    for name, label, quantity in (
        ("visible", "classifying students that show directions", "share"),
        ("classify", "students showing directions that classify", "share"),
        ("gain_shown", "students showing directions, gain", "accuracy above reference"),
        ("gain_hidden", "students showing none, gain", "accuracy above reference"),
    ):
        rows[label] = row_of(relation[name], quantity, "logit" if quantity == "share" else "identity")
    return rows


def calibration_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `calibration`."""
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
        for index in np.ndindex(*(rates.sizes[dim] for dim in by)):
            at = dict(zip(by, index, strict=True))
            labels = [label.format(rates[dim].values[i]) for (dim, i), label in zip(at.items(), wording, strict=True)]
            rows[", ".join(labels)] = {
                "mean": float(rates[name].isel(at)),
                "ci95": [float(rates[f"{name}_{end}"].isel(at)) for end in ("low", "high")],
                "members": rates.attrs["members"],
                "published": None,
                "quantity": quantity,
            }
    return rows
