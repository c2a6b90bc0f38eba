"""The post's Figure 3 in both variants, and the spectra that its ratios hide."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.figures import style

FALLBACK = (style.OKABE_ITO["blue"], style.OKABE_ITO["purple"], style.OKABE_ITO["black"], style.OKABE_ITO["green"])


def ratio_panel(ax: Axes, curves: xr.Dataset, objective: str) -> None:
    """Draw explained-variance ratios of the second hidden layer against the component, as the post does.

    Args:
        ax: where to draw.
        curves: `analysis.estimates.spectrum_curves`; published points are drawn hollow where it has them.
        objective: which students to show.
    """
    for network, color, label in _lines(curves, objective):
        line = curves.sel(network=network)
        ax.plot(line["component"], line["weight_explained_variance_ratio"], color=color, label=label)
        ax.fill_between(line["component"], line["ratio_low"], line["ratio_high"], color=color, alpha=0.2, lw=0)
        if np.isfinite(line["published_ratio"].values).any():
            ax.plot(line["component"], line["published_ratio"], "o", mfc="white", mec=color, ms=4.5, mew=1.3, ls="")
    ax.axhline(curves.attrs["edge"], color=style.OKABE_ITO["gray"], ls=":", lw=1)
    ax.set(xscale="log", xlabel="component", ylabel="explained-variance ratio of the weights")
    ax.set_ylim(bottom=0)
    ax.legend(title="network (test accuracy)", alignment="left")


def singular_value_panel(ax: Axes, curves: xr.Dataset, objective: str, quantity: str) -> None:
    """Draw un-normalized singular values of the weights or of their update against the component.

    Args:
        ax: where to draw.
        curves: `analysis.estimates.spectrum_curves`.
        objective: which students to show.
        quantity: "weight" or "update".
    """
    for network, color, label in _lines(curves, objective):
        if quantity == "update" and network == "reference":
            continue
        line = curves.sel(network=network)
        ax.plot(line["component"], line[f"{quantity}_singular_value"], color=color, label=label)
    ax.set(xscale="log", xlabel="component", ylabel=f"singular value of the {quantity}")
    ax.set_ylim(bottom=0)


def draw_ratios(panels: dict[str, xr.Dataset], objective: str, title: str) -> Figure:
    """Draw one panel per variant side by side, each with its name as title."""
    with style.context():
        figure, axes = plt.subplots(1, len(panels), figsize=(4.9 * len(panels), 4.4), squeeze=False)
        for ax, (name, curves) in zip(axes[0], panels.items(), strict=True):
            ratio_panel(ax, curves, objective)
            ax.set_title(name)
        figure.suptitle(title)
    return figure


def draw_singular_values(panels: dict[str, xr.Dataset], objective: str, title: str) -> Figure:
    """Draw weights above and updates below, one column per variant."""
    with style.context():
        figure, axes = plt.subplots(2, len(panels), figsize=(4.9 * len(panels), 6.6), squeeze=False)
        for column, (name, curves) in zip(axes.T, panels.items(), strict=True):
            for ax, quantity in zip(column, ("weight", "update"), strict=True):
                singular_value_panel(ax, curves, objective, quantity)
            column[0].set_title(name)
            column[0].legend(title="network (test accuracy)", alignment="left")
        figure.suptitle(title)
    return figure


def _lines(curves: xr.Dataset, objective: str) -> list[tuple[str, str, str]]:
    """Return (network, color, legend label) of initialization, teacher and the objective's students."""
    spare = iter(FALLBACK)
    lines = []
    for network in curves["network"].values.tolist():
        accuracy = float(curves["accuracy"].sel(network=network))
        if network in ("reference", "teacher"):
            name = "initialization" if network == "reference" else network
            lines.append((network, style.POST_SPECTRUM[network], f"{name} ({accuracy:.2f})"))
        elif network.startswith(f"{objective} "):
            k = int(network.split()[1])
            color = style.POST_SPECTRUM.get(k) or next(spare, style.OKABE_ITO["gray"])
            lines.append((network, color, f"student, k = {k} ({accuracy:.2f})"))
    return lines
