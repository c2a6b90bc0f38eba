"""Figures on how learned directions get used: stitched networks, drift, similarity, subspaces and parts of updates."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sottovoce.experiments.decoding import subspaces_figure
from sottovoce.experiments.decoding.findings import scale_of
from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of, sample, setting

Estimates = Mapping[str, xr.Dataset]

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
    drawings = (_grafts, subspaces_figure.subspaces, subspaces_figure.parts, _similarity)
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
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )


def _graft_panel(ax: Axes, graft: xr.Dataset, probe: xr.Dataset) -> None:
    """Draw the matrix of accuracies; its rows are bodies, its columns class heads and the linear probe."""
    accuracy = xr.concat([graft, probe.expand_dims(head=["probe"])], dim="head").transpose("body", "head")
    panels.matrix(ax, accuracy, digits=3, fontsize=8.5)
    heads = [f"{head}'s\nclass head" for head in graft["head"].values]
    ax.set_xticks(range(len(heads) + 1), [*heads, "linear\nprobe"])
    ax.set_yticks(range(graft.sizes["body"]), [f"{body}'s\nbody" for body in graft["body"].values])
    # A gap sets the probe's column apart, because the probe is no network's head.
    ax.axvline(len(heads) - 0.5, color="white", lw=4)
    ax.set_title("test accuracy [95 % interval]")


def _drift_panel(ax: Axes, drift: xr.Dataset) -> None:
    x = np.arange(drift.sizes["block"])
    for beside, body in panels.abreast(x, 0.36, ("teacher", "student")):
        panels.bars(ax, beside, drift.sel(body=body), 0.34, color=style.ROLES[body], label=body)
    ax.set_xticks(x, [_block_label(block) for block in drift["block"].values.tolist()])
    ax.set_ylabel(r"drift $\|W - W_0\|_F\,/\,\|W_0\|_F$")
    ax.set_title("displacement from initialization")
    ax.legend(loc="upper right")


def _block_label(block: str) -> str:
    return HEAD_LABELS.get(block) or f"hidden\nlayer {int(block.removeprefix('trunk_')) + 1}"


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
        data=subspaces_figure.columns(estimated, "label_accuracy"),
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
    x = np.arange(cka.sizes["pair"])
    panels.bars(ax, x, cka, 0.55, color=style.OKABE_ITO["sky"])
    ax.plot(x, estimated["cka_shuffled"]["mean"], label="images shuffled", **style.DIAMONDS)
    ax.set_xticks(x, [pair.replace(" and ", "\nand ") for pair in cka["pair"].values.tolist()])
    ax.set(ylim=(-0.04, 1.2), ylabel="debiased linear CKA, test images", yticks=np.linspace(0, 1, 6))
    ax.set_title("similarity of hidden features")
    ax.legend(loc="upper left")


def affine_panel(ax: Axes, estimated: Estimates) -> None:
    """Draw for each network the accuracy of its class logits, and of its auxiliary logits through the affine map."""
    through = estimated["affine_accuracy"]
    bodies = through["body"].values.tolist()
    # Indexing both dimensions with one array selects each body with its own class head.
    diagonal = xr.DataArray(bodies, dims="own")
    x = np.arange(len(bodies))
    left, right = (beside for beside, _ in panels.abreast(x, 0.38, ("class", "auxiliary")))
    own = estimated["graft_accuracy"].sel(body=diagonal, head=diagonal)
    panels.bars(ax, left, own, 0.36, color=style.OKABE_ITO["gray"], label="class logits")
    panels.bars(ax, right, through, 0.36, color=style.OKABE_ITO["green"], label="aux. logits through the map")
    shuffled = estimated["affine_accuracy_shuffled"]["mean"]
    ax.plot(right, shuffled, label="map of shuffled pairs", **style.DIAMONDS)
    ax.set_xticks(x, bodies)
    ax.set(ylim=(0, 1.3), ylabel="test accuracy", yticks=np.linspace(0, 1, 6))
    ax.set_title("from auxiliary to class logits")
    ax.legend(loc="upper right")
