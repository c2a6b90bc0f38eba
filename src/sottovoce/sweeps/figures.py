"""Figures of accuracies along the fields of a sweep: lines with intervals over one field, a map over two."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import sample, setting
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


def draw_section(results: Results) -> list[Drawing]:
    """Return one figure for each sweep whose points are all saved."""
    return [_sweep(name, dataset) for name, dataset in results.items() if name.startswith(PREFIX)]


def _sweep(name: str, dataset: xr.Dataset) -> Drawing:
    # A named sweep of the report is over one field.
    (field,) = dataset.attrs["swept"]
    accuracy = points.curves(dataset)
    students = effects.students(dataset)
    means = accuracy["mean"].sel({estimates.kinds_of(accuracy["mean"]): students}).transpose(field, ...)
    # In the linear theory, as many logits as hidden units transfer everything (docs/theory.md, section 1).
    marks = {"hidden width": float(config_of(dataset)["width"])} if field == "n_aux" else {}
    return Drawing(
        key=name,
        title=f"Accuracy against {field}",
        alt=f"Lines of test accuracy by network against {field}; of {', '.join(students)}: "
        + "; ".join(
            f"{words({field: value})}: {', '.join(f'{mean:.3f}' for mean in at_value)}"
            for value, at_value in zip(accuracy[field].values.tolist(), means.values, strict=True)
        ),
        caption="Mean over members, bands and whiskers: 95 % for all points of a curve together. "
        f"{_effects(dataset)} Made by: {dataset.attrs['command']}. Setting: {setting(dataset)}.",
        figure=draw(accuracy, f"Accuracy against {field}: {sample(dataset)}", marks=marks),
        data=accuracy,
    )


def draw(
    by_point: xr.Dataset, title: str, student: str = "student", marks: Mapping[str, float] = MappingProxyType({})
) -> Figure:
    """Draw a sweep over one field as lines, over two as a map of one network.

    Args:
        by_point: `sweeps.points.curves` of a grid.
        title: names experiment, dataset and number of members.
        student: the network that a map shows.
        marks: values of one swept field at which a vertical line is drawn, by the line's label.
    """
    swept = list(by_point.attrs["swept"])
    kinds = estimates.kinds_of(by_point["mean"])
    if len(swept) == 1:
        with panels.figure(title, 7.4, 4.2) as figure:
            ax = figure.subplots()
            _line_panel(ax, by_point, swept[0], kinds)
            for label, value in marks.items():
                ax.axvline(value, color=style.OKABE_ITO["black"], ls=":", lw=1)
                beside = {"textcoords": "offset points", "rotation": 90, "ha": "right", "fontsize": 8}
                ax.annotate(label, (value, 0.3), (-4, 0), **beside)
            ax.set_title("test accuracy, mean over members, 95 % for all points together")
            figure.legend(loc="outside right center")
        return figure
    down, across = swept[:2]
    width, height = 1.8 + 1.15 * by_point.sizes[across], 1.6 + 0.62 * by_point.sizes[down]
    with panels.figure(title, max(width, 5.2), height) as figure:
        ax = figure.subplots()
        labels = ([str(value) for value in by_point[field].values] for field in (down, across))
        panels.matrix(ax, by_point.sel({kinds: student}).transpose(down, across), *labels, digits=2, fontsize=8)
        ax.set(ylabel=down, xlabel=across, title=f"test accuracy of the {student} [95 % interval]")
    return figure


def _line_panel(ax: Axes, by_point: xr.Dataset, field: str, kinds: str) -> None:
    """Draw every network's mean and 95 % interval against one field: lines over numbers, points over words."""
    values = by_point[field].values
    numeric = values.dtype.kind in "if"
    x = values.astype(float) if numeric else np.arange(len(values))
    networks, palette = by_point[kinds].values.tolist(), list(style.OKABE_ITO.values())
    for i, (beside, name) in enumerate(panels.abreast(x, 0.1, networks)):
        color = (style.ROLES | style.OBJECTIVES).get(name) or palette[i % len(palette)]
        estimate = by_point.sel({kinds: name}).transpose(field)
        look = {"color": color, "ms": 4, "label": name.replace("_", " ")}
        if numeric:
            panels.curve(ax, x, estimate, alpha=0.18, marker="o", **look)
        else:
            # Words have no order that a line could follow; the networks' points are drawn side by side.
            panels.points(ax, beside, estimate, **look)
    if numeric and x.min() > 0 and x.max() / x.min() >= SPAN:
        ax.set_xscale("log")
        ax.set_xticks(x, [f"{value:g}" for value in x])
        # The minor ticks of a logarithmic axis would stand at values that were not run.
        ax.set_xticks([], minor=True)
    elif not numeric:
        slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(x, [str(value).replace("_", " ") for value in values], **(slanted if len(x) > 5 else {}))
    ax.set(xlabel=field, ylim=(0, 1.02))


def _effects(dataset: xr.Dataset) -> str:
    """Return sentences on the differences whose simultaneous interval excludes zero, and on the trends."""
    of_sweep = effects_of(dataset)
    named = "; ".join(
        f"{row['network']}, {words(row['at'])}, {row['mean']:+.3f}"
        for row, low, high in _with_interval(of_sweep["differences"])
        if not low <= 0 <= high
    )
    slopes = "; ".join(
        f"{row['network']} {row['mean']:+.3f} [{low:.3f}, {high:.3f}]"
        for row, low, high in _with_interval(of_sweep["trend"])
    )
    baseline = words(of_sweep["differences"][0]["baseline"])
    n_intervals = of_sweep["multiplicity"]["comparisons"]
    differ = (
        f"Differences from the accuracy at {baseline} whose interval, of {n_intervals} that hold together in 95 % of "
        f"experiments, does not hold zero: {named or 'none'}."
    )
    return f"{differ} Slope per {of_sweep['trend'][0]['per']} of the field: {slopes}." if slopes else differ


def _with_interval(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], float, float]]:
    """Return the rows that have a simultaneous interval, which takes two members, each with its two ends."""
    return [(row, *row["simultaneous95"]) for row in rows if None not in row["simultaneous95"]]
