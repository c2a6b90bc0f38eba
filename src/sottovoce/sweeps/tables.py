"""Rows of a sweep: every point's, the students' differences from the baseline, their trends."""

from typing import Any

import numpy as np
import xarray as xr

from sottovoce.lab import estimates, registry
from sottovoce.lab.rows import Table, number, rows_of
from sottovoce.sweeps import effects, points

ACCURACY = "test accuracy"


def by_point(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return for each point of a sweep its settings, `at`, and the rows of its experiment's table, `table`."""
    return [{"at": at, "table": registry.of(here).table(here)} for at, here in points.points(dataset)]


def effects_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what the swept fields do to the students' accuracy, in values that JSON can say.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Returns:
        `differences`, a list by point and student: `at` and `baseline` (settings), `network`, `quantity`, `mean`,
        `ci95` (by itself), `simultaneous95` (together with the others), `members`; `trend`, the same by student with
        `field` and `per` in place of settings; `multiplicity`, what is corrected for. Empty, and None, where the
        experiment has no students by role or name, or there is one point.
    """
    if not points.has_networks(dataset) or len(dataset.attrs["configs"]) < 2:
        return {"differences": [], "trend": [], "multiplicity": None}
    return {
        "differences": _differences(dataset),
        "trend": _trend(dataset),
        "multiplicity": effects.multiplicity(dataset),
    }


def _differences(dataset: xr.Dataset) -> list[dict[str, Any]]:
    found = effects.differences(dataset)
    rows = []
    for network in found["network"].values.tolist():
        for i in range(found.sizes["comparison"]):
            here = found.sel(network=network).isel(comparison=i)
            if int(here["n"]):
                rows.append(
                    {
                        "at": {field: here[field].item() for field in dataset.attrs["swept"]},
                        "baseline": found.attrs["baseline"],
                        "network": network,
                        "quantity": ACCURACY,
                        "mean": number(here["mean"]),
                        "ci95": [number(here["low"]), number(here["high"])],
                        "simultaneous95": [number(here["simultaneous_low"]), number(here["simultaneous_high"])],
                        "members": int(here["n"]),
                    }
                )
    return rows


def _trend(dataset: xr.Dataset) -> list[dict[str, Any]]:
    found = effects.trend(dataset)
    if found is None:
        return []
    return [
        {
            **found.attrs,
            "network": network,
            "quantity": ACCURACY,
            "mean": number(here["mean"]),
            "simultaneous95": [number(here["low"]), number(here["high"])],
            "members": int(here["n"]),
        }
        for network in found["network"].values.tolist()
        for here in [found.sel(network=network)]
    ]


def sweep_rows(dataset: xr.Dataset) -> Table:
    """Return the rows that the report shows of a sweep of networks.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Returns:
        At every point each network's accuracy and the students' recovered fraction; then differences and trends, whose
        interval is the simultaneous one, which their label says.
    """
    rows: Table = {}
    accuracy, fraction = points.by_point(dataset), points.by_point(dataset, points.FRACTION)
    for at, here in zip(_points_of(accuracy), _points_of(fraction), strict=True):
        for estimate, quantity, names in (
            (at, ACCURACY, at[estimates.kinds_of(at["mean"])].values.tolist()),
            (here, "recovered fraction", effects.students(dataset)),
        ):
            kinds = estimates.kinds_of(estimate["mean"])
            shown = estimate.sel({kinds: names}).assign_attrs(members=int(estimate["n"]))
            where = words({field: estimate[field].item() for field in dataset.attrs["swept"]})
            label = "" if quantity == ACCURACY else ", recovered fraction"
            own = rows_of(shown, kinds, quantity, lambda name, w=where, end=label: f"{w}: {name}{end}")
            rows |= {name: row for name, row in own.items() if row["mean"] is not None}
    found = effects_of(dataset)
    for row in found["differences"]:
        rows[f"{words(row['at'])} less {words(row['baseline'])}: {row['network']}, simultaneous"] = _row(row)
    for row in found["trend"]:
        rows[f"{row['network']}, per {row['per']} of {row['field']}, simultaneous"] = _row(row)
    return rows


def words(at: dict[str, Any]) -> str:
    """Return the settings of a point in words."""
    return ", ".join(f"{field} = {value}" for field, value in at.items())


def _points_of(estimate: xr.Dataset) -> list[xr.Dataset]:
    dims = points.dims_of(estimate)
    return [estimate.isel(dict(zip(dims, i, strict=True))) for i in np.ndindex(*(estimate.sizes[d] for d in dims))]


def _row(effect: dict[str, Any]) -> dict[str, Any]:
    ends = {"ci95": effect["simultaneous95"], "published": None}
    return {**{name: effect[name] for name in ("mean", "members", "quantity")}, **ends}
