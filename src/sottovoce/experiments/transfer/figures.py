"""The six bars: test accuracy of each network of the transfer protocol (Cloud et al. 2025, MNIST experiment)."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.transfer import findings
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting

LABELS = {
    "reference": "reference\n(untrained)",
    "teacher": "teacher",
    "student": "student\naux. logits",
    "student_all": "student\nall logits",
    "cross_model": "cross-model\naux. logits",
    "cross_model_all": "cross-model\nall logits",
}


def bars_panel(ax: Axes, bars: xr.Dataset) -> None:
    """Draw mean accuracies with 95 % intervals, and published means as hollow diamonds where they are comparable.

    Args:
        ax: where to draw.
        bars: `experiments.transfer.findings.transfer_bars`.
    """
    roles = bars["role"].values.tolist()
    x = np.arange(len(roles))
    mean = bars["mean"].values
    errors = np.abs(np.stack([mean - bars["low"].values, bars["high"].values - mean]))
    ax.bar(x, mean, width=0.62, color=[style.ROLES[role] for role in roles])
    ax.errorbar(x, mean, yerr=errors, fmt="none", ecolor=style.OKABE_ITO["black"], elinewidth=1.2)
    # The number stands above the whisker, which a single member does not have.
    for position, value, top in zip(x, mean, np.nan_to_num(bars["high"].values, nan=0.0), strict=True):
        ax.annotate(f"{value:.3f}", (position, max(value, top)), (0, 5), textcoords="offset points", ha="center")
    if np.isfinite(bars["published"].values).any():
        ax.errorbar(
            x + 0.22, bars["published"], yerr=bars["published_half_width"], fmt="D", mfc="white", capsize=2,
            color=style.OKABE_ITO["black"], ms=5, lw=1, label="published (Cloud et al., 100 members)",
        )  # fmt: skip
    chance = bars.attrs["chance"]
    ax.axhline(chance, color=style.OKABE_ITO["gray"], ls=":", lw=1, label=f"chance, one class in {1 / chance:.0f}")
    ax.set(xticks=x, xticklabels=[LABELS[role] for role in roles], ylim=(0, 1.18), ylabel="test accuracy")
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(loc="upper right", ncols=2)


def draw(bars: xr.Dataset, title: str) -> Figure:
    """Draw the figure; the title states dataset and members."""
    with style.context():
        figure, ax = plt.subplots(figsize=(8.4, 4.2))
        bars_panel(ax, bars)
        ax.set_title(title)
    return figure


TITLE = "Transfer through auxiliary logits"

INTRO = "Cloud's protocol: a teacher trained on labels; students distilled on logits over noise images."


def draw_section(results: Results) -> list[Drawing]:
    """Return the six bars."""
    return [_transfer(results["transfer"])] if "transfer" in results else []


def _transfer(dataset: xr.Dataset) -> Drawing:
    config = config_of(dataset)
    bars = findings.transfer_bars(dataset, config)
    return Drawing(
        key="bars",
        title="Six networks, one teacher's knowledge",
        alt="Bars of test accuracy: "
        + ", ".join(f"{r} {float(bars['mean'].sel(role=r)):.3f}" for r in bars["role"].values),
        caption=f"Students are distilled on {config['n_aux']} auxiliary logits ({config['objective']}) or on all "
        f"logits, over {config['n_inputs']:,} {config['inputs']} inputs. Whiskers: 95 % interval over "
        f"members. Setting: {setting(dataset)}.",
        figure=draw(bars, f"Test accuracy on {config['dataset']}, n = {bars.attrs['members']} members"),
        data=bars,
    )
