"""Table, notes and figure of any result over members, for experiments that state none."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sottovoce.lab import panels
from sottovoce.lab.drawing import Drawing, setting_of
from sottovoce.lab.estimates import converged, over_members
from sottovoce.lab.rows import Table, rows_of

MOST_ROWS = 60
"""A variable with more numbers for each member has no rows, because a table of so many is not read."""


def table(dataset: xr.Dataset) -> Table:
    """Return one row for each number that a member has: its mean over members with its interval."""
    rows: Table = {}
    for name, values in _measured(dataset):
        dims = [str(dim) for dim in values.dims if dim != "member"]
        wording = ", ".join([name, *(f"{dim} {{{dim}}}" for dim in dims)])
        rows |= rows_of(over_members(values), _quantity(name, values), wording)
    return rows


def notes(dataset: xr.Dataset) -> list[str]:
    """Return which variables have no rows, and why."""
    return [
        f"{name} has {size} numbers for each member, more than the {MOST_ROWS} that a table shows"
        for name, size in _sizes(dataset).items()
        if size > MOST_ROWS
    ]


def draw(name: str, dataset: xr.Dataset, source: str) -> Drawing:
    """Return one figure of a result: a panel for each variable, with its members as points.

    Along a dimension of numbers the mean is a curve with its pointwise interval; else it is a point with whiskers.

    Args:
        name: the name under which the report shows the result.
        dataset: the result.
        source: where its samples come from, in a few words.
    """
    shown = list(_measured(dataset))
    columns = min(2, len(shown)) or 1
    rows = -(-len(shown) // columns) or 1
    with panels.figure("", 4.7 * columns, 0.6 + 2.6 * rows) as figure:
        places = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (variable, values) in zip(places, shown, strict=False):
            _panel(ax, values)
            ax.set(title=variable, ylabel=_quantity(variable, values))
        # An odd number of panels leaves one place empty.
        for ax in places[len(shown) :]:
            ax.remove()
    rows = table(dataset)
    ends = [(row["mean"], *row["ci95"]) for row in rows.values()]
    caption = "Means with 95 % intervals over members; small points are members."
    return Drawing(
        key=name,
        title=name.replace("_", " ").capitalize(),
        alt="Means over members: "
        + ", ".join(f"{label} {mean:.3g}" for label, (mean, *_) in zip(rows, ends, strict=True) if mean is not None),
        caption=f"{caption} Setting: {setting_of(dataset, source)}.",
        figure=figure,
        data=xr.Dataset(
            {
                part: ("row", [np.nan if one[i] is None else one[i] for one in ends])
                for i, part in enumerate(("mean", "low", "high"))
            },
            coords={"row": list(rows)},
        ),
    )


def _panel(ax: Axes, values: xr.DataArray) -> None:
    dims = [dim for dim in values.dims if dim != "member"]
    if len(dims) == 1 and values[dims[0]].dtype.kind in "iuf" and values.sizes[dims[0]] > 1:
        x = values[dims[0]].values
        ax.plot(x, values.transpose(dims[0], "member").values, color="0.7", lw=0.5)
        panels.curve(ax, x, over_members(values))
        ax.set_xlabel(str(dims[0]))
        return
    entries = values.stack(entry=dims, create_index=False) if dims else values.expand_dims("entry")
    labels = zip(*(entries[dim].values for dim in dims), strict=True) if dims else [()]
    at = panels.categories(ax, [" ".join(map(str, label)) for label in labels])
    # Beside the whisker, which would cover them.
    ax.plot(at - 0.12, entries.transpose("entry", "member").values, ".", color="0.6", ms=4)
    panels.points(ax, at, over_members(entries))
    ax.set_xlim(-0.6, len(at) - 0.4)


def _quantity(name: str, values: xr.DataArray) -> str:
    units = values.attrs.get("units")
    # The unit of a pure number says nothing of what is measured.
    return str((units != "1" and units) or values.attrs.get("long_name") or name)


def _measured(dataset: xr.Dataset) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield the variables of the members that converged that have few enough numbers, in the result's order."""
    members = converged(dataset)
    for name, size in _sizes(dataset).items():
        if size <= MOST_ROWS:
            values = members[name].astype(float)
            # Entries without a coordinate are told apart by their places.
            yield (
                name,
                values.assign_coords(
                    {dim: np.arange(n) for dim, n in values.sizes.items() if dim not in values.coords}
                ),
            )


def _sizes(dataset: xr.Dataset) -> dict[str, int]:
    """Return how many numbers of each variable a member has."""
    return {
        str(name): values.size // max(values.sizes["member"], 1)
        for name, values in dataset.data_vars.items()
        if "member" in values.dims and values.dtype.kind in "biuf" and name != "diverged"
    }
