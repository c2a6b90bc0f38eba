"""Calibration of the counts of directions: false alarms on fresh weights, and detection of planted directions."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.calibration import findings
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting

RULES = {
    "marchenko_pastur": ("Marchenko-Pastur, Tracy-Widom", style.OKABE_ITO["blue"]),
    "parallel": ("parallel analysis", style.OKABE_ITO["vermilion"]),
    "gavish_donoho": ("Gavish-Donoho", style.OKABE_ITO["green"]),
    "gap": ("largest gap", style.OKABE_ITO["purple"]),
}

SCALES = {"scheme": "scale of the noise known", "bulk": "scale estimated from the matrix"}

NOMINAL = 0.05


def false_alarm_panel(ax: Axes, rates: xr.Dataset, null: str, scale: str) -> None:
    """Draw false-alarm rates against the width with their 95 % intervals, and the nominal rate.

    Args:
        ax: where to draw.
        rates: `experiments.calibration.findings.rates`.
        null: initialization scheme.
        scale: "scheme" or "bulk".
    """
    chosen = rates.sel(null=null, scale=scale)
    x = np.arange(chosen.sizes["width"])
    # The rules stand next to each other around each width, so that their intervals do not overlap.
    for offset, (rule, (label, color)) in enumerate(RULES.items()):
        rate, low, high = (chosen[name].sel(rule=rule) for name in _with_interval("false_alarm"))
        ax.errorbar(x + 0.16 * (offset - 1.5), rate, yerr=[rate - low, high - rate], fmt="o", ms=4.5, lw=1.2,
                    color=color, label=label)  # fmt: skip
    ax.axhline(NOMINAL, color=style.OKABE_ITO["gray"], ls=":", lw=1)
    ax.set(xticks=x, xticklabels=[str(width) for width in chosen["width"].values], xlabel="width", ylim=(-0.01, None))
    ax.set_title(f"{null} fresh weights\n{SCALES[scale]}")


def planted_panel(ax: Axes, rates: xr.Dataset, rank: int, scale: str) -> None:
    """Draw the share of weights in which exactly the planted directions were counted, against their strength.

    Args:
        ax: where to draw.
        rates: `experiments.calibration.findings.rates`.
        rank: number of planted directions.
        scale: "scheme" (drawn in full) or "bulk" (dashed).
    """
    chosen = rates.sel(rank=rank, scale=scale)
    for rule, (label, color) in RULES.items():
        rate, low, high = (chosen[name].sel(rule=rule) for name in _with_interval("exact"))
        ax.plot(chosen["strength"], rate, color=color, label=label, ls="-" if scale == "scheme" else "--")
        ax.fill_between(chosen["strength"], low, high, color=color, alpha=0.12, lw=0)
    # In the limit of large matrices a weaker direction leaves no singular value above the bulk.
    ax.axvline(1.0, color=style.OKABE_ITO["gray"], ls=":", lw=1)
    ax.set(xlabel="strength / detectability threshold", ylim=(-0.03, 1.03))
    ax.set_title(f"{rank} planted direction{'s' if rank > 1 else ''}")


def draw(rates: xr.Dataset, title: str) -> Figure:
    """Compose the figure: false alarms above, one panel per null and scale; planted directions below, one per rank.

    Args:
        rates: `experiments.calibration.findings.rates`.
        title: states the number of weights per rate.

    Returns:
        The figure.
    """
    panels = [(null, scale) for null in rates["null"].values.tolist() for scale in rates["scale"].values.tolist()]
    ranks = rates["rank"].values.tolist()
    with style.context():
        figure = plt.figure(figsize=(12.6, 7.2))
        grid = figure.add_gridspec(2, 1)
        above, below = (figure.add_subfigure(grid[row]) for row in range(2))
        axes = above.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (null, scale) in zip(axes, panels, strict=True):
            false_alarm_panel(ax, rates, null, scale)
        axes[0].set_ylabel("false-alarm rate")
        lower = below.subplots(1, len(ranks), sharey=True, squeeze=False)[0]
        for ax, rank in zip(lower, ranks, strict=True):
            for scale in rates["scale"].values.tolist():
                planted_panel(ax, rates, rank, scale)
        lower[0].set_ylabel("share counted exactly\n(full: scale known; dashed: estimated)")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.suptitle(title)
    return figure


def _with_interval(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


TITLE = "Counting directions, calibrated"

INTRO = (
    "How often each rule counts a direction in a fresh initialization, against the nominal 5 %, and how often it "
    "counts exactly the directions that were planted, by their strength. Gavish-Donoho is a cut for "
    "denoising and has no nominal rate. Section 8 of docs/theory.md derives the rules."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the calibration figure, if the calibration has been run."""
    if "calibration" not in results:
        return []
    dataset = results["calibration"]
    rates, config = findings.rates(dataset), config_of(dataset)
    planted = f"{config['planted_null']} weights {config['planted_width']} wide"
    return [
        Drawing(
            key="calibration",
            title="False alarms, and detection of planted directions",
            alt="Above, false-alarm rates of four rules on fresh weights against their width, with the nominal rate; "
            "below, the share of weights whose planted directions were counted exactly, against their strength.",
            caption="Whiskers and bands: exact 95 % intervals of a share. Dotted: 5 % above, the detectability "
            f"threshold below. Directions are planted in {planted}. {rates.attrs['trials']} weights for each rate. "
            f"Setting: {setting(dataset)}.",
            figure=draw(rates, f"Counts of directions, {rates.attrs['trials']} weights per rate"),
            data=rates[["false_alarm", "false_alarm_low", "false_alarm_high"]],
        )
    ]
