"""Figures on how learned directions get used: accuracies of stitched networks, linear probes, drift of each block."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.decoding import similarity_figure, subspaces_figure
from sottovoce.experiments.decoding.findings import scale_of
from sottovoce.lab import estimates, style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting

HEAD_LABELS = {"class_head": "class\nhead", "aux_head": "aux.\nhead"}


def graft_panel(ax: Axes, graft: xr.Dataset, probe: xr.Dataset) -> None:
    """Draw the annotated matrix of accuracies; its rows are bodies, its columns class heads and the linear probe.

    Args:
        ax: where to draw.
        graft: estimates of `graft_accuracy` by body and head.
        probe: estimates of `probe_accuracy` by body.
    """
    mean = np.column_stack([graft["mean"].transpose("body", "head"), probe["mean"]])
    low = np.column_stack([graft["low"].transpose("body", "head"), probe["low"]])
    high = np.column_stack([graft["high"].transpose("body", "head"), probe["high"]])
    ax.imshow(mean, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    # Numbers are written into the cells, because colors do not show intervals.
    for (row, column), value in np.ndenumerate(mean):
        text = f"{value:.3f}\n[{low[row, column]:.3f}, {high[row, column]:.3f}]"
        ax.text(column, row, text, ha="center", va="center", fontsize=8.5, color="white" if value < 0.6 else "black")
    heads = [f"{head}'s\nclass head" for head in graft["head"].values]
    ax.set_xticks(range(mean.shape[1]), [*map(str, heads), "linear\nprobe"])
    ax.set_yticks(range(mean.shape[0]), [f"{body}'s\nbody" for body in graft["body"].values])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    # A gap sets the probe's column apart, because the probe is no network's head.
    ax.axvline(mean.shape[1] - 1.5, color="white", lw=4)


def drift_panel(ax: Axes, drift: xr.Dataset) -> None:
    """Draw the relative drift of every block from initialization, with one bar each for teacher and student.

    Args:
        ax: where to draw.
        drift: estimates of `relative_drift` by body and block.
    """
    blocks = drift["block"].values.tolist()
    x = np.arange(len(blocks))
    for offset, body in ((-0.18, "teacher"), (0.18, "student")):
        estimate = drift.sel(body=body)
        errors = np.abs(np.stack([estimate["mean"] - estimate["low"], estimate["high"] - estimate["mean"]]))
        ax.bar(x + offset, estimate["mean"], 0.34, yerr=errors, color=style.ROLES[body], label=body)
    ax.set_xticks(x, [_block_label(block) for block in blocks])
    ax.set_ylabel(r"drift $\|W - W_0\|_F\,/\,\|W_0\|_F$")
    ax.legend(loc="upper right")


def _block_label(block: str) -> str:
    if block in HEAD_LABELS:
        return HEAD_LABELS[block]
    return f"hidden\nlayer {int(block.removeprefix('trunk_')) + 1}"


def draw(graft: xr.Dataset, probe: xr.Dataset, drift: xr.Dataset, title: str) -> Figure:
    """Draw the matrix of accuracies beside the drift; the title states dataset and members."""
    with style.context():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.0), width_ratios=[1.35, 1])
        graft_panel(left, graft, probe)
        left.set_title("test accuracy [95 % interval]")
        drift_panel(right, drift)
        right.set_title("displacement from initialization")
        figure.suptitle(title)
    return figure


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
    converged_members = estimates.converged(dataset)
    estimated = {
        str(name): estimates.over_members(values, scale_of(str(name)))
        for name, values in converged_members.data_vars.items()
        if name != "diverged"
    }
    config = config_of(dataset)
    source = f"{config['dataset']}, n = {converged_members.sizes['member']} members"
    conditions = (
        f"Whiskers: 95 % interval over members. Setting: {setting(dataset)}, n_aux = {config['n_aux']}, "
        f"{config['objective']}."
    )
    return [drawing(estimated, source, conditions) for drawing in (_grafts, _subspaces, _parts, _similarity)]


def _grafts(estimated: dict[str, xr.Dataset], source: str, conditions: str) -> Drawing:
    graft, probe, drift = (estimated[name] for name in ("graft_accuracy", "probe_accuracy", "relative_drift"))
    return Drawing(
        key="decoding",
        title="Every body read by every class head",
        alt="A matrix of test accuracies of every body with every class head and with a linear probe, and bars of the "
        "drift of every block of teacher and student.",
        caption="Rows: the network whose hidden features are read. Columns: the network whose class head reads them. "
        f"Right: relative displacement of each block from initialization. {conditions}",
        figure=draw(graft, probe, drift, f"How the directions get used: {source}"),
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )


def _subspaces(estimated: dict[str, xr.Dataset], source: str, conditions: str) -> Drawing:
    return Drawing(
        key="subspaces",
        title="Where updates write, and what teacher and student share",
        alt="Bars of the energy of both updates on four subspaces and of the overlap of their strongest directions on "
        "both sides of the layer, each with the level of random subspaces.",
        caption="The update W - W0 of the last hidden layer. Left: its share of energy on the span of the distilled "
        "columns of the auxiliary head (centered under kl), on the span of the centered class columns, and on the "
        "strongest directions of the teacher's and of the network's own update, as many as the objective teaches. "
        f"Right: overlap of that many directions of the student's update with the teacher's. {conditions}",
        figure=subspaces_figure.draw(estimated, f"Subspaces of updates: {source}"),
        data=_columns(estimated, ("energy", "energy_random", "energy_random_high", "energy_shuffled")),
    )


def _parts(estimated: dict[str, xr.Dataset], source: str, conditions: str) -> Drawing:
    return Drawing(
        key="parts",
        title="What each part of a change carries",
        alt="Bars of test accuracy with only the part of a network's change that lies on a subspace, and with all but "
        "that part, between the accuracies with none and with all of the change.",
        caption="The change of the last hidden layer's pre-activation is projected on or off a subspace before the "
        "activation; the reference's class head reads the result. Above: the whole change from the reference. Below: "
        "the change that the last layer's own update makes, on the network's own lower layers. "
        f"{conditions}",
        figure=subspaces_figure.draw_parts(estimated, f"What parts of the change carry: {source}"),
        data=_columns(estimated, ("part_accuracy", "part_accuracy_random")),
    )


def _similarity(estimated: dict[str, xr.Dataset], source: str, conditions: str) -> Drawing:
    return Drawing(
        key="similarity",
        title="Digits, hidden features and logits compared",
        alt="Test accuracy by digit of reference, teacher and student; debiased CKA of each pair; accuracy of class "
        "logits and of auxiliary logits read through an affine map.",
        caption="The affine map is fitted by least squares from the teacher's auxiliary logits to its class logits on "
        f"training images. {conditions}",
        figure=similarity_figure.draw(estimated, f"Reference, teacher and student: {source}"),
        data=_columns(estimated, ("label_accuracy",)),
    )


def _columns(estimated: dict[str, xr.Dataset], names: tuple[str, ...]) -> xr.Dataset:
    """Return the estimates of several variables in one dataset, each column prefixed by its variable's name."""
    renamed = [estimated[name].rename({end: f"{name}_{end}" for end in estimated[name].data_vars}) for name in names]
    return xr.merge(renamed, combine_attrs="drop")
