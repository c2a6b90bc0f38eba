"""Figures on which block carries transfer: accuracy of every combination of blocks, and effects of replacing them."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.sharing import findings
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import sample, setting

NAMES = {"class_head": "class head", "aux_head": "auxiliary head"}

REPLACED = {
    "independent": "independent draws",
    "perturbed": "the reference perturbed",
    "teacher": "the trained teacher's block",
    "teacher_perturbed": "the trained teacher's block perturbed",
}

TITLE = "Which block carries transfer"
INTRO = (
    "One student for every combination of blocks that start from the teacher's initialization or are replaced. The "
    "effect of a block is the change of accuracy by replacing it: alone, or averaged over all states of the other "
    "blocks. An interaction is how much this effect depends on another block."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of the factorial, if it has been run."""
    if "sharing" not in results:
        return []
    dataset = results["sharing"]
    config = config_of(dataset)
    cells, effects = findings.cells(dataset), findings.effects(dataset)
    size = f", sigma = {config['sigma']:g}" if config["replacement"].endswith("perturbed") else ""
    replaced = f"{REPLACED[config['replacement']]}{size}"
    frozen = f" Frozen: {', '.join(config['frozen'])}." if config["frozen"] else ""
    drawing = Drawing(
        key="sharing",
        title="Every combination of shared and replaced blocks",
        alt="Left: bars of the student's accuracy for every combination of blocks, sorted. Right: effects of "
        "replacing each block, and interactions of these effects.",
        caption=f"Replaced blocks start from {replaced}.{frozen} n_aux = {config['n_aux']}, {config['objective']}. "
        f"Whiskers: 95 % interval, paired over members. Setting: {setting(dataset)}.",
        figure=draw(cells, effects, findings.factors(dataset), f"Blocks replaced by {replaced}: {sample(dataset)}"),
        data=effects,
    )
    return [drawing]


def draw(cells: xr.Dataset, effects: xr.Dataset, blocks: list[str], title: str) -> Figure:
    """Draw `findings.cells` by block beside `findings.effects`."""
    rows = max(2 ** len(blocks), effects.sizes["effect"])
    with panels.figure(title, 10.4, 2.2 + 0.26 * rows) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
        _cells_panel(left, cells, blocks)
        _effects_panel(right, effects)
    return figure


def _cells_panel(ax: Axes, cells: xr.Dataset, blocks: list[str]) -> None:
    """Draw the accuracies, sorted, with a filled mark for each shared block and a hollow one for a replaced block."""
    estimate = cells.stack(cell=blocks).sortby("mean")
    y = np.arange(estimate.sizes["cell"])
    look = {"color": style.ROLES["student"], "error_kw": {"elinewidth": 1}}
    panels.bars(ax, y, estimate, 0.66, horizontal=True, **look)
    # The marks take the place of tick labels, which would spell out the state of every block in every row.
    mark = {"ms": 6, "mec": "black", "mew": 0.9, "clip_on": False}
    for column, block in enumerate(blocks):
        x = -0.06 * (len(blocks) - column)
        for row, state in zip(y, estimate[block].values, strict=True):
            ax.plot(x, row, "o", mfc="black" if state == "shared" else "white", **mark)
        ax.text(x, len(y) - 0.2, _label(block), rotation=55, ha="left", va="bottom", fontsize=8.5)
    ax.set(ylim=(-0.6, len(y) - 0.4), yticks=[])
    ax.set_xlabel("student's test accuracy (● block shared with the teacher, ○ replaced)")
    ax.set_xlim(-0.06 * len(blocks) - 0.04, max(1.0, float(estimate["high"].max())))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.spines["left"].set_position(("data", 0))


def _effects_panel(ax: Axes, effects: xr.Dataset) -> None:
    from_top = effects.isel(effect=slice(None, None, -1))
    y = panels.categories(ax, [_effect_label(name) for name in from_top["effect"].values.tolist()], vertical=True)
    look = {"fmt": "o", "ms": 4.5, "lw": 1.2, "color": style.OKABE_ITO["vermilion"]}
    ax.axvline(0, **style.ZERO_LINE)
    ax.errorbar(from_top["mean"].values, y, xerr=panels.whiskers(from_top), **look)
    ax.set(ylim=(-0.7, len(y) - 0.3), xlabel="change of accuracy by replacing")


def _label(block: str) -> str:
    return NAMES.get(block) or panels.block_name(block)


def _effect_label(effect: str) -> str:
    if " x " in effect:
        return " x ".join(_label(block) for block in effect.split(" x "))
    block, kind = effect.split(", ")
    return f"{_label(block)}, {kind}"
