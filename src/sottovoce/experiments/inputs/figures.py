"""Figure of distillation inputs: examples of each kind, and the share of variance in their principal components."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sottovoce.experiments.inputs.config import COMPONENTS, FROM_IMAGES, PARAMETERS
from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import setting

# Colors of the kinds that are made of training images, and of those that are not.
OF_IMAGES = style.OKABE_ITO["orange"]
NOISE = style.OKABE_ITO["blue"]
WORDS = {"inputs_length_scale": "length scale {:g} px", "inputs_rank": "rank {:d}", "inputs_alpha": "alpha = {:g}"}

TITLE = "Distillation inputs"
INTRO = (
    "Every kind of input on which a student can be distilled, drawn as for a student of the same seed: examples, "
    "parameters, range, and the share of variance in the first principal components."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of inputs, if they have been drawn."""
    if "inputs" not in results:
        return []
    dataset = results["inputs"]
    config = config_of(dataset)
    shares = estimates.over_members(dataset["share"], "logit")
    shown = dataset.isel(member=0)
    title = (
        f"Distillation inputs: {config['dataset']}, seed {config['seed']}, {config['n_inputs']:,} of each kind, "
        f"n = {shares.attrs['members']} members"
    )
    drawing = Drawing(
        key="inputs",
        title="A gallery of distillation inputs",
        alt="Six examples of each kind of input, and bars of the share of variance in ten principal components: "
        + ", ".join(f"{kind} {float(shares['mean'].sel(kind=kind)):.2f}" for kind in shares["kind"].values),
        caption=f"Examples of member {int(shown['member'])}. Gray levels of each strip run from black at minus its "
        "largest absolute value to white at plus this value. The title of a strip gives lowest and highest value and "
        f"standard deviation. Right: share of the variance of {config['n_inputs']:,} inputs in their first "
        f"{COMPONENTS} principal components (estimated from this sample, and so higher than the distribution's); "
        "orange: kinds made of training images. Whiskers: 95 % interval over members. Every input is multiplied by "
        f"{config['inputs_scale']:g}, then {config['inputs_shift']:g} is added. Setting: {setting(dataset)}.",
        figure=_gallery(shown, shares, config, title),
        data=shares,
    )
    return [drawing]


def _gallery(shown: xr.Dataset, shares: xr.Dataset, config: dict[str, Any], title: str) -> Figure:
    """Draw one member's strip of examples of each kind with its label, and the shares beside them."""
    kinds = shown["kind"].values.tolist()
    rows = -(-len(kinds) // 2)
    with panels.figure(title, 11.6, 0.9 + 0.92 * rows) as figure:
        ((left, right),) = figure.subfigures(1, 2, squeeze=False, width_ratios=[2.1, 1])
        axes = left.subplots(rows, 2, squeeze=False).T.ravel()
        for ax in axes[len(kinds) :]:
            ax.set_axis_off()
        for ax, kind in zip(axes, kinds, strict=False):
            examples_panel(ax, shown["example"].sel(kind=kind))
            ax.set_title(_label(kind, config, shown.sel(kind=kind)), fontsize=8.5)
        share_panel(right.subplots(), shares)
    return figure


def examples_panel(ax: Axes, examples: xr.DataArray) -> None:
    """Draw a strip of one kind's examples in gray, black to white over their common range, symmetric about zero."""
    images = examples.transpose("example_index", "row", "column").values
    height, width = images.shape[1:]
    gap = max(1, width // 10)
    # The gaps between images are NaN, which is not drawn.
    strip = np.hstack([*np.pad(images, ((0, 0), (0, 0), (0, gap)), constant_values=np.nan)])[:, :-gap]
    for start in range(0, strip.shape[1], width + gap):
        look = {"fill": False, "color": style.OKABE_ITO["gray"], "clip_on": False}
        ax.add_patch(Rectangle((start - 0.5, -0.5), width, height, **look))
    # With zero at mid-gray, a shift of the inputs shows as a change of brightness.
    limit = np.abs(images).max()
    ax.imshow(strip, cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_axis_off()


def share_panel(ax: Axes, shares: xr.Dataset) -> None:
    """Draw for each kind the share of its variance in the first principal components, with its 95 % interval."""
    kinds = shares["kind"].values.tolist()
    y = panels.categories(ax, [kind.replace("_", " ") for kind in kinds], vertical=True)
    colors = [OF_IMAGES if kind in FROM_IMAGES else NOISE for kind in kinds]
    panels.bars(ax, y, shares, 0.6, horizontal=True, color=colors)
    for position, mean, high in zip(y, shares["mean"].values, shares["high"].values, strict=True):
        ax.text(high + 0.03, position, f"{mean:.2f}", va="center", fontsize=8.5)
    ax.set(xlim=(0, 1.2), xticks=(0, 0.5, 1), xlabel=f"share of variance in {COMPONENTS} components")
    ax.invert_yaxis()


def _label(kind: str, config: dict[str, Any], measured: xr.Dataset) -> str:
    name = PARAMETERS.get(kind)
    parameter = f", {WORDS[name].format(config[name])}" if name else ""
    low, high, sd = (float(measured[variable]) for variable in ("lowest", "highest", "sd"))
    return f"{kind.replace('_', ' ')}{parameter}: {low:.2g} to {high:.2g}, sd {sd:.2g}"
