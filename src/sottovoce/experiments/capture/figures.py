"""The figure of the capture law."""

from typing import TYPE_CHECKING

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, setting
from sottovoce.lab.style import MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# The shaded band, from among the quantiles that the experiment stores.
QUANTILE_BAND = (0.05, 0.95)


def capture_panel(ax: "Axes", dataset: "xr.Dataset", objective: str) -> None:
    """Draw captured energy against the number of auxiliary logits: mean and band of the draws, and the Beta law.

    Args:
        ax: where to draw.
        dataset: result of the experiment `capture`.
        objective: mse or kl.
    """
    result = dataset.sel(objective=objective)
    n_aux, color = dataset["n_aux"].values, style.OBJECTIVES[objective]
    hidden = int(n_aux[-1])
    band = result["captured_quantile"].mean("member").sel(quantile=list(QUANTILE_BAND)).values.T
    law = result["law_quantile"].sel(quantile=list(QUANTILE_BAND)).values.T
    ax.fill_between(n_aux, *band, color=color, alpha=0.16, linewidth=0, label="draws, 5 % to 95 %")
    ax.plot(n_aux, result["captured_mean"].mean("member"), "o", color=color, label="draws, mean")
    ax.plot(n_aux, result["law_mean"], color="black", linewidth=1.3, label="Beta law, mean r / hidden")
    for edge, label in zip(law, ("Beta law, 5 % and 95 %", None), strict=True):
        ax.plot(n_aux, edge, color="black", linewidth=0.9, linestyle=(0, (4, 2)), label=label)
    # At rank 0 and at rank hidden the law is a single point, so there is nothing to test.
    tests = result["pvalue"].values[:, (result["rank"].values > 0) & (result["rank"].values < hidden)]
    # Where the law holds about 5 % of the p-values are below 5 %, and the panel shows whether there are more.
    summary = f"exact test below 5 %:\n{int((tests < 0.05).sum())} of {tests.size} (k, member)"
    ax.text(0.98, 0.04, summary, transform=ax.transAxes, ha="right", fontsize=9)
    ax.set(xlabel="auxiliary logits k", ylim=(-0.02, 1.02), xlim=(min(1, hidden - 1) - 0.3, hidden + 0.3))
    ax.set_title(f"{objective}: r = {'k' if objective == 'mse' else f'k {MINUS} 1'} directions")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_capture(dataset: "xr.Dataset") -> Figure:
    """Compose the figure of the capture law.

    Args:
        dataset: result of the experiment `capture`.

    Returns:
        The figure.
    """
    with style.context():
        figure = Figure(figsize=(9.6, 4.4))
        axes = figure.subplots(1, len(style.OBJECTIVES), sharey=True)
        for ax, objective in zip(axes, style.OBJECTIVES, strict=True):
            capture_panel(ax, dataset, objective)
        axes[0].set_ylabel("captured energy  |P c|² / |c|²")
        axes[0].legend(loc="upper left")
        hidden = int(dataset["n_aux"].values[-1])
        figure.suptitle(f"How much of a class column k auxiliary columns span, hidden width {hidden}")
    return figure


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of the capture law."""
    return [_capture(results["capture"])] if "capture" in results else []


def _capture(dataset: xr.Dataset) -> Drawing:
    return Drawing(
        key="capture",
        title="What the auxiliary columns span of a class column",
        alt="Captured energy rises in a straight line with the number of auxiliary logits, one logit later under kl "
        "than under mse; simulated means and bands lie on the Beta law.",
        caption="The law Beta(r/2, (hidden - r)/2) for r directions seen: r = k under mse, r = k - 1 under kl, which "
        f"is blind to a shift common to all logits. Bands: 5th to 95th percentile. Setting: {setting(dataset)}.",
        figure=draw_capture(dataset),
        data=dataset[["captured_mean"]].mean("member").merge(dataset[["law_mean"]]),
    )
