"""What a swept field does to the students: paired differences from one point, and the trend along a number.

Members are the same at every point (same seeds, same starts), so both are taken member by member. Fixed before any
sweep was looked at: the students are compared, not the teacher or the reference; every point with the baseline, which
is the preset's or else the first; the trend is each member's least-squares slope over all points.
"""

from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from sottovoce.lab import estimates
from sottovoce.measure import statistics
from sottovoce.sweeps import points

NOT_COMPARED = ("reference", "teacher")
LEAST_POINTS = 3
"""Below three points a trend is a difference."""


def students(dataset: xr.Dataset) -> list[str]:
    """Return the networks compared: by role the student on auxiliary logits, by name every student."""
    names = dataset[estimates.kinds_of(dataset["accuracy"])].values.tolist()
    return ["student"] if "student" in names else [name for name in names if name not in NOT_COMPARED]


def differences(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset:
    """Estimate at every point but the baseline the difference from the baseline, paired over members.

    Args:
        dataset: as `sottovoce.sweep` returns it, of networks with a teacher.
        variable: "accuracy" or "recovered_fraction".

    Returns:
        By `comparison`, with the swept fields along it, and `network`: `mean`; `low` and `high`, the 95 %
        interval over members, each by itself; `simultaneous_low` and `simultaneous_high`, which hold together
        (`measure.statistics.simultaneous`); and `n`, the members that both points have. Attributes: `intervals`, how
        many hold together; `baseline`, the settings of that point.

    Raises:
        UsageError: the variable is not measured.
    """
    settings = [at for at, _ in points.points(dataset)]
    baseline = dataset.attrs["baseline"]
    others = [i for i in range(len(settings)) if i != baseline]
    values = _by_point(dataset, variable)
    change = values[others] - values[baseline]
    n = np.isfinite(change).sum(axis=1)
    intervals = int((n > 0).sum())
    columns = np.full((5, *n.shape), np.nan)
    for row, column in np.argwhere(n > 0):
        defined = change[row, :, column][np.isfinite(change[row, :, column])]
        columns[:3, row, column] = statistics.interval(defined)
        columns[3:, row, column] = statistics.simultaneous(defined, intervals)[1:]
    names = ("mean", "low", "high", "simultaneous_low", "simultaneous_high")
    dims = ("comparison", "network")
    along = {field: ("comparison", [settings[i][field] for i in others]) for field in settings[baseline]}
    return xr.Dataset(
        {**{name: (dims, column) for name, column in zip(names, columns, strict=True)}, "n": (dims, n)},
        coords={"network": students(dataset), **along},
        attrs={"intervals": intervals, "baseline": settings[baseline]},
    )


def trend(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset | None:
    """Estimate how much a variable rises along the one swept field, where that is a number.

    Each member's slope is that of its least-squares line over the points it has; over the decimal logarithm of the
    field where all values are positive, so that it is a rise per tenfold.

    Args:
        dataset: as for `differences`.
        variable: as for `differences`.

    Returns:
        By `network`: `mean`, `low`, `high` (`measure.statistics.simultaneous` over the networks) and `n`, the members
        with three points or more. Attributes: `field`, and `per`, "tenfold" or "unit". None where there is no slope.

    Raises:
        UsageError: the variable is not measured.
    """
    found = slopes(dataset, variable)
    if found is None:
        return None
    columns = [column[np.isfinite(column)] for column in found.transpose("network", "member").values]
    ends = np.array([statistics.simultaneous(column, len(columns)) for column in columns])
    return xr.Dataset(
        {name: ("network", ends[:, i]) for i, name in enumerate(("mean", "low", "high"))}
        | {"n": ("network", [column.size for column in columns])},
        coords={"network": found["network"]},
        attrs=found.attrs,
    )


def slopes(dataset: xr.Dataset, variable: str = "accuracy") -> xr.DataArray | None:
    """Return each member's slope along the one swept field, where that is a number.

    Args:
        dataset: as for `differences`.
        variable: as for `differences`.

    Returns:
        Slopes by member and network as `trend` describes them, NaN for members with fewer than three points; attributes
        `field` and `per`. None where the sweep is over several fields, words, or fewer than three values.

    Raises:
        UsageError: the variable is not measured.
    """
    fields = list(dataset.attrs["swept"])
    field = dataset[fields[0]].values
    if len(fields) > 1 or field.dtype.kind not in "if" or len(field) < LEAST_POINTS:
        return None
    per = "tenfold" if field.min() > 0 else "unit"
    x = np.log10(field) if per == "tenfold" else field.astype(float)
    return xr.DataArray(
        _slopes(x, _by_point(dataset, variable)),
        dims=("member", "network"),
        coords={"member": dataset["member"], "network": students(dataset)},
        attrs={"field": fields[0], "per": per},
    )


def _by_point(dataset: xr.Dataset, variable: str) -> Float[np.ndarray, "point member network"]:
    values = points.by_member(dataset, variable)
    kinds = estimates.kinds_of(values)
    values = values.sel({kinds: students(dataset)}).transpose(*points.dims_of(dataset), "member", kinds)
    return values.values.reshape(-1, *values.shape[-2:])


def _slopes(
    x: Float[np.ndarray, " point"], values: Float[np.ndarray, "point member network"]
) -> Float[np.ndarray, "member network"]:
    """Return least-squares slopes over the points where a member has a value; NaN for fewer than `LEAST_POINTS`."""
    there = np.isfinite(values)
    n = there.sum(axis=0)
    enough = n >= LEAST_POINTS
    at = np.where(there, x[:, None, None], 0.0)
    centered = np.where(there, at - at.sum(axis=0) / np.maximum(n, 1), 0.0)
    spread = (centered**2).sum(axis=0)
    rise = (centered * np.where(there, values, 0.0)).sum(axis=0)
    return np.divide(rise, spread, out=np.full(n.shape, np.nan), where=enough & (spread > 0))


def multiplicity(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what the simultaneous intervals of a sweep correct for, in values that JSON can say."""
    found, slope = differences(dataset), trend(dataset)
    return {
        "correction": "Bonferroni",
        "level": 0.95,
        "comparisons": found.attrs["intervals"],
        "trends": 0 if slope is None else slope.sizes["network"],
    }
