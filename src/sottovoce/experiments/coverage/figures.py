"""Coverage against the number of members, one line per law."""

import itertools

from matplotlib.ticker import PercentFormatter

from sottovoce.experiments.coverage.findings import rates
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.lab.sources import setting

TITLE = "Intervals, calibrated"
INTRO = (
    "Every interval of this laboratory is held against laws whose mean is known: how often does an interval that is "
    "called 95 % contain the mean? Verdicts rest on six members or more."
)

# The band in which coverage is promised to lie.
PROMISED = (0.93, 0.97)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of coverage, if it has been measured."""
    if "coverage" not in results:
        return []
    pooled = rates(results["coverage"])
    title = f"Coverage of 95 % intervals, {pooled.attrs['trials']:,} experiments per point"
    with panels.figure(title, 7.4, 4.2) as figure:
        ax = figure.subplots()
        ax.axhspan(*PROMISED, color=style.OKABE_ITO["gray"], alpha=0.15, lw=0)
        ax.axhline(0.95, **style.DOTTED_LINE)
        looks = zip(itertools.cycle("osDv^<>P"), itertools.cycle(style.OKABE_ITO.values()))
        for law, (marker, color) in zip(pooled["law"].values.tolist(), looks, strict=False):
            estimate = pooled.sel(law=law).rename(coverage="mean")
            panels.points(ax, pooled["size"], estimate, f"{marker}-", ms=4.5, lw=1.2, color=color, label=law)
        ax.set(xscale="log", xlabel="members of an experiment", ylabel="coverage")
        ax.set_xticks(pooled["size"].values, pooled["size"].values.astype(str))
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        figure.legend(loc="outside right center")
    return [
        Drawing(
            key="coverage",
            title="How often intervals contain the true mean",
            alt="Coverage of 95 % intervals against the number of members for each law: near 95 % for normal members "
            "and accuracies, above for shares, below for an exponential law with few members.",
            caption="Gray band: 93 to 97 %, which is promised from six members on for normal members and accuracies. "
            f"Whiskers: exact 95 % intervals of a share. Setting: {setting(results['coverage'])}.",
            figure=figure,
            data=pooled,
        )
    ]
