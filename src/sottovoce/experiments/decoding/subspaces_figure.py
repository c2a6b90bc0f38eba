"""Figures of where updates write, what they share, and what accuracy their parts carry: every bar beside its null."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing

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
NETWORKS = ("teacher", "student")
Estimates = Mapping[str, xr.Dataset]


def subspaces(estimated: Estimates, source: str, conditions: str) -> Drawing:
    """Return the figure of energies on subspaces and of overlaps; `source` states dataset and members."""
    with panels.figure(f"Subspaces of updates: {source}", 10.4, 4.2) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
        energy_panel(left, estimated)
        overlap_panel(right, estimated)
    return Drawing(
        key="subspaces",
        title="Where updates write, and what teacher and student share",
        alt="Bars of the energy of both updates on four subspaces and of the overlap of their strongest directions on "
        "both sides of the layer, each with the level of random subspaces.",
        caption="The update W - W0 of the last hidden layer. Left: its share of energy on the span of the distilled "
        "columns of the auxiliary head (centered under kl), on the span of the centered class columns, and on the "
        "strongest directions of the teacher's and of the network's own update, as many as the objective teaches. "
        f"Right: overlap of that many directions of the student's update with the teacher's. {conditions}",
        figure=figure,
        data=columns(estimated, "energy", "energy_random", "energy_random_high", "energy_shuffled"),
    )


def parts(estimated: Estimates, source: str, conditions: str) -> Drawing:
    """Return the figure of the accuracy that parts carry, a row per scope and a column per network."""
    with panels.figure(f"What parts of the change carry: {source}", 10.4, 7.2) as figure:
        axes = figure.subplots(2, 2, sharey=True)
        for row, scope in zip(axes, SCOPES, strict=True):
            for ax, network in zip(row, NETWORKS, strict=True):
                parts_panel(ax, estimated, network, scope)
        panels.legend_below(figure, axes[0, 0])
    return Drawing(
        key="parts",
        title="What each part of a change carries",
        alt="Bars of test accuracy with only the part of a network's change that lies on a subspace, and with all but "
        "that part, between the accuracies with none and with all of the change.",
        caption="The change of the last hidden layer's pre-activation is projected on or off a subspace before the "
        "activation; the reference's class head reads the result. Above: the whole change from the reference. Below: "
        "the change that the last layer's own update makes, on the network's own lower layers. "
        f"{conditions}",
        figure=figure,
        data=columns(estimated, "part_accuracy", "part_accuracy_random"),
    )


def energy_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw the share of energy of the teacher's and the student's update on each subspace, with its chance level."""
    for beside, network in panels.abreast(_positions(ax, estimated["energy"], SUBSPACES), 0.38, NETWORKS):
        at = {"network": network}
        _bars(ax, beside, estimated["energy"].sel(at), color=style.ROLES[network], label=f"{network}'s update")
        _null(ax, beside, *(estimated[f"energy_random{end}"].sel(at) for end in ("", "_high")))
    ax.set_ylabel(r"share of $\|W - W_0\|_F^2$ on the subspace")
    ax.set_title("where the updates of the last hidden layer write")
    ax.legend(loc="upper right")


def overlap_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw the overlap of the student's strongest update directions with the teacher's, with both of its nulls."""
    overlap = estimated["overlap"]
    x = _positions(ax, overlap, TEACHER_SUBSPACES)
    # Colors other than the networks', because these bars compare both networks and differ by side.
    colors = (style.OKABE_ITO["vermilion"], style.OKABE_ITO["sky"])
    for (beside, side), color in zip(panels.abreast(x, 0.38, overlap["side"].values.tolist()), colors, strict=True):
        _bars(ax, beside, overlap.sel(side=side), color=color, label=f"directions {SIDES[side]}")
        _null(ax, beside, *(estimated[f"overlap_random{end}"].sel(side=side) for end in ("", "_high")))
        shuffled = estimated["overlap_shuffled"]["mean"].sel(side=side)
        ax.plot(beside, shuffled, label=panels.once(ax, "units shuffled, mean"), **style.DIAMONDS)
    ax.set_ylabel("overlap, mean squared cosine")
    ax.set_title("student's directions and teacher's")
    ax.legend(loc="upper left")


def parts_panel(ax: Axes, estimated: Estimates, network: str, scope: str) -> None:
    """Draw the accuracy that parts of a network's change carry, between none of the change and all of it."""
    at = {"network": network, "scope": scope}
    accuracy, random = (estimated[name].sel(at) for name in ("part_accuracy", "part_accuracy_random"))
    for beside, part in panels.abreast(_positions(ax, accuracy, SUBSPACES), 0.38, list(PARTS)):
        _bars(ax, beside, accuracy.sel(part=part), color=PARTS[part], label=f"part {part} the subspace")
        _null(ax, beside, random.sel(part=part))
    for name, label, dashes in (("whole", "all of the change", "-"), ("unchanged", "none of it", ":")):
        level = float(estimated[f"{name}_accuracy"]["mean"].sel(at))
        ax.axhline(level, color=style.OKABE_ITO["gray"], ls=dashes, lw=1.2, zorder=0, label=label)
    ax.set(ylim=(0, 1.02), ylabel="test accuracy", title=f"{network}, {SCOPES[scope]}")


def _positions(ax: Axes, estimate: xr.Dataset, labels: Mapping[str, str]) -> np.ndarray:
    """Label the horizontal axis by subspace, and return the positions of the labels."""
    dim = "subspace" if "subspace" in estimate.dims else "teacher_subspace"
    x = np.arange(estimate.sizes[dim])
    ax.set_xticks(x, [labels[name] for name in estimate[dim].values.tolist()])
    return x


def _bars(ax: Axes, x: np.ndarray, estimate: xr.Dataset, **bar: str) -> None:
    panels.bars(ax, x, estimate, 0.36, error_kw={"elinewidth": 1.2}, **bar)


def _null(ax: Axes, x: np.ndarray, mean: xr.Dataset, high: xr.Dataset | None = None) -> None:
    """Draw the mean of random subspaces of the same rank and, dashed, their 95 % quantile across the bars."""
    panels.levels(ax, x, mean["mean"], 0.36, "random subspace, mean", lw=1.8)
    if high is not None:
        panels.levels(ax, x, high["mean"], 0.36, "random subspace, 95 %", lw=1.2, ls=(0, (2, 1.5)))


def columns(estimated: Estimates, *names: str) -> xr.Dataset:
    """Return the estimates of several variables in one dataset, each column prefixed by its variable's name."""
    renamed = [estimated[name].rename({end: f"{name}_{end}" for end in estimated[name].data_vars}) for name in names]
    return xr.merge(renamed, combine_attrs="drop")
