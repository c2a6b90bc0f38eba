"""Calibration of the counts of directions: false alarms on fresh weights, and detection of planted directions."""

import itertools

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.calibration import findings
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.lab.sources import setting

RULES = {
    "marchenko_pastur": ("Marchenko-Pastur, Tracy-Widom", style.OKABE_ITO["blue"]),
    "parallel": ("parallel analysis", style.OKABE_ITO["vermilion"]),
    "gavish_donoho": ("Gavish-Donoho", style.OKABE_ITO["green"]),
    "gap": ("largest gap", style.OKABE_ITO["purple"]),
}
SCALES = {"scheme": "scale of the noise known", "bulk": "scale estimated from the matrix"}
NOMINAL = 0.05
# More labels of shapes than these overlap unless they are turned.
MOST_UPRIGHT = 4

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
    rates = findings.rates(dataset)
    drawing = Drawing(
        key="calibration",
        title="False alarms, and detection of planted directions",
        alt="Above, false-alarm rates of four rules on fresh weights by shape, with the nominal rate; "
        "below, the share of weights whose planted directions were counted exactly, against their strength.",
        caption="Whiskers and bands: exact 95 % intervals of a share. Dotted: 5 % above, the detectability "
        "threshold below, where schemes and shapes are taken together. "
        f"{rates.attrs['trials']} weights for each rate above. {'. '.join(findings.drawn_levels(dataset))}. "
        f"Setting: {setting(dataset)}.",
        figure=draw(rates, f"Counts of directions, {rates.attrs['trials']} weights per rate"),
        data=rates[["false_alarm", "false_alarm_low", "false_alarm_high"]],
    )
    return [drawing]


def draw(rates: xr.Dataset, title: str) -> Figure:
    """Draw `findings.rates`: false alarms above, by null and scale; planted directions below, by rank."""
    with panels.figure(title, 12.6, 7.2) as figure:
        (above,), (below,) = figure.subfigures(2, 1, squeeze=False)
        scales, ranks = rates["scale"].values.tolist(), rates["rank"].values.tolist()
        settings = list(itertools.product(rates["null"].values.tolist(), scales))
        axes = above.subplots(1, len(settings), sharey=True, squeeze=False)[0]
        for ax, (null, scale) in zip(axes, settings, strict=True):
            false_alarm_panel(ax, rates, null, scale)
        axes[0].set_ylabel("false-alarm rate")
        lower = below.subplots(1, len(ranks), sharey=True, squeeze=False)[0]
        for ax, rank in zip(lower, ranks, strict=True):
            for scale in scales:
                planted_panel(ax, rates, rank, scale)
        lower[0].set_ylabel("share counted exactly\n(full: scale known; dashed: estimated)")
        panels.legend_below(figure, axes[0])
    return figure


def false_alarm_panel(ax: Axes, rates: xr.Dataset, null: str, scale: str) -> None:
    """Draw false-alarm rates by shape with their 95 % intervals, and the nominal rate."""
    estimate = panels.estimate_of(rates.sel(null=null, scale=scale), "false_alarm").stack(shape=("inputs", "units"))
    x = panels.categories(ax, [f"{n_in} x {n_out}" for n_in, n_out in estimate["shape"].values])
    ax.tick_params(axis="x", labelrotation=90 if len(x) > MOST_UPRIGHT else 0)
    # The rules stand next to each other around each shape, so that their intervals do not overlap.
    for beside, rule in panels.abreast(x, 0.16, list(RULES)):
        label, color = RULES[rule]
        panels.points(ax, beside, estimate.sel(rule=rule), ms=4.5, lw=1.2, color=color, label=label)
    ax.axhline(NOMINAL, **style.DOTTED_LINE)
    ax.set(xlabel="inputs x units", ylim=(-0.01, None), title=f"{null} fresh weights\n{SCALES[scale]}")


def planted_panel(ax: Axes, rates: xr.Dataset, rank: int, scale: str) -> None:
    """Draw the share of weights in which exactly the planted directions were counted, against their strength.

    Lines are drawn in full where the scale of the noise is known, and dashed where it is estimated.
    """
    estimate = panels.estimate_of(rates.sel(rank=rank, scale=scale), "exact")
    dashes = "-" if scale == "scheme" else "--"
    for rule, (label, color) in RULES.items():
        line = estimate.sel(rule=rule)
        panels.curve(ax, line["strength"], line, alpha=0.12, color=color, label=label, ls=dashes)
    # In the limit of large matrices a weaker direction leaves no singular value above the bulk.
    ax.axvline(1.0, **style.DOTTED_LINE)
    ax.set(xlabel="strength / detectability threshold", ylim=(-0.03, 1.03))
    ax.set_title(f"{rank} planted direction{'s' if rank > 1 else ''}")
