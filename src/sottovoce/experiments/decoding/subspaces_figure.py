"""Figures of where updates write, what they share, and what accuracy their parts carry: every bar beside its null."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.lab import style

SUBSPACES = {
    "aux_head": "distilled\naux. columns",
    "class_head": "class\ncolumns",
    "teacher_update": "teacher's\nupdate",
    "own_update": "own\nupdate",
}
SIDES = {"output": "written to", "input": "read from"}
TEACHER_SUBSPACES = {"matched": "teacher's first\nas many as student's", "wide": "teacher's first\nclasses less one"}
SCOPES = {"trunk": "whole trunk", "last_layer": "last hidden layer alone"}
PARTS = {"on": style.OKABE_ITO["green"], "off": style.OKABE_ITO["purple"]}
Estimates = Mapping[str, xr.Dataset]


def energy_panel(ax: Axes, estimates: Estimates) -> None:
    """Draw the share of energy of the teacher's and the student's update on each subspace, with its chance level.

    Args:
        ax: where to draw.
        estimates: estimates of `energy`, `energy_random` and `energy_random_high`, by network and subspace.
    """
    energy = estimates["energy"]
    x = np.arange(energy.sizes["subspace"])
    for offset, network in ((-0.19, "teacher"), (0.19, "student")):
        _bars(ax, x + offset, energy.sel(network=network), 0.36, style.ROLES[network], f"{network}'s update")
        _null(ax, x + offset, 0.36, *(estimates[f"energy_random{end}"].sel(network=network) for end in ("", "_high")))
    ax.set_xticks(x, [SUBSPACES[name] for name in energy["subspace"].values.tolist()])
    ax.set_ylabel(r"share of $\|W - W_0\|_F^2$ on the subspace")


def overlap_panel(ax: Axes, estimates: Estimates) -> None:
    """Draw the overlap of the student's strongest update directions with the teacher's, with both of its nulls.

    Args:
        ax: where to draw.
        estimates: estimates of `overlap`, `overlap_random`, `overlap_random_high` and `overlap_shuffled`, by side and
            teacher_subspace.
    """
    overlap = estimates["overlap"]
    x = np.arange(overlap.sizes["teacher_subspace"])
    colors = (style.OKABE_ITO["vermilion"], style.OKABE_ITO["sky"])
    # Colors other than the networks', because these bars compare both networks and differ by side.
    for offset, side, color in zip((-0.19, 0.19), overlap["side"].values.tolist(), colors, strict=True):
        _bars(ax, x + offset, overlap.sel(side=side), 0.36, color, f"directions {SIDES[side]}")
        _null(ax, x + offset, 0.36, *(estimates[f"overlap_random{end}"].sel(side=side) for end in ("", "_high")))
        shuffled = estimates["overlap_shuffled"].sel(side=side)["mean"]
        ax.plot(x + offset, shuffled, "D", color="white", mec="black", ms=5, label=_once(ax, "units shuffled, mean"))
    ax.set_xticks(x, [TEACHER_SUBSPACES[name] for name in overlap["teacher_subspace"].values.tolist()])
    ax.set_ylabel("overlap, mean squared cosine")


def parts_panel(ax: Axes, estimates: Estimates, network: str, scope: str) -> None:
    """Draw the accuracy that parts of a network's change carry, between none of the change and all of it.

    Args:
        ax: where to draw.
        estimates: estimates of `part_accuracy`, `part_accuracy_random`, `unchanged_accuracy` and `whole_accuracy`.
        network: "teacher" or "student".
        scope: "trunk" or "last_layer".
    """
    names = ("part_accuracy", "part_accuracy_random", "unchanged_accuracy", "whole_accuracy")
    selected = {name: estimates[name].sel(network=network, scope=scope) for name in names}
    accuracy, random = selected["part_accuracy"], selected["part_accuracy_random"]
    x = np.arange(accuracy.sizes["subspace"])
    for offset, (part, color) in zip((-0.19, 0.19), PARTS.items(), strict=True):
        _bars(ax, x + offset, accuracy.sel(part=part), 0.36, color, f"part {part} the subspace")
        _null(ax, x + offset, 0.36, random.sel(part=part))
    for name, label, line in (("whole", "all of the change", "-"), ("unchanged", "none of it", ":")):
        level = float(selected[f"{name}_accuracy"]["mean"])
        ax.axhline(level, color=style.OKABE_ITO["gray"], ls=line, lw=1.2, zorder=0, label=label)
    ax.set_xticks(x, [SUBSPACES[name] for name in accuracy["subspace"].values.tolist()])
    ax.set(ylim=(0, 1.02), ylabel="test accuracy", title=f"{network}, {SCOPES[scope]}")


def _bars(ax: Axes, x: np.ndarray, estimate: xr.Dataset, width: float, color: str, label: str) -> None:
    mean = estimate["mean"].values
    errors = np.abs(np.stack([mean - estimate["low"].values, estimate["high"].values - mean]))
    ax.bar(x, mean, width, yerr=errors, color=color, label=label, error_kw={"elinewidth": 1.2})


def _null(ax: Axes, x: np.ndarray, width: float, mean: xr.Dataset, high: xr.Dataset | None = None) -> None:
    """Draw short black lines at the mean of random subspaces of the same rank and, dashed, at their 95 % quantile."""
    ends = (x - width / 2, x + width / 2)
    ax.hlines(mean["mean"], *ends, color="black", lw=1.8, label=_once(ax, "random subspace, mean"))
    if high is not None:
        label = _once(ax, "random subspace, 95 %")
        ax.hlines(high["mean"], *ends, color="black", lw=1.2, ls=(0, (2, 1.5)), label=label)


def _once(ax: Axes, label: str) -> str:
    """Return the label, or if the axes have it already a label that legends leave out."""
    return f"_{label}" if label in ax.get_legend_handles_labels()[1] else label


def draw(estimates: Estimates, title: str) -> Figure:
    """Draw the panel of energies beside the panel of overlaps; the title states dataset and members."""
    with style.context():
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 4.2), width_ratios=[1.25, 1])
        energy_panel(left, estimates)
        left.set_title("where the updates of the last hidden layer write")
        left.legend(loc="upper right")
        overlap_panel(right, estimates)
        right.set_title("student's directions and teacher's")
        right.legend(loc="upper left")
        figure.suptitle(title)
    return figure


def draw_parts(estimates: Estimates, title: str) -> Figure:
    """Draw the accuracy of parts, a row per scope and a column per network; the title states dataset and members."""
    with style.context():
        figure, axes = plt.subplots(2, 2, figsize=(10.4, 7.2), sharey=True)
        for row, scope in zip(axes, SCOPES, strict=True):
            for ax, network in zip(row, ("teacher", "student"), strict=True):
                parts_panel(ax, estimates, network, scope)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
        figure.suptitle(title)
    return figure
