"""The values of a saved figure's curves and their positions in its SVG, for a page that shows them on hover."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

POINTS_PER_INCH = 72


def panels(figure: Figure) -> list[dict[str, Any]]:
    """Describe every panel that has named curves.

    Args:
        figure: a figure that has been saved, so that its layout is settled.

    Returns:
        One dict of JSON values per panel: `box` (left, top, width, height), `across` (the label of the horizontal
        axis) and `curves`. Each curve has `name`, `color`, its values `x` and `y` to four significant digits, and the
        positions of these values, `left` and `top`. Positions are in the SVG's units, points from its upper left
        corner.
    """
    return [panel for axes in figure.axes if (panel := _panel(axes))["curves"]]


def _panel(axes: Axes) -> dict[str, Any]:
    # matplotlib labels an unnamed artist itself, with a name that begins with an underscore.
    curves = [_curve(axes, line) for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    (left, right), (top, bottom) = _positions(axes, axes.get_window_extent().get_points())
    box = [left, min(top, bottom), round(right - left, 2), round(abs(bottom - top), 2)]
    return {"box": box, "across": axes.get_xlabel(), "curves": curves}


def _curve(axes: Axes, line: Line2D) -> dict[str, Any]:
    values = np.asarray(line.get_xydata(), float)
    values = values[np.isfinite(values).all(axis=1)]
    left, top = _positions(axes, line.get_transform().transform(values))
    # Four digits are as fine as the figure itself, and keep the page small.
    x, y = ([float(f"{value:.4g}") for value in column] for column in values.T)
    return {"name": line.get_label(), "color": to_hex(line.get_color()), "x": x, "y": y, "left": left, "top": top}


def _positions(axes: Axes, pixels: np.ndarray) -> tuple[list[float], list[float]]:
    """Turn pixels from the lower left corner into points from the upper left."""
    unit = POINTS_PER_INCH / axes.figure.dpi
    # An SVG's vertical axis points down, matplotlib's points up.
    left, top = pixels[:, 0] * unit, (axes.figure.bbox.height - pixels[:, 1]) * unit
    return left.round(2).tolist(), top.round(2).tolist()
