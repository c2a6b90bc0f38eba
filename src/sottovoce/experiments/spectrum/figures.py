"""The post's Figure 3 in all variants, the un-normalized spectra that its ratios do not show, and counts."""

from typing import Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sottovoce.experiments.spectrum import counts, initialization
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import setting, source_of

# Colors for numbers of auxiliary logits that the post does not have.
FALLBACK = (style.OKABE_ITO["blue"], style.OKABE_ITO["purple"], style.OKABE_ITO["black"], style.OKABE_ITO["green"])
NOT_STUDENTS = {"reference": "initialization", "teacher": "teacher"}
VARIANTS = {
    "described": "as the post describes it",
    "published": "as the post's script ran it",
    "long": "as described, trained longer",
}

TITLE = "How many directions a student learns"
INTRO = (
    "The post's Figure 3 in two variants: as its text describes the experiment, and as its script ran it. They "
    "differ in inputs, epochs, initialization and in whether the student keeps its teacher's initial heads. Students "
    "as described but trained many times longer are shown as well once sottovoce run spectrum --variant long has been "
    "run; --n-aux 1 2 3 4 8 16 widens the grid of any variant."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the post's Figure 3 under each objective, the un-normalized spectra under kl, the counts of directions."""
    variants = {name: results[f"spectrum_{name}"] for name in VARIANTS if f"spectrum_{name}" in results}
    if not variants:
        return []
    curves = {name: initialization.spectrum_curves(dataset, config_of(dataset)) for name, dataset in variants.items()}
    columns = {f"{VARIANTS[name]} (n = {curve.attrs['members']})": curve for name, curve in curves.items()}
    source = source_of(next(iter(variants.values())))
    settings = "; ".join(f"{name}: {setting(dataset)}" for name, dataset in variants.items())
    # Only objectives that every variant was run with can stand in one figure.
    objectives = [config_of(dataset)["objectives"] for dataset in variants.values()]
    shared = [objective for objective in objectives[0] if all(objective in others for others in objectives)]
    drawings = [_ratios(columns, objective, source, settings) for objective in shared]
    if "kl" in shared:
        drawings.append(_singular_values(columns, source, settings))
    return [*drawings, _specifications(variants, source, settings), _directions(variants, source, settings)]


def _ratios(columns: dict[str, xr.Dataset], objective: str, source: str, settings: str) -> Drawing:
    title = f"Spectra of the second hidden layer: {source}, {objective}"
    with panels.figure(title, 4.9 * len(columns), 4.4) as figure:
        axes = figure.subplots(1, len(columns), squeeze=False)[0]
        for ax, (name, curves) in zip(axes, columns.items(), strict=True):
            _ratio_panel(ax, curves, objective)
            ax.set_title(name)
    return Drawing(
        key="figure3" if objective == "kl" else f"figure3_{objective}",
        title=f"The post's Figure 3, objective {objective}",
        alt="Explained-variance ratios of the second hidden layer against the component on a logarithmic axis for "
        "initialization, teacher and students, one panel per variant.",
        caption="Lines: mean over members, shaded from smallest to largest member. Dashed: upper end of the band that "
        "contains the whole curve of 95 % of fresh initializations. Dotted: largest first component of the members' "
        "initializations. Hollow: points read off the published figure (same variant, kl). "
        f"In brackets the test accuracy. {settings}.",
        figure=figure,
        data=_stacked(columns, objective, ["weight_explained_variance_ratio", "published_ratio"]),
        hover=True,
    )


def _ratio_panel(ax: Axes, curves: xr.Dataset, objective: str) -> None:
    ends = {"weight_explained_variance_ratio": "mean", "ratio_low": "low", "ratio_high": "high"}
    component = curves["component"].values
    for network, look in _looks(curves, objective).items():
        line = curves.sel(network=network)
        panels.curve(ax, component, line.rename(ends), **look)
        if line["published_ratio"].notnull().any():
            ax.plot(component, line["published_ratio"], "o", mfc="white", mec=look["color"], ms=4.5, mew=1.3)
    ax.axhline(curves.attrs["edge"], **style.DOTTED_LINE)
    ax.plot(component, curves["null_upper"], color=style.OKABE_ITO["gray"], ls="--", lw=1, label="band of fresh draws")
    ax.set(xscale="log", xlabel="component", ylabel="explained-variance ratio of the weights", ylim=(0, None))
    ax.legend(title="network (test accuracy)", alignment="left")


def _singular_values(columns: dict[str, xr.Dataset], source: str, settings: str) -> Drawing:
    with panels.figure(f"Singular values: {source}, kl", 4.9 * len(columns), 6.6) as figure:
        axes = figure.subplots(2, len(columns), squeeze=False)
        for column, (name, curves) in zip(axes.T, columns.items(), strict=True):
            for ax, matrix in zip(column, counts.MATRICES, strict=True):
                for network, look in _looks(curves, "kl").items():
                    # The update of the initialization itself is zero.
                    if (matrix, network) != ("update", "reference"):
                        values = curves[f"{matrix}_singular_value"].sel(network=network)
                        ax.plot(curves["component"], values, **look)
                label = f"singular value of the {matrix}"
                ax.set(xscale="log", xlabel="component", ylabel=label, ylim=(0, None))
            column[0].set_title(name)
            column[0].legend(title="network (test accuracy)", alignment="left")
    return Drawing(
        key="singular_values",
        title="The same spectra un-normalized, and the spectra of the update",
        alt="Singular values of the weights above and of their change from initialization below, one column per "
        "variant.",
        caption="An explained-variance ratio can fall because other components grew; a singular value cannot. "
        f"Update: W - W0. Mean over members. {settings}.",
        figure=figure,
        data=_stacked(columns, "kl", ["weight_singular_value", "update_singular_value"]),
        hover=True,
    )


def _specifications(variants: dict[str, xr.Dataset], source: str, settings: str) -> Drawing:
    shown = {name: initialization.specification_curve(dataset) for name, dataset in variants.items()}
    columns = {f"{VARIANTS[name]} (n = {curves.attrs['members']})": curves for name, curves in shown.items()}
    with panels.figure(f"Components above initialization: {source}", max(4.9 * len(columns), 6.0), 6.6) as figure:
        axes = figure.subplots(2, len(columns), squeeze=False, sharex="col", sharey="row")
        for column, (name, curves) in zip(axes.T, columns.items(), strict=True):
            for ax, objective in zip(column, style.OBJECTIVES, strict=True):
                if objective in curves["objective"]:
                    _specification_panel(ax, curves.sel(objective=objective))
            column[0].set_title(name)
            column[1].set_xlabel("auxiliary logits k")
        for ax, objective in zip(axes[:, 0], style.OBJECTIVES, strict=True):
            ax.set(ylabel=f"components, {objective}", ylim=(-0.5, None))
        panels.legend_below(figure, axes[-1, -1])
    return Drawing(
        key="specifications",
        title="The same spectra, counted in three ways",
        alt="Components above initialization against the number of auxiliary logits k, by way of counting, under mse "
        "above and kl below, one column per variant, with the line of one component per logit.",
        caption="Band: the first ranks, without a gap, above the band of fresh initializations. Line: components above "
        "the largest first component of the members' initializations. Edge: singular values above the analytic edge of "
        "noise. A verdict on the post's counts stands only where all three agree. Gray: one component per logit. Short "
        f"lines at the right: the teacher. Whiskers: 95 % over members. {settings}.",
        figure=figure,
        data=xr.concat(shown.values(), xr.DataArray(list(shown), dims="variant", name="variant"), join="outer"),
    )


def _specification_panel(ax: Axes, curves: xr.Dataset) -> None:
    k = curves["n_aux"].values
    ax.plot(k, k, color=style.OKABE_ITO["gray"], lw=1, zorder=0, label="k")
    colors = (style.OKABE_ITO["blue"], style.OKABE_ITO["orange"], style.OKABE_ITO["green"])
    for (offset, name), color, marker in zip(
        panels.abreast(0, 0.15, list(initialization.SPECIFICATIONS)), colors, style.MARKERS, strict=False
    ):
        counted = curves.sel(specification=name)
        line = panels.estimate_of(counted, "count").dropna("n_aux", subset=["mean"])
        look = {"ms": 4.5, "lw": 1.2, "color": color}
        panels.points(ax, line["n_aux"] + offset, line, f"{marker}-", label=name, **look)
        ax.axhline(float(counted["teacher"]), xmin=0.95, color=color, lw=2)
    ax.set_xticks(k)
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True))


def _looks(curves: xr.Dataset, objective: str) -> dict[str, dict[str, Any]]:
    """Return color and legend label of initialization, teacher and the objective's students."""
    spare = iter(FALLBACK)
    looks = {}
    for network in curves["network"].values.tolist():
        if network in NOT_STUDENTS:
            color, name = style.POST_SPECTRUM[network], NOT_STUDENTS[network]
        elif network.startswith(f"{objective} "):
            k = int(network.split()[1])
            color, name = style.POST_SPECTRUM.get(k) or next(spare, style.OKABE_ITO["gray"]), f"student, k = {k}"
        else:
            continue
        looks[network] = {"color": color, "label": f"{name} ({curves['accuracy'].sel(network=network):.2f})"}
    return looks


def _stacked(columns: dict[str, xr.Dataset], objective: str, names: list[str]) -> xr.Dataset:
    """Return one objective's curves with the variant as a dimension."""
    spectra = [curves[names].sel(network=list(_looks(curves, objective))) for curves in columns.values()]
    stacked = xr.concat(spectra, dim="variant", combine_attrs="drop", join="outer")
    return stacked.assign_coords(variant=list(columns))


def _directions(variants: dict[str, xr.Dataset], source: str, settings: str) -> Drawing:
    shown = {name: counts.curves(counts.by_number(counts.direction_counts(d))) for name, d in variants.items()}
    columns = {f"{VARIANTS[name]}\n(n = {curves.attrs['members']})": curves for name, curves in shown.items()}
    verdicts = "; ".join(f"{name}: {', '.join(counts.sentences(dataset))}" for name, dataset in variants.items())
    return Drawing(
        key="direction_counts",
        title="How many directions: k, k - 1 or neither, and where is accuracy?",
        alt="Directions of the weight, directions of the update and accuracy above the reference's against the number "
        "of auxiliary logits k under kl and mse, one column per variant, with the lines k and k - 1.",
        caption="Weight: values above the analytic edge of noise of its initialization scheme, at the scale of its "
        "bulk and a false-alarm rate of 5 %. Update W - W0: against random signs of its own entries (parallel "
        "analysis), for no exact null is known; it counts any dependence between entries. Whiskers: 95 % for a whole "
        "curve. Their number follows k or k - 1 if the mean over students of the distance is at most "
        f"{counts.WITHIN} with its whole interval. {verdicts}. {settings}.",
        figure=draw_directions(columns, f"Directions in the second hidden layer: {source}"),
        data=xr.concat(shown.values(), xr.DataArray(list(shown), dims="variant", name="variant"), join="outer"),
    )


def draw_directions(columns: dict[str, xr.Dataset], title: str) -> Figure:
    """Draw `counts.curves` by heading: directions of the weight, of the update, and accuracy above the reference's."""
    with panels.figure(title, max(4.2 * len(columns), 6.0), 8.0) as figure:
        axes = figure.subplots(3, len(columns), squeeze=False, sharex="col", sharey="row")
        for column, (name, curves) in zip(axes.T, columns.items(), strict=True):
            # The third row, for which there is no matrix, holds the accuracies.
            for ax, matrix in zip(column, counts.MATRICES, strict=False):
                count_panel(ax, curves, matrix)
            _by_objective(column[2], curves, "gain")
            column[2].axhline(0.0, **style.DOTTED_LINE)
            column[2].set(ylim=(-0.2, 1.0), xlabel="auxiliary logits k")
            column[0].set_title(name)
        for ax, matrix in zip(axes[:, 0], counts.MATRICES, strict=False):
            # Set after all panels that share the axis are drawn, because a limit set by hand ends its autoscaling.
            ax.set(ylabel=f"directions of the {matrix}", ylim=(-0.5, None))
        axes[2, 0].set_ylabel("accuracy above reference")
        panels.legend_below(figure, axes[0, 0])
    return figure


def count_panel(ax: Axes, curves: xr.Dataset, matrix: str) -> None:
    """Draw counts against k with their 95 % intervals, and the lines of the hypotheses k and k - 1."""
    _by_objective(ax, curves.sel(matrix=matrix), "count")
    k = curves["n_aux"].values
    for (hypothesis, fewer), dashes in zip(counts.HYPOTHESES.items(), ("-", "--"), strict=True):
        ax.plot(k, k - fewer, color=style.OKABE_ITO["gray"], ls=dashes, lw=1, zorder=0, label=hypothesis)
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True))


def _by_objective(ax: Axes, curves: xr.Dataset, quantity: str) -> None:
    # The objectives are drawn beside each other, so that their intervals do not overlap.
    for offset, objective in panels.abreast(0, 0.12, list(style.OBJECTIVES)):
        if objective in curves["objective"]:
            line = panels.estimate_of(curves.sel(objective=objective), quantity).dropna("n_aux", subset=["mean"])
            look = {"ms": 4.5, "lw": 1.2, "color": style.OBJECTIVES[objective], "label": objective}
            panels.points(ax, line["n_aux"] + offset, line, "o-", **look)
    ax.set_xticks(curves["n_aux"].values)
