"""Tables of a sweep: rows of every point, the students' differences from the baseline, and their trends."""

from typing import Any

import numpy as np
import xarray as xr

from sottovoce.lab import estimates, registry
from sottovoce.lab.rows import Table, number, rows_of
from sottovoce.sweeps import effects, points

ACCURACY = "test accuracy"


def by_point(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return each point's settings, `at`, and the rows of its experiment's table, `table`."""
    return [{"at": at, "table": registry.of(point).table(point)} for at, point in points.points(dataset)]


def effects_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the effects of the swept fields on the students' accuracy, as values that JSON can represent.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Returns:
        `differences`, a list by point and student: `at` and `baseline` (settings), `network`, `quantity`, `mean`,
        `ci95` (pointwise interval), `simultaneous95` (Bonferroni interval, simultaneous over all differences),
        `members`; `trend`, the same by student with `field` and `per` in place of settings; `multiplicity`, what the
        simultaneous intervals correct for. The lists are empty and `multiplicity` is None where the experiment has no
        students by role or name, or where there is only one point.
    """
    if not points.has_networks(dataset) or len(dataset.attrs["configs"]) < 2:
        return {"differences": [], "trend": [], "multiplicity": None}
    return {
        "differences": _differences(dataset),
        "trend": _trend(dataset),
        "multiplicity": effects.multiplicity(dataset),
    }


def _differences(dataset: xr.Dataset) -> list[dict[str, Any]]:
    differences = effects.differences(dataset)
    rows = []
    for network in differences["network"].values.tolist():
        for i in range(differences.sizes["comparison"]):
            one = differences.sel(network=network).isel(comparison=i)
            # Without a member that both points have there is nothing to compare.
            if int(one["n"]):
                rows.append(
                    {
                        "at": {field: one[field].item() for field in dataset.attrs["swept"]},
                        "baseline": differences.attrs["baseline"],
                        "network": network,
                        "quantity": ACCURACY,
                        "mean": number(one["mean"]),
                        "ci95": [number(one["low"]), number(one["high"])],
                        "simultaneous95": [number(one["simultaneous_low"]), number(one["simultaneous_high"])],
                        "members": int(one["n"]),
                    }
                )
    return rows


def _trend(dataset: xr.Dataset) -> list[dict[str, Any]]:
    trend = effects.trend(dataset)
    if trend is None:
        return []
    return [
        {
            **trend.attrs,
            "network": network,
            "quantity": ACCURACY,
            "mean": number(one["mean"]),
            "simultaneous95": [number(one["low"]), number(one["high"])],
            "members": int(one["n"]),
        }
        for network in trend["network"].values.tolist()
        for one in [trend.sel(network=network)]
    ]


def sweep_rows(dataset: xr.Dataset) -> Table:
    """Return the rows that the report shows of a sweep of networks.

    Args:
        dataset: as `sottovoce.sweep` returns it.

    Returns:
        At every point, each network's accuracy and the students' recovered fraction; then differences and trends, whose
        interval is the simultaneous one, as their label says.
    """
    rows: Table = {}
    accuracy, fraction = points.by_point(dataset), points.by_point(dataset, points.FRACTION)
    # The recovered fraction is shown for students alone: the teacher's is one by definition.
    for accuracies, fractions in zip(_points_of(accuracy), _points_of(fraction), strict=True):
        for estimate, quantity, names in (
            (accuracies, ACCURACY, accuracies[estimates.kinds_of(accuracies["mean"])].values.tolist()),
            (fractions, "recovered fraction", effects.students(dataset)),
        ):
            kinds = estimates.kinds_of(estimate["mean"])
            shown = estimate.sel({kinds: names}).assign_attrs(members=int(estimate["n"]))
            where = words({field: estimate[field].item() for field in dataset.attrs["swept"]})
            label = "" if quantity == ACCURACY else ", recovered fraction"
            of_point = rows_of(shown, quantity, f"{where}: {{{kinds}}}{label}")
            rows |= {name: row for name, row in of_point.items() if row["mean"] is not None}
    of_sweep = effects_of(dataset)
    for row in of_sweep["differences"]:
        rows[f"{words(row['at'])} less {words(row['baseline'])}: {row['network']}, simultaneous"] = _row(row)
    for row in of_sweep["trend"]:
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
