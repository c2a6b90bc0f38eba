"""Coverage against the number of members, one line per law."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from sottovoce.experiments.coverage.findings import rates
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, setting

TITLE = "Intervals, calibrated"
INTRO = (
    "Every interval of this laboratory is held against laws whose mean is known: how often does an interval that is "
    "called 95 % contain the mean? Verdicts rest on six members or more."
)
MARKERS = "osDv^<>P"


def coverage_panel(ax: Axes, pooled: xr.Dataset) -> None:
    """Draw coverage against members, with exact intervals, and the band of 93 to 97 %.

    Args:
        ax: where to draw.
        pooled: `findings.rates`.
    """
    size = pooled["size"].values
    ax.axhspan(0.93, 0.97, color=style.OKABE_ITO["gray"], alpha=0.15, lw=0)
    ax.axhline(0.95, color=style.OKABE_ITO["gray"], ls=":", lw=1)
    colors = list(style.OKABE_ITO.values())
    for i, law in enumerate(pooled["law"].values.tolist()):
        own = pooled.sel(law=law)
        ends = [own["coverage"] - own["low"], own["high"] - own["coverage"]]
        ax.errorbar(
            size, own["coverage"], yerr=ends, fmt=f"{MARKERS[i % len(MARKERS)]}-", ms=4.5, lw=1.2,
            color=colors[i % len(colors)], label=law,
        )  # fmt: skip
    ax.set(xscale="log", xlabel="members of an experiment", ylabel="coverage")
    ax.xaxis.set_major_locator(FixedLocator(size.tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels([str(value) for value in size])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def draw(pooled: xr.Dataset) -> Figure:
    """Draw the figure of pooled coverages."""
    with style.context():
        figure, ax = plt.subplots(figsize=(7.4, 4.2))
        coverage_panel(ax, pooled)
        figure.legend(loc="outside right center")
        figure.suptitle(f"Coverage of 95 % intervals, {pooled.attrs['trials']:,} experiments per point")
    return figure


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of coverage, if it has been measured."""
    if "coverage" not in results:
        return []
    pooled = rates(results["coverage"])
    return [
        Drawing(
            key="coverage",
            title="How often intervals contain the true mean",
            alt="Coverage of 95 % intervals against the number of members for each law: near 95 % for normal members "
            "and accuracies, above for shares, below for an exponential law with few members.",
            caption="Gray band: 93 to 97 %, which is promised from six members on for normal members and accuracies. "
            f"Whiskers: exact 95 % intervals of a share. Setting: {setting(results['coverage'])}.",
            figure=draw(pooled),
            data=pooled,
        )
    ]
