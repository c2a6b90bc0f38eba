"""The post's Figure 3 in all variants, and the un-normalized spectra that its ratios do not show."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.spectrum import counts, directions_figure
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting, source_of

# Colors for numbers of auxiliary logits that the post does not have.
FALLBACK = (style.OKABE_ITO["blue"], style.OKABE_ITO["purple"], style.OKABE_ITO["black"], style.OKABE_ITO["green"])


def ratio_panel(ax: Axes, curves: xr.Dataset, objective: str) -> None:
    """Draw explained-variance ratios of the second hidden layer against the component, as the post does.

    Args:
        ax: where to draw.
        curves: `experiments.spectrum.counts.spectrum_curves`; published points are drawn hollow where it holds any.
        objective: which students to show.
    """
    for network, color, label in _lines(curves, objective):
        line = curves.sel(network=network)
        ax.plot(line["component"], line["weight_explained_variance_ratio"], color=color, label=label)
        ax.fill_between(line["component"], line["ratio_low"], line["ratio_high"], color=color, alpha=0.2, lw=0)
        if np.isfinite(line["published_ratio"].values).any():
            ax.plot(line["component"], line["published_ratio"], "o", mfc="white", mec=color, ms=4.5, mew=1.3, ls="")
    ax.axhline(curves.attrs["edge"], color=style.OKABE_ITO["gray"], ls=":", lw=1)
    ax.set(xscale="log", xlabel="component", ylabel="explained-variance ratio of the weights")
    ax.set_ylim(bottom=0)
    ax.legend(title="network (test accuracy)", alignment="left")


def singular_value_panel(ax: Axes, curves: xr.Dataset, objective: str, quantity: str) -> None:
    """Draw un-normalized singular values of the weights or of their update against the component.

    Args:
        ax: where to draw.
        curves: `experiments.spectrum.counts.spectrum_curves`.
        objective: which students to show.
        quantity: "weight" or "update".
    """
    for network, color, label in _lines(curves, objective):
        # The update of the initialization itself is zero.
        if quantity == "update" and network == "reference":
            continue
        line = curves.sel(network=network)
        ax.plot(line["component"], line[f"{quantity}_singular_value"], color=color, label=label)
    ax.set(xscale="log", xlabel="component", ylabel=f"singular value of the {quantity}")
    ax.set_ylim(bottom=0)


def draw_ratios(panels: dict[str, xr.Dataset], objective: str, title: str) -> Figure:
    """Draw the explained-variance ratios, one panel per variant with its name as title."""
    with style.context():
        figure, axes = plt.subplots(1, len(panels), figsize=(4.9 * len(panels), 4.4), squeeze=False)
        for ax, (name, curves) in zip(axes[0], panels.items(), strict=True):
            ratio_panel(ax, curves, objective)
            ax.set_title(name)
        figure.suptitle(title)
    return figure


def draw_singular_values(panels: dict[str, xr.Dataset], objective: str, title: str) -> Figure:
    """Draw singular values, of the weights above and of their updates below, one column per variant."""
    with style.context():
        figure, axes = plt.subplots(2, len(panels), figsize=(4.9 * len(panels), 6.6), squeeze=False)
        for column, (name, curves) in zip(axes.T, panels.items(), strict=True):
            for ax, quantity in zip(column, ("weight", "update"), strict=True):
                singular_value_panel(ax, curves, objective, quantity)
            column[0].set_title(name)
            column[0].legend(title="network (test accuracy)", alignment="left")
        figure.suptitle(title)
    return figure


def _lines(curves: xr.Dataset, objective: str) -> list[tuple[str, str, str]]:
    """Return (network, color, legend label) of initialization, teacher and the objective's students."""
    spare = iter(FALLBACK)
    lines = []
    for network in curves["network"].values.tolist():
        accuracy = float(curves["accuracy"].sel(network=network))
        if network in ("reference", "teacher"):
            name = "initialization" if network == "reference" else network
            lines.append((network, style.POST_SPECTRUM[network], f"{name} ({accuracy:.2f})"))
        elif network.startswith(f"{objective} "):
            k = int(network.split()[1])
            color = style.POST_SPECTRUM.get(k) or next(spare, style.OKABE_ITO["gray"])
            lines.append((network, color, f"student, k = {k} ({accuracy:.2f})"))
    return lines


TITLE = "How many directions a student learns"

INTRO = (
    "The post's Figure 3 in two variants: as its text describes the experiment, and as its script ran it. They "
    "differ in inputs, epochs, initialization and in whether the student keeps its teacher's initial heads. Students "
    "as described but trained many times longer are shown as well once sottovoce run spectrum --variant long has been "
    "run; --n-aux 1 2 3 4 8 16 widens the grid of any variant."
)

NOT_STUDENTS = ("reference", "teacher")

VARIANTS = {
    "described": "as the post describes it",
    "published": "as the post's script ran it",
    "long": "as described, trained longer",
}


def draw_section(results: Results) -> list[Drawing]:
    """Return the post's Figure 3 under each objective, the un-normalized spectra under kl, the counts of directions."""
    variants = {name: results[f"spectrum_{name}"] for name in VARIANTS if f"spectrum_{name}" in results}
    if not variants:
        return []
    curves = {name: counts.spectrum_curves(dataset, config_of(dataset)) for name, dataset in variants.items()}
    panels = {f"{VARIANTS[name]} (n = {curve.attrs['members']})": curve for name, curve in curves.items()}
    source = source_of(next(iter(variants.values())))
    settings = "; ".join(f"{name}: {setting(dataset)}" for name, dataset in variants.items())
    # Only objectives that every variant was run with can stand in one figure.
    objectives = [config_of(dataset)["objectives"] for dataset in variants.values()]
    shared = [objective for objective in objectives[0] if all(objective in others for others in objectives)]
    ratios = [_ratios(panels, objective, source, settings) for objective in shared]
    singular_values = [_singular_values(panels, source, settings)] if "kl" in shared else []
    return [*ratios, *singular_values, _directions(variants, source, settings)]


def _ratios(panels: dict[str, xr.Dataset], objective: str, source: str, settings: str) -> Drawing:
    return Drawing(
        key="figure3" if objective == "kl" else f"figure3_{objective}",
        title=f"The post's Figure 3, objective {objective}",
        alt="Explained-variance ratios of the second hidden layer against the component on a logarithmic axis for "
        "initialization, teacher and students, one panel per variant.",
        caption="Lines: mean over members, shaded from smallest to largest member. Dotted: largest first component "
        "of the members' initializations. Hollow: points read off the published figure (same variant, kl). "
        f"In brackets the test accuracy. {settings}.",
        figure=draw_ratios(panels, objective, f"Spectra of the second hidden layer: {source}, {objective}"),
        data=_stacked(panels, objective, ["weight_explained_variance_ratio", "published_ratio"]),
        hover=True,
    )


def _singular_values(panels: dict[str, xr.Dataset], source: str, settings: str) -> Drawing:
    return Drawing(
        key="singular_values",
        title="The same spectra un-normalized, and the spectra of the update",
        alt="Singular values of the weights above and of their change from initialization below, one column per "
        "variant.",
        caption="An explained-variance ratio can fall because other components grew; a singular value cannot. "
        f"Update: W - W0. Mean over members. {settings}.",
        figure=draw_singular_values(panels, "kl", f"Singular values: {source}, kl"),
        data=_stacked(panels, "kl", ["weight_singular_value", "update_singular_value"]),
        hover=True,
    )


def _directions(variants: dict[str, xr.Dataset], source: str, settings: str) -> Drawing:
    shown = {name: counts.curves(counts.by_number(counts.direction_counts(d))) for name, d in variants.items()}
    panels = {f"{VARIANTS[name]}\n(n = {curves.attrs['members']})": curves for name, curves in shown.items()}
    verdicts = "; ".join(f"{name}: {', '.join(counts.sentences(dataset))}" for name, dataset in variants.items())
    return Drawing(
        key="direction_counts",
        title="How many directions: k, k - 1 or neither, and where is accuracy?",
        alt="Directions of the weight, directions of the update and accuracy above the reference's against the number "
        "of auxiliary logits k under kl and mse, one column per variant, with the lines k and k - 1.",
        caption="Parallel analysis at a false-alarm rate of 5 %. Weight: against fresh draws of the initialization "
        "scheme at the scale of its bulk. Update W - W0: against random signs of its own entries, for no exact null is "
        "known; it counts any dependence between entries. Whiskers: 95 % for a whole curve. "
        "Their number follows k or k - 1 if the mean over students of the distance is at most "
        f"{counts.WITHIN} with its whole interval. {verdicts}. {settings}.",
        figure=directions_figure.draw(panels, f"Directions in the second hidden layer: {source}, parallel analysis"),
        data=xr.concat(shown.values(), xr.DataArray(list(shown), dims="variant", name="variant"), join="outer"),
    )


def _stacked(panels: dict[str, xr.Dataset], objective: str, names: list[str]) -> xr.Dataset:
    """Return one objective's curves with the variant as a dimension."""
    spectra = []
    for curves in panels.values():
        shown = [n for n in curves["network"].values.tolist() if n in NOT_STUDENTS or n.startswith(f"{objective} ")]
        spectra.append(curves[names].sel(network=shown))
    stacked = xr.concat(spectra, dim="variant", combine_attrs="drop", join="outer")
    return stacked.assign_coords(variant=list(panels))
