"""The directions counted in students, and their accuracy, against the number of auxiliary logits."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sottovoce.lab import style

MATRICES = {"weight": "directions of the weight", "update": "directions of the update"}


def count_panel(ax: Axes, curves: xr.Dataset, matrix: str) -> None:
    """Draw counts against k with their 95 % intervals, and the lines of the hypotheses k and k - 1.

    Args:
        ax: where to draw.
        curves: `experiments.spectrum.counts.curves`.
        matrix: "weight" or "update".
    """
    _panel(ax, curves.sel(matrix=matrix), "count")
    k = curves["n_aux"].values
    for fewer, dashes in ((0, "-"), (1, "--")):
        ax.plot(k, k - fewer, color=style.OKABE_ITO["gray"], ls=dashes, lw=1, zorder=0, label=("k", "k - 1")[fewer])
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True))


def gain_panel(ax: Axes, curves: xr.Dataset) -> None:
    """Draw the gain in accuracy over the reference against k, with its 95 % interval.

    Args:
        ax: where to draw.
        curves: `experiments.spectrum.counts.curves`.
    """
    _panel(ax, curves, "gain")
    ax.axhline(0.0, color=style.OKABE_ITO["gray"], ls=":", lw=1)
    ax.set(ylim=(-0.2, 1.0), xlabel="auxiliary logits k")


def draw(panels: dict[str, xr.Dataset], title: str) -> Figure:
    """Draw one column per variant: directions of the weight, of the update, and the accuracy above the reference's.

    Args:
        panels: `experiments.spectrum.counts.curves` by the heading of their column.
        title: states dataset and rule.

    Returns:
        The figure.
    """
    with style.context():
        figure, axes = plt.subplots(
            3, len(panels), figsize=(max(4.2 * len(panels), 6.0), 8.0), squeeze=False, sharex="col", sharey="row"
        )
        for column, (name, curves) in zip(axes.T, panels.items(), strict=True):
            for ax, matrix in zip(column, MATRICES, strict=False):
                count_panel(ax, curves, matrix)
            gain_panel(column[2], curves)
            column[0].set_title(name)
        for row in axes[:2]:
            # Set after all panels that share the axis are drawn, because a limit set by hand ends its autoscaling.
            row[0].set_ylim(bottom=-0.5)
        for ax, label in zip(axes[:, 0], (*MATRICES.values(), "accuracy above reference"), strict=True):
            ax.set_ylabel(label)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.suptitle(title)
    return figure


def _panel(ax: Axes, curves: xr.Dataset, quantity: str) -> None:
    """Draw one quantity by objective, with the objectives offset so that their intervals do not overlap."""
    for offset, objective in zip((-0.06, 0.06), style.OBJECTIVES, strict=True):
        if objective not in curves["objective"]:
            continue
        line = curves.sel(objective=objective).dropna("n_aux", subset=[quantity])
        middle, low, high = (line[name].values for name in (quantity, f"{quantity}_low", f"{quantity}_high"))
        ax.errorbar(line["n_aux"].values + offset, middle, yerr=[middle - low, high - middle], fmt="o-", ms=4.5, lw=1.2,
                    color=style.OBJECTIVES[objective], label=objective)  # fmt: skip
    ax.set_xticks(curves["n_aux"].values)
