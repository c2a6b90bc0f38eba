"""Effects of a swept field on the students: paired differences from the baseline, and the trend along a number.

Members are the same at every point (same seeds, same initializations), so both are computed member by member. The
choices are preregistered: the students are compared, not the teacher or the reference; every point is compared with
the baseline, which is the preset's point or else the first; the trend is each member's least-squares slope over all
points.
"""

import numpy as np
import xarray as xr
from jaxtyping import Float

from sottovoce.lab import estimates
from sottovoce.measure import statistics
from sottovoce.sweeps import points

NOT_COMPARED = ("reference", "teacher")
LEAST_POINTS = 3  # for a trend; of two points there is only a difference


def students(dataset: xr.Dataset) -> list[str]:
    """Return the networks that are compared: among roles the student on auxiliary logits, among names every student."""
    names = dataset[estimates.kinds_of(dataset["accuracy"])].values.tolist()
    return ["student"] if "student" in names else [name for name in names if name not in NOT_COMPARED]


def differences(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset:
    """Estimate the difference of every other point from the baseline, paired over members.

    A sweep of networks has the variables "accuracy" and "recovered_fraction".

    Returns:
        By `comparison`, with the swept fields as coordinates along it, and by `network`: `mean`; `low` and `high`, the
        pointwise 95 % interval over members; `simultaneous_low` and `simultaneous_high`
        (`measure.statistics.simultaneous`); `n`, the number of members that both points have. Attributes: `intervals`,
        the number of simultaneous intervals; `baseline`, the settings of the baseline.

    Raises:
        UsageError: the sweep has no such variable.
    """
    settings = [at for at, _ in points.points(dataset)]
    baseline = dataset.attrs["baseline"]
    others = [i for i in range(len(settings)) if i != baseline]
    values = _by_point(dataset, variable)
    # A member that is missing at one of the two points is NaN in the difference, and takes no part in it.
    change = values[others] - values[baseline]
    n = np.isfinite(change).sum(axis=1)
    # A difference that no member has is no comparison to correct for.
    intervals = int((n > 0).sum())
    columns = np.full((5, *n.shape), np.nan)
    for row, column in np.argwhere(n > 0):
        of_members = change[row, :, column]
        defined = of_members[np.isfinite(of_members)]
        ends = statistics.simultaneous(defined, intervals)[1:]
        columns[:, row, column] = *statistics.interval(defined), *ends
    names = ("mean", "low", "high", "simultaneous_low", "simultaneous_high", "n")
    dims = ("comparison", "network")
    along = {field: ("comparison", [settings[i][field] for i in others]) for field in settings[baseline]}
    return xr.Dataset(
        {name: (dims, column) for name, column in zip(names, (*columns, n), strict=True)},
        coords={"network": students(dataset), **along},
        attrs={"intervals": intervals, "baseline": settings[baseline]},
    )


def trend(dataset: xr.Dataset, variable: str = "accuracy") -> xr.Dataset | None:
    """Estimate the mean of the members' `slopes`, None where there are none; arguments and errors as `differences`.

    Returns:
        By `network`: `mean`, `low`, `high` (`measure.statistics.simultaneous` over the networks) and `n`, the number
        of members that have a slope. Attributes as of `slopes`.
    """
    of_members = slopes(dataset, variable)
    if of_members is None:
        return None
    columns = [column[np.isfinite(column)] for column in of_members.transpose("network", "member").values]
    ends = np.array([statistics.simultaneous(column, len(columns)) for column in columns])
    return xr.Dataset(
        {name: ("network", ends[:, i]) for i, name in enumerate(("mean", "low", "high"))}
        | {"n": ("network", [column.size for column in columns])},
        coords={"network": of_members["network"]},
        attrs=of_members.attrs,
    )


def slopes(dataset: xr.Dataset, variable: str = "accuracy", least: int | float = -np.inf) -> xr.DataArray | None:
    """Return how much a variable rises for each member along the only swept field, where that field is a number.

    A slope is that of the member's least-squares line over the points at which it converged. Where all values of the
    field are positive, the line is over the decimal logarithm of the field, and the slope is a rise per tenfold.
    Points at which the field is less than `least` are left out. The other arguments and errors are those of
    `differences`.

    Returns:
        Slopes by member and network, NaN for members with fewer than three points; attributes `field`, and `per`,
        "tenfold" or "unit". None where the sweep is over several fields, over words, or over fewer than three values.
    """
    fields = list(dataset.attrs["swept"])
    field = dataset[fields[0]].values
    if len(fields) > 1 or field.dtype.kind not in "if":
        return None
    kept = field >= least
    field = field[kept]
    if len(field) < LEAST_POINTS:
        return None
    per = "tenfold" if field.min() > 0 else "unit"
    x = np.log10(field) if per == "tenfold" else field.astype(float)
    return xr.DataArray(
        _slopes(x, _by_point(dataset, variable)[kept]),
        dims=("member", "network"),
        coords={"member": dataset["member"], "network": students(dataset)},
        attrs={"field": fields[0], "per": per},
    )


def _by_point(dataset: xr.Dataset, variable: str) -> Float[np.ndarray, "point member network"]:
    values = points.by_member(dataset, variable)
    kinds = estimates.kinds_of(values)
    values = values.sel({kinds: students(dataset)}).transpose(*points.dims_of(dataset), "member", kinds)
    # The last swept field runs fastest, as in `points.points`.
    return values.values.reshape(-1, *values.shape[-2:])


def _slopes(
    x: Float[np.ndarray, " point"], values: Float[np.ndarray, "point member network"]
) -> Float[np.ndarray, "member network"]:
    """Return least-squares slopes over the points at which a member has a value; NaN below `LEAST_POINTS` points."""
    defined = np.isfinite(values)
    n = defined.sum(axis=0)
    enough = n >= LEAST_POINTS
    # Members lack different points, so each has its own mean of x.
    positions = np.where(defined, x[:, None, None], 0.0)
    centered = np.where(defined, positions - positions.sum(axis=0) / np.maximum(n, 1), 0.0)
    spread = (centered**2).sum(axis=0)
    rise = (centered * np.where(defined, values, 0.0)).sum(axis=0)
    return np.divide(rise, spread, out=np.full(n.shape, np.nan), where=enough & (spread > 0))
