"""Tables of a sweep: rows of every point, the students' differences from the baseline, and their trends."""

from typing import Any

import numpy as np
import xarray as xr

from sottovoce.lab import estimates, registry
from sottovoce.lab.rows import Table, number, rows_of
from sottovoce.sweeps import effects, points

ACCURACY, RECOVERED = "test accuracy", "recovered fraction"


def by_point(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return each point's settings, `at`, and the rows of its experiment's table, `table`."""
    return [{"at": at, "table": registry.of(point).table(point)} for at, point in points.points(dataset)]


def effects_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the effects of the swept fields on the students' accuracy, as values that JSON can represent.

    Returns:
        `differences`, a list by point and student: `at` and `baseline` (settings), `network`, `quantity`, `mean`,
        `ci95` (pointwise interval), `simultaneous95` (Bonferroni interval, simultaneous over all differences),
        `members`; `trend`, the same by student with `field` and `per` in place of settings; `multiplicity`, what the
        simultaneous intervals correct for. The lists are empty and `multiplicity` is None where the experiment has no
        students by role or name, or where there is only one point.
    """
    if not points.has_networks(dataset) or len(dataset.attrs["configs"]) < 2:
        return {"differences": [], "trend": [], "multiplicity": None}
    differences, trend = effects.differences(dataset), effects.trend(dataset)
    slopes = [] if trend is None else [trend.isel(network=i) for i in range(trend.sizes["network"])]
    compared = differences.stack(pair=["network", "comparison"], create_index=False)
    # Without a member that both points have there is nothing to compare.
    pairs = [compared.isel(pair=i) for i in np.flatnonzero(compared["n"])]
    return {
        "differences": [
            {
                "at": {field: pair[field].item() for field in dataset.attrs["swept"]},
                "baseline": differences.attrs["baseline"],
                **_effect(pair, ci95="", simultaneous95="simultaneous_"),
            }
            for pair in pairs
        ],
        "trend": [{**slope.attrs, **_effect(slope, simultaneous95="")} for slope in slopes],
        "multiplicity": {
            "correction": "Bonferroni",
            "level": 0.95,
            "comparisons": differences.attrs["intervals"],
            "trends": len(slopes),
        },
    }


def _effect(estimate: xr.Dataset, **intervals: str) -> dict[str, Any]:
    """Return a row of one network, with intervals whose ends are variables named after a prefix."""
    return {
        "network": estimate["network"].item(),
        "quantity": ACCURACY,
        "mean": number(estimate["mean"]),
        **{key: [number(estimate[f"{prefix}{end}"]) for end in ("low", "high")] for key, prefix in intervals.items()},
        "members": int(estimate["n"]),
    }


def sweep_rows(dataset: xr.Dataset) -> Table:
    """Return the rows that the report shows of a sweep of networks.

    At every point these are each network's accuracy and the students' recovered fraction; then come differences and
    trends, whose interval is the simultaneous one, as their label says.
    """
    rows: Table = {}
    accuracy, fraction = points.by_point(dataset), points.by_point(dataset, points.FRACTION)
    kinds, dims = estimates.kinds_of(accuracy["mean"]), points.dims_of(dataset)
    # The recovered fraction is shown for students alone: the teacher's is one by definition.
    fraction = fraction.sel({kinds: effects.students(dataset)})
    for index in np.ndindex(*(dataset.sizes[dim] for dim in dims)):
        for estimate, quantity, end in ((accuracy, ACCURACY, ""), (fraction, RECOVERED, f", {RECOVERED}")):
            point = estimate.isel(dict(zip(dims, index, strict=True)))
            where = words({field: point[field].item() for field in dataset.attrs["swept"]})
            of_point = rows_of(point.assign_attrs(members=int(point["n"])), quantity, f"{where}: {{{kinds}}}{end}")
            # A point at which no member has the quantity has nothing to show.
            rows |= {name: row for name, row in of_point.items() if row["mean"] is not None}
    of_sweep = effects_of(dataset)
    differences = {
        f"{words(row['at'])} less {words(row['baseline'])}: {row['network']}": row for row in of_sweep["differences"]
    }
    trends = {f"{row['network']}, per {row['per']} of {row['field']}": row for row in of_sweep["trend"]}
    for label, row in (differences | trends).items():
        shown = {name: row[name] for name in ("mean", "members", "quantity")}
        rows[f"{label}, simultaneous"] = {**shown, "ci95": row["simultaneous95"], "published": None}
    return rows


def words(at: dict[str, Any]) -> str:
    """Return the settings of a point in words."""
    return ", ".join(f"{field} = {value}" for field, value in at.items())
