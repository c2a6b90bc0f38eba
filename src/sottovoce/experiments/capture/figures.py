"""The figure of the capture law."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.lab.sources import setting
from sottovoce.lab.style import MINUS

# The shaded band, from among the quantiles that the experiment stores.
QUANTILE_BAND = [0.05, 0.95]


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of the capture law."""
    if "capture" not in results:
        return []
    dataset = results["capture"]
    drawing = Drawing(
        key="capture",
        title="What the auxiliary columns span of a class column",
        alt="Captured energy rises in a straight line with the number of auxiliary logits, one logit later under kl "
        "than under mse; simulated means and bands lie on the Beta law.",
        caption="The law Beta(r/2, (hidden - r)/2) for r directions seen: r = k under mse, r = k - 1 under kl, which "
        f"is blind to a shift common to all logits. Bands: 5th to 95th percentile. Setting: {setting(dataset)}.",
        figure=draw_capture(dataset),
        data=dataset[["captured_mean"]].mean("member").merge(dataset[["law_mean"]]),
    )
    return [drawing]


def draw_capture(dataset: xr.Dataset) -> Figure:
    """Draw a result of the experiment `capture`, one panel per objective."""
    hidden = int(dataset["n_aux"].values[-1])
    title = f"How much of a class column k auxiliary columns span, hidden width {hidden}"
    with panels.figure(title, 9.6, 4.4) as figure:
        axes = figure.subplots(1, len(style.OBJECTIVES), sharey=True)
        for ax, objective in zip(axes, style.OBJECTIVES, strict=True):
            _capture_panel(ax, dataset.sel(objective=objective), hidden)
            ax.set_title(f"{objective}: r = {'k' if objective == 'mse' else f'k {MINUS} 1'} directions")
        axes[0].set_ylabel("captured energy  |P c|² / |c|²")
        axes[0].legend(loc="upper left")
    return figure


def _capture_panel(ax: Axes, result: xr.Dataset, hidden: int) -> None:
    n_aux, color = result["n_aux"].values, style.OBJECTIVES[result["objective"].item()]
    band = result["captured_quantile"].mean("member").sel(quantile=QUANTILE_BAND).values.T
    ax.fill_between(n_aux, *band, color=color, alpha=0.16, linewidth=0, label="draws, 5 % to 95 %")
    ax.plot(n_aux, result["captured_mean"].mean("member"), "o", color=color, label="draws, mean")
    ax.plot(n_aux, result["law_mean"], color="black", linewidth=1.3, label="Beta law, mean r / hidden")
    law, labels = result["law_quantile"].sel(quantile=QUANTILE_BAND), ("Beta law, 5 % and 95 %", None)
    # One entry in the legend for both lines.
    ax.plot(n_aux, law, color="black", linewidth=0.9, linestyle=(0, (4, 2)), label=labels)
    # At rank 0 and at rank hidden the law is a single point, so there is nothing to test.
    tests = result["pvalue"].values[:, (result["rank"].values > 0) & (result["rank"].values < hidden)]
    # Where the law holds about 5 % of the p-values are below 5 %, and the panel shows whether there are more.
    summary = f"exact test below 5 %:\n{int((tests < 0.05).sum())} of {tests.size} (k, member)"
    ax.text(0.98, 0.04, summary, transform=ax.transAxes, ha="right", fontsize=9)
    ax.set(xlabel="auxiliary logits k", ylim=(-0.02, 1.02), xlim=(min(1, hidden - 1) - 0.3, hidden + 0.3))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
