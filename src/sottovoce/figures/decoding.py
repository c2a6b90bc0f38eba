"""How directions get used: accuracies of every body with every class head, linear probes, drift of each block."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.figures import style

HEAD_LABELS = {"class_head": "class\nhead", "aux_head": "aux.\nhead"}


def graft_panel(ax: Axes, graft: xr.Dataset, probe: xr.Dataset) -> None:
    """Draw the annotated matrix of accuracies: rows are bodies; columns are class heads and the linear probe.

    Args:
        ax: where to draw.
        graft: estimates of `graft_accuracy` by body and head.
        probe: estimates of `probe_accuracy` by body.
    """
    mean = np.column_stack([graft["mean"].transpose("body", "head"), probe["mean"]])
    low = np.column_stack([graft["low"].transpose("body", "head"), probe["low"]])
    high = np.column_stack([graft["high"].transpose("body", "head"), probe["high"]])
    ax.imshow(mean, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (row, column), value in np.ndenumerate(mean):
        text = f"{value:.3f}\n[{low[row, column]:.3f}, {high[row, column]:.3f}]"
        ax.text(column, row, text, ha="center", va="center", fontsize=8.5, color="white" if value < 0.6 else "black")
    heads = [f"{head}'s\nclass head" for head in graft["head"].values]
    ax.set_xticks(range(mean.shape[1]), [*map(str, heads), "linear\nprobe"])
    ax.set_yticks(range(mean.shape[0]), [f"{body}'s\nbody" for body in graft["body"].values])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.axvline(mean.shape[1] - 1.5, color="white", lw=4)


def drift_panel(ax: Axes, drift: xr.Dataset) -> None:
    """Draw relative drift of every block from initialization, teacher and student side by side.

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
    """Draw the matrix and the drift side by side; the title states dataset and members."""
    with style.context():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.0), width_ratios=[1.35, 1])
        graft_panel(left, graft, probe)
        left.set_title("test accuracy [95 % interval]")
        drift_panel(right, drift)
        right.set_title("movement from initialization")
        figure.suptitle(title)
    return figure
