"""Figures of accuracies along the fields of a sweep: lines with intervals over one field, a map over two."""

from collections.abc import Mapping
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.lab import estimates, style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting, source_of
from sottovoce.sweeps import effects, points
from sottovoce.sweeps.tables import effects_of, words

# Numbers that span this factor or more are drawn on a logarithmic axis.
SPAN = 10

# The names of the sweeps that this section shows begin with it.
PREFIX = "sweep_"

TITLE = "What transfer depends on"

INTRO = (
    "One field of the protocol over many values, everything else as it is. Each point has the same members, so that "
    "differences and trends are taken member by member."
)


def line_panel(
    ax: Axes, by_point: xr.Dataset, field: str, kinds: str, marks: Mapping[str, float] = MappingProxyType({})
) -> None:
    """Draw every network's mean and 95 % interval against one swept field: lines over numbers, points over words.

    Args:
        ax: where to draw.
        by_point: `sweeps.points.curves` along this field.
        field: the swept field.
        kinds: the dimension whose entries are the networks, "role" or "network".
        marks: values of the field at which a vertical line is drawn, by the line's label.
    """
    values = by_point[field].values
    numeric = values.dtype.kind in "if"
    x = values.astype(float) if numeric else np.arange(len(values))
    for i, name in enumerate(by_point[kinds].values.tolist()):
        estimate = by_point.sel({kinds: name}).transpose(field)
        color = (style.ROLES | style.OBJECTIVES).get(name) or list(style.OKABE_ITO.values())[i % len(style.OKABE_ITO)]
        name = name.replace("_", " ")
        if numeric:
            ax.plot(x, estimate["mean"], "o-", color=color, ms=4, label=name)
            ax.fill_between(x, estimate["low"], estimate["high"], color=color, alpha=0.18, lw=0)
        else:
            # Words have no order that a line could follow; the networks' points are drawn side by side.
            aside = x + 0.1 * (i - (by_point.sizes[kinds] - 1) / 2)
            whiskers = [estimate["mean"] - estimate["low"], estimate["high"] - estimate["mean"]]
            ax.errorbar(aside, estimate["mean"], yerr=np.maximum(whiskers, 0), fmt="o", color=color, ms=4, label=name)
    for label, value in marks.items():
        ax.axvline(value, color=style.OKABE_ITO["black"], ls=":", lw=1)
        ax.annotate(label, (value, 0.3), (-4, 0), textcoords="offset points", rotation=90, ha="right", fontsize=8)
    if numeric and x.min() > 0 and x.max() / x.min() >= SPAN:
        ax.set_xscale("log")
        ax.set_xticks(x, [f"{value:g}" for value in x])
        ax.set_xticks([], minor=True)
    elif not numeric:
        ticks = [str(value).replace("_", " ") for value in values]
        slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(x, ticks, **({} if len(values) < 6 else slanted))
    ax.set(xlabel=field, ylim=(0, 1.02))


def map_panel(ax: Axes, estimate: xr.Dataset, fields: tuple[str, str]) -> None:
    """Draw one network's mean over two swept fields as a map, with the 95 % interval in each cell.

    Args:
        ax: where to draw.
        estimate: `sweeps.points.curves` of one network.
        fields: the swept fields of the rows and of the columns.
    """
    mean, low, high = (estimate[name].transpose(*fields).values for name in ("mean", "low", "high"))
    ax.imshow(mean, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (row, column), value in np.ndenumerate(mean):
        # Text is white on the dark part of the color map, black on the bright part.
        text = f"{value:.2f}\n[{low[row, column]:.2f}, {high[row, column]:.2f}]"
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if value < 0.6 else "black")
    down, across = (estimate[field].values for field in fields)
    ax.set_yticks(range(len(down)), [str(value) for value in down])
    ax.set_xticks(range(len(across)), [str(value) for value in across])
    ax.set(ylabel=fields[0], xlabel=fields[1])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def draw(
    by_point: xr.Dataset, title: str, student: str = "student", marks: Mapping[str, float] = MappingProxyType({})
) -> Figure:
    """Draw a sweep over one field as lines, over two as a map of one network.

    Args:
        by_point: `sweeps.points.curves` of a grid.
        title: names experiment, dataset and number of members.
        student: the network that a map shows.
        marks: as `line_panel` takes them.

    Returns:
        The figure.
    """
    swept = list(by_point.attrs["swept"])
    kinds = estimates.kinds_of(by_point["mean"])
    with style.context():
        if len(swept) == 1:
            figure, ax = plt.subplots(figsize=(7.4, 4.2))
            line_panel(ax, by_point, swept[0], kinds, marks)
            ax.set_title("test accuracy, mean over members, 95 % for all points together")
            figure.legend(loc="outside right center")
        else:
            down, across = swept[:2]
            size = (1.8 + 1.15 * by_point.sizes[across], 1.6 + 0.62 * by_point.sizes[down])
            figure, ax = plt.subplots(figsize=(max(size[0], 5.2), size[1]))
            map_panel(ax, by_point.sel({kinds: student}), (down, across))
            ax.set_title(f"test accuracy of the {student} [95 % interval]")
        figure.suptitle(title)
    return figure


def draw_section(results: Results) -> list[Drawing]:
    """Return one figure for each sweep whose points are all saved."""
    return [_sweep(name, dataset) for name, dataset in results.items() if name.startswith(PREFIX)]


def _sweep(name: str, dataset: xr.Dataset) -> Drawing:
    (field,) = dataset.attrs["swept"]
    accuracy = points.curves(dataset)
    shown = ", ".join(effects.students(dataset))
    marks = {"hidden width": float(config_of(dataset)["width"])} if field == "n_aux" else {}
    title = f"Accuracy against {field}: {source_of(dataset)}, n = {dataset.sizes['member']} members"
    return Drawing(
        key=name,
        title=f"Accuracy against {field}",
        alt=f"Lines of test accuracy by network against {field}; of {shown}: "
        + "; ".join(
            f"{words({field: value})}: "
            + ", ".join(f"{float(v):.3f}" for v in _means(accuracy, effects.students(dataset), field, value))
            for value in accuracy[field].values.tolist()
        ),
        caption="Mean over members, bands and whiskers: 95 % for all points of a curve together. "
        f"{_effects(dataset)} Made by: {dataset.attrs['command']}. Setting: {setting(dataset)}.",
        figure=draw(accuracy, title, marks=marks),
        data=accuracy,
    )


def _means(accuracy: xr.Dataset, students: list[str], field: str, value: object) -> list[float]:
    kinds = estimates.kinds_of(accuracy["mean"])
    return accuracy["mean"].sel({field: value, kinds: students}).values.tolist()


def _effects(dataset: xr.Dataset) -> str:
    """Return sentences on the differences whose simultaneous interval excludes zero, and on the trends."""
    of_sweep = effects_of(dataset)
    n_intervals = of_sweep["multiplicity"]["comparisons"]
    nonzero = [row for row in of_sweep["differences"] if _excludes_zero(row["simultaneous95"])]
    named = "; ".join(f"{row['network']}, {words(row['at'])}, {row['mean']:+.3f}" for row in nonzero) or "none"
    slopes = "; ".join(
        f"{row['network']} {row['mean']:+.3f} [{row['simultaneous95'][0]:.3f}, {row['simultaneous95'][1]:.3f}]"
        for row in of_sweep["trend"]
        if row["simultaneous95"][0] is not None
    )
    baseline = words(of_sweep["differences"][0]["baseline"])
    differ = (
        f"Differences from the accuracy at {baseline} whose interval, of {n_intervals} that hold together in 95 % of "
        f"experiments, does not hold zero: {named}."
    )
    return f"{differ} Slope per {of_sweep['trend'][0]['per']} of the field: {slopes}." if slopes else differ


def _excludes_zero(ends: list[float | None]) -> bool:
    low, high = ends
    return low is not None and high is not None and not low <= 0 <= high
