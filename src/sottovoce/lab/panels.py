"""The idioms of all figures: estimates as bars, points, curves and matrices, levels of nulls, and the figure itself.

An estimate is a dataset with `mean`, `low` and `high`, as `lab.estimates` makes it. Further keyword arguments go to
matplotlib as they are.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from numpy.typing import ArrayLike

from sottovoce.lab import style


@contextlib.contextmanager
def figure(title: str, width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of a size in inches, in this package's style, and give it its title at the end."""
    with style.context():
        drawn = Figure(figsize=(width, height))
        # The plain canvas of a figure outside of pyplot cannot settle its layout.
        FigureCanvasAgg(drawn)
        yield drawn
        drawn.suptitle(title)


def legend_below(drawn: FigureBase, ax: Axes) -> None:
    """Draw one legend for all panels, in one row below them, with the entries of `ax`."""
    handles, labels = ax.get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def estimate_of(dataset: xr.Dataset, name: str) -> xr.Dataset:
    """Return the estimate that a dataset holds as `name`, `name_low` and `name_high`."""
    return xr.Dataset({"mean": dataset[name], "low": dataset[f"{name}_low"], "high": dataset[f"{name}_high"]})


def categories(ax: Axes, labels: Sequence[str] | np.ndarray, *, vertical: bool = False) -> np.ndarray:
    """Give an axis one labelled tick for each category, and return the positions of the ticks: 0, 1, 2, ..."""
    at = np.arange(len(labels))
    (ax.set_yticks if vertical else ax.set_xticks)(at, labels)
    return at


def abreast(x: Any, step: float, names: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield for each name its positions, `step` apart from the next name's and all together centered on `x`."""
    for i, name in enumerate(names):
        yield x + step * (i - (len(names) - 1) / 2), name


def bars(ax: Axes, at: ArrayLike, estimate: xr.Dataset, width: float, *, horizontal: bool = False, **bar: Any) -> None:
    """Draw an estimate as bars with whiskers, upright or horizontal."""
    draw, across = (ax.barh, "xerr") if horizontal else (ax.bar, "yerr")
    draw(at, estimate["mean"], width, **{across: whiskers(estimate)}, **bar)


def points(ax: Axes, x: ArrayLike, estimate: xr.Dataset, fmt: str = "o", **errorbar: Any) -> None:
    """Draw an estimate as points with upright whiskers."""
    # Given labelled arrays, `errorbar` would keep arrays of objects.
    ax.errorbar(np.asarray(x), estimate["mean"].values, yerr=whiskers(estimate), fmt=fmt, **errorbar)


def curve(ax: Axes, x: ArrayLike, estimate: xr.Dataset, *, alpha: float = 0.2, **line: Any) -> None:
    """Draw an estimate as a line in a band."""
    (drawn,) = ax.plot(x, estimate["mean"], **line)
    # matplotlib may have chosen the line's color by itself, so the band takes it from the line.
    ax.fill_between(x, estimate["low"], estimate["high"], color=drawn.get_color(), alpha=alpha, lw=0)


def levels(ax: Axes, x: np.ndarray, heights: ArrayLike, width: float, label: str, **line: Any) -> None:
    """Draw a short black line across each bar of this width, for instance at the level of its null."""
    ax.hlines(heights, x - width / 2, x + width / 2, color="black", label=once(ax, label), **line)


def once(ax: Axes, label: str) -> str:
    """Return the label, or, if the axes have it already, a label that legends leave out."""
    return f"_{label}" if label in ax.get_legend_handles_labels()[1] else label


def matrix(
    ax: Axes, estimate: xr.Dataset, rows: Sequence[str], columns: Sequence[str], digits: int, fontsize: float
) -> None:
    """Draw an estimate by row and column as colors from 0 to 1, with numbers and intervals in the cells."""
    categories(ax, rows, vertical=True)
    categories(ax, columns)
    mean, low, high = (estimate[name].values for name in ("mean", "low", "high"))
    ax.imshow(mean, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    # Numbers are written into the cells, because colors do not show intervals.
    for (row, column), value in np.ndenumerate(mean):
        ends = low[row, column], high[row, column]
        # Few members have no interval.
        interval = "" if np.isnan(ends).any() else f"\n[{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"
        text = f"{value:.{digits}f}{interval}"
        # White on the dark part of the color map, black on the bright part.
        color = "white" if value < 0.6 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=fontsize, color=color)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def whiskers(estimate: xr.Dataset) -> np.ndarray:
    """Return the lengths of an estimate's whiskers, low ends before high ends, as matplotlib takes them."""
    # The mean of equal members can lie a rounding error outside of its interval, but no whisker is negative.
    ends = np.abs([estimate["mean"] - estimate["low"], estimate["high"] - estimate["mean"]])
    return ends.reshape(2, -1)


def block_name(block: str) -> str:
    """Return a block of a network in words: `trunk_0` is the hidden layer 1, `conv_0` the convolution 1."""
    kind, _, number = block.rpartition("_")
    counted = {"trunk": "hidden layer", "conv": "convolution"}.get(kind)
    # Layers are counted from zero in names of blocks and from one for readers. A user's own network has other blocks.
    return f"{counted} {int(number) + 1}" if counted and number.isdigit() else block.replace("_", " ")
