"""The gallery of distillation inputs: examples of each kind, and how many directions hold their variance."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sottovoce.figures import style

OF_IMAGES = style.OKABE_ITO["orange"]
NOISE = style.OKABE_ITO["blue"]


def examples_panel(ax: Axes, examples: xr.DataArray) -> None:
    """Draw examples of one kind side by side, black to white over the widest range among them, symmetric about zero.

    Args:
        ax: where to draw.
        examples: by example_index, row and column.
    """
    images = np.asarray(examples.transpose("example_index", "row", "column"))
    gap = max(1, images.shape[2] // 10)
    height, width = images.shape[1:]
    strip = np.full((height, len(images) * (width + gap) - gap), np.nan)
    for i, image in enumerate(images):
        start = i * (width + gap)
        strip[:, start : start + width] = image
        frame = Rectangle((start - 0.5, -0.5), width, height, fill=False, color=style.OKABE_ITO["gray"], clip_on=False)
        ax.add_patch(frame)
    limit = np.abs(images).max()
    ax.imshow(strip, cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_axis_off()


def share_panel(ax: Axes, shares: xr.Dataset, of_images: list[str], components: int) -> None:
    """Draw for each kind the share of its variance that the first components hold, with its interval.

    Args:
        ax: where to draw.
        shares: estimates of `share` by kind.
        of_images: the kinds that are made of training images.
        components: how many components.
    """
    kinds = shares["kind"].values.tolist()
    y = np.arange(len(kinds))
    errors = np.abs(np.stack([shares["mean"] - shares["low"], shares["high"] - shares["mean"]]))
    ax.barh(y, shares["mean"], 0.6, xerr=errors, color=[OF_IMAGES if kind in of_images else NOISE for kind in kinds])
    for at, mean, high in zip(y.tolist(), shares["mean"].values, shares["high"].values, strict=True):
        ax.text(high + 0.03, at, f"{mean:.2f}", va="center", fontsize=8.5)
    ax.set(yticks=y, yticklabels=[kind.replace("_", " ") for kind in kinds], xlim=(0, 1.2), xticks=(0, 0.5, 1))
    ax.set_xlabel(f"share of variance in {components} components")
    ax.invert_yaxis()


def draw(
    examples: xr.DataArray,
    labels: dict[str, str],
    shares: xr.Dataset,
    of_images: list[str],
    components: int,
    title: str,
) -> Figure:
    """Compose the gallery: one strip of examples per kind with its label, and the shares beside them.

    Args:
        examples: `example` of one member, by kind, example_index, row and column.
        labels: what stands over each kind's strip.
        shares: estimates of `share` by kind.
        of_images: the kinds that are made of training images.
        components: how many components the shares count.
        title: states dataset, seed, inputs and members.

    Returns:
        The figure.
    """
    kinds = examples["kind"].values.tolist()
    with style.context():
        rows = -(-len(kinds) // 2)
        figure = plt.figure(figsize=(11.6, 0.9 + 0.92 * rows))
        grid = figure.add_gridspec(1, 2, width_ratios=[2.1, 1])
        left, right = (figure.add_subfigure(grid[column]) for column in range(2))
        axes = left.subplots(rows, 2, squeeze=False).T.ravel()
        for ax in axes[len(kinds) :]:
            ax.set_axis_off()
        for ax, kind in zip(axes, kinds, strict=False):
            examples_panel(ax, examples.sel(kind=kind))
            ax.set_title(labels[kind], fontsize=8.5)
        share_panel(right.subplots(), shares, of_images, components)
        figure.suptitle(title)
    return figure
