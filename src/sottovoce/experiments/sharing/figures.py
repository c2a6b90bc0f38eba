"""Figures on which block carries transfer: accuracy of every combination of blocks, and effects of replacing them."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.sharing import findings
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting

NAMES = {"class_head": "class head", "aux_head": "auxiliary head"}


def cells_panel(ax: Axes, cells: xr.Dataset, blocks: list[str]) -> None:
    """Draw the student's accuracy for every combination of blocks, sorted, with 95 % intervals.

    Args:
        ax: where to draw.
        cells: `experiments.sharing.findings.cells`.
        blocks: the factors, in the order of the columns of marks. A filled mark stands for a shared block, a hollow
            one for a replaced block.
    """
    mean, low, high = (cells[name].transpose(*blocks).values.ravel() for name in ("mean", "low", "high"))
    states = np.array(list(np.ndindex(*(2,) * len(blocks))))
    order = np.argsort(mean)
    y = np.arange(len(order))
    errors = np.abs(np.stack([mean - low, high - mean]))[:, order]
    ax.barh(y, mean[order], 0.66, xerr=errors, color=style.ROLES["student"], error_kw={"elinewidth": 1})
    # The marks take the place of tick labels, which would spell out the state of every block in every row.
    for column, block in enumerate(blocks):
        x = -0.06 * (len(blocks) - column)
        for row, index in enumerate(order):
            face = "white" if states[index, column] else style.OKABE_ITO["black"]
            ax.plot(x, row, "o", ms=6, mfc=face, mec=style.OKABE_ITO["black"], mew=0.9, clip_on=False)
        ax.text(x, len(order) - 0.2, label(block), rotation=55, ha="left", va="bottom", fontsize=8.5)
    ax.set(ylim=(-0.6, len(order) - 0.4), yticks=[])
    ax.set_xlabel("student's test accuracy (● block shared with the teacher, ○ replaced)")
    ax.set_xlim(-0.06 * len(blocks) - 0.04, max(1.0, float(np.nanmax(high))))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.spines["left"].set_position(("data", 0))


def effects_panel(ax: Axes, effects: xr.Dataset) -> None:
    """Draw effects and interactions with their paired 95 % intervals.

    Args:
        ax: where to draw.
        effects: `experiments.sharing.findings.effects`.
    """
    names = effects["effect"].values.tolist()
    y = np.arange(len(names))[::-1]
    errors = np.abs(np.stack([effects["mean"] - effects["low"], effects["high"] - effects["mean"]]))
    ax.axvline(0, color=style.OKABE_ITO["gray"], lw=0.8)
    ax.errorbar(effects["mean"], y, xerr=errors, fmt="o", ms=4.5, lw=1.2, color=style.OKABE_ITO["vermilion"])
    ax.set_yticks(y, [_effect_label(name) for name in names])
    ax.set(ylim=(-0.7, len(names) - 0.3), xlabel="change of accuracy by replacing")


def label(block: str) -> str:
    """Return a block's name as the figure shows it."""
    # Layers are counted from zero in names of blocks and from one for readers.
    return NAMES.get(block) or f"hidden layer {int(block.removeprefix('trunk_')) + 1}"


def _effect_label(effect: str) -> str:
    if " x " in effect:
        return " x ".join(label(block) for block in effect.split(" x "))
    block, kind = effect.split(", ")
    return f"{label(block)}, {kind}"


def draw(cells: xr.Dataset, effects: xr.Dataset, blocks: list[str], title: str) -> Figure:
    """Draw accuracies beside effects; the title states what replaced blocks start from, dataset and members."""
    rows = max(2 ** len(blocks), effects.sizes["effect"])
    with style.context():
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 2.2 + 0.26 * rows), width_ratios=[1.25, 1])
        cells_panel(left, cells, blocks)
        effects_panel(right, effects)
        figure.suptitle(title)
    return figure


TITLE = "Which block carries transfer"

INTRO = (
    "One student for every combination of blocks that start from the teacher's initialization or are replaced. The "
    "effect of a block is the change of accuracy by replacing it: alone, or averaged over all states of the other "
    "blocks. An interaction is how much this effect depends on another block."
)

REPLACED = {
    "independent": "independent draws",
    "perturbed": "the reference perturbed",
    "teacher": "the trained teacher's block",
}


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of the factorial, if it has been run."""
    if "sharing" not in results:
        return []
    dataset = results["sharing"]
    config = config_of(dataset)
    cells, effects = findings.cells(dataset), findings.effects(dataset)
    replaced = REPLACED[config["replacement"]]
    size = f", sigma = {config['sigma']:g}" if config["replacement"] == "perturbed" else ""
    frozen = f" Frozen: {', '.join(config['frozen'])}." if config["frozen"] else ""
    title = f"Blocks replaced by {replaced}{size}: {config['dataset']}, n = {cells.attrs['members']} members"
    return [
        Drawing(
            key="sharing",
            title="Every combination of shared and replaced blocks",
            alt="Left: bars of the student's accuracy for every combination of blocks, sorted. Right: effects of "
            "replacing each block, and interactions of these effects.",
            caption=f"Replaced blocks start from {replaced}{size}.{frozen} n_aux = {config['n_aux']}, "
            f"{config['objective']}. Whiskers: 95 % interval, paired over members. Setting: "
            f"{setting(dataset)}.",
            figure=draw(cells, effects, findings.factors(dataset), title),
            data=effects,
        )
    ]
