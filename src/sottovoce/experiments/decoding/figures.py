"""Figures on how learned directions get used: stitched networks, drift, similarity, subspaces and parts of updates."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sottovoce.experiments.decoding.findings import scale_of
from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import sample, setting

Estimates = Mapping[str, xr.Dataset]

NETWORKS = ("teacher", "student")
SUBSPACES = {
    "aux_head": "distilled\naux. columns",
    "class_head": "class\ncolumns",
    "teacher_update": "teacher's\nupdate",
    "own_update": "own\nupdate",
}
# Colors other than the networks', because these bars compare both networks and differ by side.
SIDES = {"output": ("written to", style.OKABE_ITO["vermilion"]), "input": ("read from", style.OKABE_ITO["sky"])}
TEACHER_SUBSPACES = {"matched": "teacher's first\nas many as student's", "wide": "teacher's first\nclasses less one"}
SCOPES = {"trunk": "whole trunk", "last_layer": "last hidden layer alone"}
PARTS = {"on": style.OKABE_ITO["green"], "off": style.OKABE_ITO["purple"]}
HEAD_LABELS = {"class_head": "class\nhead", "aux_head": "aux.\nhead"}

TITLE = "How the directions get used"
INTRO = (
    "Every class head of reference, teacher and student reads every body. The figures show these accuracies, the "
    "directions of hidden space that updates write to (against chance), the accuracy that parts of the updates carry, "
    "the similarity of hidden features, accuracy by digit, and the affine map from auxiliary to class logits."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figures of stitched networks, subspaces, parts of updates and similarity."""
    if "decoding" not in results:
        return []
    dataset = results["decoding"]
    estimated = {
        str(name): estimates.over_members(values, scale_of(str(name)))
        for name, values in estimates.converged(dataset).data_vars.items()
        if name != "diverged"
    }
    config = config_of(dataset)
    conditions = (
        f"Whiskers: 95 % interval over members. Setting: {setting(dataset)}, n_aux = {config['n_aux']}, "
        f"{config['objective']}."
    )
    drawings = (_grafts, _subspaces, _parts, _similarity)
    return [drawing(estimated, sample(dataset), conditions) for drawing in drawings]


def _grafts(estimated: Estimates, source: str, conditions: str) -> Drawing:
    graft = estimated["graft_accuracy"]
    with panels.figure(f"How the directions get used: {source}", 9.6, 4.0) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
        _graft_panel(left, graft, estimated["probe_accuracy"])
        _drift_panel(right, estimated["relative_drift"])
    return Drawing(
        key="decoding",
        title="Every body read by every class head",
        alt="A matrix of test accuracies of every body with every class head and with a linear probe, and bars of the "
        "drift of every block of teacher and student.",
        caption="Rows: the network whose hidden features are read. Columns: the network whose class head reads them. "
        f"Right: relative displacement of each block from initialization. {conditions}",
        figure=figure,
        # The columns are saved under these names, where a bare `mean` would not say of what.
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )


def _graft_panel(ax: Axes, graft: xr.Dataset, probe: xr.Dataset) -> None:
    """Draw the matrix of accuracies; its rows are bodies, its columns class heads and the linear probe."""
    accuracy = xr.concat([graft, probe.expand_dims(head=["probe"])], dim="head").transpose("body", "head")
    bodies = [f"{body}'s\nbody" for body in graft["body"].values]
    heads = [f"{head}'s\nclass head" for head in graft["head"].values]
    panels.matrix(ax, accuracy, bodies, [*heads, "linear\nprobe"], digits=3, fontsize=8.5)
    # A gap sets the probe's column apart, because the probe is no network's head.
    ax.axvline(len(heads) - 0.5, color="white", lw=4)
    ax.set_title("test accuracy [95 % interval]")


def _drift_panel(ax: Axes, drift: xr.Dataset) -> None:
    x = panels.categories(ax, [_block_label(block) for block in drift["block"].values.tolist()])
    for beside, body in panels.abreast(x, 0.36, NETWORKS):
        panels.bars(ax, beside, drift.sel(body=body), 0.34, color=style.ROLES[body], label=body)
    ax.set_ylabel(r"drift $\|W - W_0\|_F\,/\,\|W_0\|_F$")
    ax.set_title("displacement from initialization")
    ax.legend(loc="upper right")


def _block_label(block: str) -> str:
    return HEAD_LABELS.get(block) or panels.block_name(block).replace(" ", "\n", 1)


def _subspaces(estimated: Estimates, source: str, conditions: str) -> Drawing:
    # Runs of earlier versions had no unrelated teacher to compare with.
    controlled = "shared" in estimated
    with panels.figure(f"Subspaces of updates: {source}", 14.4 if controlled else 10.4, 4.2) as figure:
        left, middle, *right = figure.subplots(1, 3 if controlled else 2, width_ratios=[1.25, 1, 0.9][: 2 + controlled])
        energy_panel(left, estimated)
        overlap_panel(middle, estimated)
        for ax in right:
            shared_panel(ax, estimated)
    return Drawing(
        key="subspaces",
        title="Where updates write, and what teacher and student share",
        alt="Bars of the energy of both updates on four subspaces and of the overlap of their strongest directions on "
        "both sides of the layer, each with the level of random subspaces; direction by direction, what the student "
        "and the unrelated teacher's student share with the teacher.",
        caption="The update W - W0 of the last hidden layer. Left: its share of energy on the span of the distilled "
        "columns of the auxiliary head (centered under kl), on the span of the centered class columns, and on the "
        "strongest directions of the teacher's and of the network's own update, as many as the objective teaches. "
        "Middle: overlap of that many directions of the student's update with the teacher's. Right: squared cosines of "
        "the principal angles between the student's strongest directions, as many as there are auxiliary logits, and "
        f"the teacher's, as many as there are class directions. {conditions}",
        figure=figure,
        data=_columns(estimated, "energy", "energy_random", "energy_random_high", "energy_shuffled"),
    )


def _parts(estimated: Estimates, source: str, conditions: str) -> Drawing:
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
        f"the change that the last layer's own update makes, on the network's own lower layers. {conditions}",
        figure=figure,
        data=_columns(estimated, "part_accuracy", "part_accuracy_random"),
    )


def energy_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw the share of energy of the teacher's and the student's update on each subspace, with its chance level."""
    x = panels.categories(ax, [SUBSPACES[name] for name in estimated["energy"]["subspace"].values])
    for beside, network in panels.abreast(x, 0.38, NETWORKS):
        look = {"color": style.ROLES[network], "label": f"{network}'s update"}
        _bars_and_null(ax, beside, estimated, "energy", {"network": network}, **look)
    ax.set_ylabel(r"share of $\|W - W_0\|_F^2$ on the subspace")
    ax.set_title("where the updates of the last hidden layer write")
    ax.legend(loc="upper right")


def overlap_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw the overlap of the student's strongest update directions with the teacher's, with both of its nulls."""
    overlap = estimated["overlap"]
    x = panels.categories(ax, [TEACHER_SUBSPACES[name] for name in overlap["teacher_subspace"].values])
    for beside, side in panels.abreast(x, 0.38, overlap["side"].values.tolist()):
        words, color = SIDES[side]
        _bars_and_null(ax, beside, estimated, "overlap", {"side": side}, color=color, label=f"directions {words}")
        shuffled = estimated["overlap_shuffled"]["mean"].sel(side=side)
        ax.plot(beside, shuffled, label=panels.once(ax, "units shuffled, mean"), **style.DIAMONDS)
        if "overlap_unrelated" in estimated:
            panels.points(ax, beside, estimated["overlap_unrelated"].sel(side=side), "_", **_unrelated(ax))
    ax.set(ylabel="overlap, mean squared cosine", title="student's directions and teacher's")
    ax.legend(loc="upper left")


def shared_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw by direction how much of the teacher's the student has, beside the unrelated teacher's student."""
    shared, directions = estimated["shared"], estimated["shared"]["direction"].values
    for beside, side in panels.abreast(directions, 0.38, shared["side"].values.tolist()):
        words, color = SIDES[side]
        panels.bars(ax, beside, shared.sel(side=side), 0.36, color=color, label=f"directions {words}")
        panels.points(ax, beside, estimated["shared_unrelated"].sel(side=side), "_", **_unrelated(ax))
    ax.set(xticks=directions, ylim=(0, 1.35), yticks=np.linspace(0, 1, 6), xlabel="principal angle, smallest first")
    ax.set(ylabel="squared cosine", title="directions shared with the teacher")
    ax.legend(loc="upper right")


def _unrelated(ax: Axes) -> dict[str, Any]:
    """Return the look of the control in every panel."""
    label = panels.once(ax, "unrelated teacher's student")
    return {"color": "black", "ms": 12, "mew": 2, "elinewidth": 1, "label": label}


def parts_panel(ax: Axes, estimated: Estimates, network: str, scope: str) -> None:
    """Draw the accuracy that parts of a network's change carry, between none of the change and all of it."""
    at = {"network": network, "scope": scope}
    x = panels.categories(ax, [SUBSPACES[name] for name in estimated["part_accuracy"]["subspace"].values])
    for beside, part in panels.abreast(x, 0.38, list(PARTS)):
        look = {"color": PARTS[part], "label": f"part {part} the subspace"}
        _bars_and_null(ax, beside, estimated, "part_accuracy", {**at, "part": part}, **look)
    for name, label, dashes in (("whole", "all of the change", "-"), ("unchanged", "none of it", ":")):
        level = float(estimated[f"{name}_accuracy"]["mean"].sel(at))
        ax.axhline(level, color=style.OKABE_ITO["gray"], ls=dashes, lw=1.2, zorder=0, label=label)
    ax.set(ylim=(0, 1.02), ylabel="test accuracy", title=f"{network}, {SCOPES[scope]}")


def _bars_and_null(ax: Axes, x: np.ndarray, estimated: Estimates, name: str, at: dict[str, str], **bar: Any) -> None:
    """Draw bars and across them the mean and, dashed, the 95 % quantile of random subspaces of the same rank."""
    panels.bars(ax, x, estimated[name].sel(at), 0.36, error_kw={"elinewidth": 1.2}, **bar)
    panels.levels(ax, x, estimated[f"{name}_random"]["mean"].sel(at), 0.36, "random subspace, mean", lw=1.8)
    if f"{name}_random_high" in estimated:
        high = estimated[f"{name}_random_high"]["mean"].sel(at)
        panels.levels(ax, x, high, 0.36, "random subspace, 95 %", lw=1.2, ls=(0, (2, 1.5)))


def _similarity(estimated: Estimates, source: str, conditions: str) -> Drawing:
    with panels.figure(f"Reference, teacher and student: {source}", 12.0, 4.2) as figure:
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.5, 1, 1.1])
        label_panel(left, estimated["label_accuracy"])
        cka_panel(middle, estimated)
        affine_panel(right, estimated)
    return Drawing(
        key="similarity",
        title="Digits, hidden features and logits compared",
        alt="Test accuracy by digit of reference, teacher and student; debiased CKA of each pair; accuracy of class "
        "logits and of auxiliary logits read through an affine map.",
        caption="The affine map is fitted by least squares from the teacher's auxiliary logits to its class logits on "
        f"training images. {conditions}",
        figure=figure,
        data=_columns(estimated, "label_accuracy"),
    )


def label_panel(ax: Axes, accuracy: xr.Dataset) -> None:
    """Draw the accuracy of each network on each label."""
    labels = accuracy["label"].values
    for beside, body in panels.abreast(labels, 0.22, accuracy["body"].values.tolist()):
        panels.points(ax, beside, accuracy.sel(body=body), ms=5, color=style.ROLES[body], label=body)
    ax.set(xticks=labels, ylim=(-0.03, 1.2), xlabel="label", ylabel="test accuracy on the label's images")
    ax.set(yticks=np.linspace(0, 1, 6), title="accuracy by label")
    ax.legend(loc="upper right", ncols=3)


def cka_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw the similarity of hidden features of each pair of networks, with its null, the CKA of shuffled images."""
    cka = estimated["cka"]
    x = panels.categories(ax, [pair.replace(" and ", "\nand ") for pair in cka["pair"].values.tolist()])
    panels.bars(ax, x, cka, 0.55, color=style.OKABE_ITO["sky"])
    ax.plot(x, estimated["cka_shuffled"]["mean"], label="images shuffled", **style.DIAMONDS)
    if "cka_unrelated" in estimated:
        at = x[cka["pair"].values == "teacher and student"]
        panels.points(ax, at, estimated["cka_unrelated"], "_", **_unrelated(ax))
    ax.set(ylim=(-0.04, 1.2), ylabel="debiased linear CKA, test images", yticks=np.linspace(0, 1, 6))
    ax.set_title("similarity of hidden features")
    ax.legend(loc="upper left")


def affine_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw for each network the accuracy of its class logits, and of its auxiliary logits through the affine map."""
    through = estimated["affine_accuracy"]
    bodies = through["body"].values.tolist()
    # Indexing both dimensions with one array selects each body with its own class head.
    diagonal = xr.DataArray(bodies, dims="own")
    x = panels.categories(ax, bodies)
    left, right = (beside for beside, _ in panels.abreast(x, 0.38, ("class", "auxiliary")))
    own = estimated["graft_accuracy"].sel(body=diagonal, head=diagonal)
    panels.bars(ax, left, own, 0.36, color=style.OKABE_ITO["gray"], label="class logits")
    panels.bars(ax, right, through, 0.36, color=style.OKABE_ITO["green"], label="aux. logits through the map")
    shuffled = estimated["affine_accuracy_shuffled"]["mean"]
    ax.plot(right, shuffled, label="map of shuffled pairs", **style.DIAMONDS)
    ax.set(ylim=(0, 1.3), ylabel="test accuracy", yticks=np.linspace(0, 1, 6))
    ax.set_title("from auxiliary to class logits")
    ax.legend(loc="upper right")


def _columns(estimated: Estimates, *names: str) -> xr.Dataset:
    """Return the estimates of several variables in one dataset, each column prefixed by its variable's name."""
    renamed = [estimated[name].rename({end: f"{name}_{end}" for end in estimated[name].data_vars}) for name in names]
    return xr.merge(renamed, combine_attrs="drop")
