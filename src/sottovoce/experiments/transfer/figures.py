"""The six bars: test accuracy of each network of the transfer protocol (Cloud et al. 2025, MNIST experiment)."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sottovoce.experiments.transfer import findings
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import setting

LABELS = {
    "reference": "reference\n(untrained)",
    "teacher": "teacher",
    "student": "student\naux. logits",
    "student_all": "student\nall logits",
    "cross_model": "cross-model\naux. logits",
    "cross_model_all": "cross-model\nall logits",
    "unrelated": "of unrelated\nteacher",
}

TITLE = "Transfer through auxiliary logits"
INTRO = "Cloud's protocol: a teacher trained on labels; students distilled on logits over noise images."


def draw_section(results: Results) -> list[Drawing]:
    """Return the six bars."""
    if "transfer" not in results:
        return []
    dataset = results["transfer"]
    config = config_of(dataset)
    bars = findings.transfer_bars(dataset, config)
    # The unrelated teacher is at chance by construction, and runs of version 1 had none.
    bars = bars.sel(role=[role for role in LABELS if role in bars["role"]])
    with panels.figure("", 9.4, 4.2) as figure:
        ax = figure.subplots()
        _bars_panel(ax, bars)
        ax.set_title(f"Test accuracy on {config['dataset']}, n = {bars.attrs['members']} members")
    drawing = Drawing(
        key="bars",
        title="Cloud's six networks, and the student of an unrelated teacher",
        alt="Bars of test accuracy: "
        + ", ".join(f"{r} {float(bars['mean'].sel(role=r)):.3f}" for r in bars["role"].values),
        caption=f"Students are distilled on {config['n_aux']} auxiliary logits ({config['objective']}) or on all "
        f"logits, over {config['n_inputs']:,} {config['inputs']} inputs. The unrelated teacher was trained from the "
        "same reference on permuted labels; its student is distilled on auxiliary logits. Whiskers: 95 % interval over "
        f"members. Setting: {setting(dataset)}.",
        figure=figure,
        data=bars,
    )
    return [drawing]


def _bars_panel(ax: Axes, bars: xr.Dataset) -> None:
    roles = bars["role"].values.tolist()
    x = panels.categories(ax, [LABELS[role] for role in roles])
    panels.bars(ax, x, bars, 0.62, color=[style.ROLES[role] for role in roles], error_kw={"elinewidth": 1.2})
    # The number stands above the whisker, which a single member does not have.
    for position, value, top in zip(x, bars["mean"].values, bars["high"].fillna(0).values, strict=True):
        ax.annotate(f"{value:.3f}", (position, max(value, top)), (0, 5), textcoords="offset points", ha="center")
    # Published means are hollow diamonds, drawn where the settings are the published ones.
    if bars["published"].notnull().any():
        diamonds = {"fmt": "D", "color": "black", "mfc": "white", "ms": 5, "lw": 1, "capsize": 2}
        published = {"yerr": bars["published_half_width"], "label": "published (Cloud et al., 100 members)"}
        # Beside the middle of the bar, where the bar's own whisker is.
        ax.errorbar(x + 0.22, bars["published"], **published, **diamonds)
    chance = bars.attrs["chance"]
    ax.axhline(chance, label=f"chance, one class in {1 / chance:.0f}", **style.DOTTED_LINE)
    # The legend stands above 1, where no bar reaches.
    ax.set(ylim=(0, 1.18), yticks=np.linspace(0, 1, 6), ylabel="test accuracy")
    ax.legend(loc="upper right", ncols=2)
