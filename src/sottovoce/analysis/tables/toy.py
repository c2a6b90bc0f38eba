"""Rows of the toy experiments."""

import xarray as xr

from sottovoce.analysis import estimates, toy_training
from sottovoce.analysis.tables.rows import Table, rows_of
from sottovoce.measure.statistics import Scale


def toy_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `toy`."""
    rows: Table = {}
    scales: dict[str, Scale] = {"cosine": "fisher_z", "relative_error": "log", "captured": "logit"}
    for quantity, scale in scales.items():
        estimate = estimates.over_draws(dataset[quantity], scale)
        names = [f"{quantity}, {role} logit {i}" for i, role in enumerate(dataset["role"].values.tolist())]
        rows |= rows_of(estimate.assign_coords(logit=names), "logit", quantity)
    return rows


def toy_training_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `toy_training`."""
    energy, way = "recovered energy of the class logits", "distance from the closed form / its way"
    distance = estimates.over_members(dataset["projector_distance"].mean("draw"), "log")
    rows = rows_of(distance, "student", way, lambda name: f"{name}, distance")
    rows |= rows_of(estimates.over_members(dataset["recovered"]), "student", energy, lambda name: f"{name}, recovered")
    relu = estimates.over_members(dataset["relu_recovered"])
    rows |= rows_of(relu, "n_inputs", energy, lambda n: f"gd, relu, {n} inputs")
    order = estimates.over_members(toy_training.step_order(dataset))
    rows |= rows_of(order, "layers", "order in the step size", lambda layers: f"order, {layers}")
    for moving in dataset["moving"].values.tolist():
        at = dataset.sel(moving=moving)
        for name, quantity in (
            ("moving_recovered", energy),
            ("head_mismatch", "relative distance between both W2"),
            ("noise", "change across the teacher's / teacher's"),
            ("signal", "change along the teacher's / teacher's"),
        ):
            rows |= rows_of(
                estimates.over_members(at[name]),
                "head_rate",
                quantity,
                lambda rate, name=name, moving=moving: (
                    f"W2 of {moving} at rate {rate:g}, {name.removeprefix('moving_')}"
                ),
            )
    return rows


def capture_rows(dataset: xr.Dataset) -> Table:
    """Return the rows of `capture`."""
    rows: Table = {}
    for objective in dataset["objective"].values.tolist():
        estimate = estimates.over_members(dataset["captured_mean"].sel(objective=objective), "logit")
        rows |= rows_of(estimate, "n_aux", "captured energy", lambda k, objective=objective: f"{objective}, k = {k}")
    return rows
