"""Theorem 1: the error of its leading order against the size of the step, and the sign of the inner product."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.theorem import findings
from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.lab.sources import sample, setting

ERRORS = {
    "inner_error": ("inner product", style.OKABE_ITO["blue"]),
    "drop_error": ("drop in the teacher's loss", style.OKABE_ITO["orange"]),
}
INITIALS = {"shared": style.ROLES["student"], "independent": style.ROLES["cross_model"]}

TITLE = "One step toward a teacher"
INTRO = (
    "Cloud's Theorem 1 in float64: the teacher takes one small step on labels, its student one step on the teacher's "
    "logits."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of the errors of the theorem's leading order and of the signs of the inner product."""
    if "theorem" not in results:
        return []
    dataset = results["theorem"]
    errors = findings.relative_errors(dataset)
    share = estimates.over_members(findings.positive_share(dataset).mean("activation"), "logit")
    drawing = Drawing(
        key="theorem",
        title="The leading order of Theorem 1, and its sign",
        alt="Relative errors fall in proportion to the length of the teacher's step; the inner product of the steps is "
        "positive in every setting with a shared initialization and of either sign from another initialization.",
        caption="Left: relative error of the quadratic form as a prediction of the inner product and of the drop in "
        "the teacher's loss, root mean square over objectives, subsets of logits and inputs, mean over members. Right: "
        f"share of objectives, inputs and activations, 95 % interval over members. Setting: {setting(dataset)}.",
        figure=draw(errors, share, f"Theorem 1: {sample(dataset)}"),
        data=errors.mean("member"),
    )
    return [drawing]


def draw(errors: xr.Dataset, share: xr.Dataset, title: str) -> Figure:
    """Draw `findings.relative_errors`, and estimates of the share of positive signs by initial and subset."""
    with panels.figure(title, 9.6, 4.0) as figure:
        left, right = figure.subplots(1, 2)
        _error_panel(left, errors)
        left.set_title("leading order, shared initialization")
        _sign_panel(right, share)
        right.set_title("sign at the smallest step")
    return figure


def _error_panel(ax: Axes, errors: xr.Dataset) -> None:
    sizes = errors["size"].values
    for name, (label, color) in ERRORS.items():
        for marker, activation in zip(style.MARKERS, errors["activation"].values.tolist(), strict=False):
            mean = errors[name].sel(activation=activation).mean("member")
            ax.plot(sizes, mean, marker=marker, color=color, label=f"{label}, {activation}")
    first = float(errors["inner_error"].isel(size=0).mean())
    # Three times above the errors, so that it does not cover them: only its slope is to be compared.
    ax.plot(sizes, 3 * first * sizes / sizes[0], color=style.OKABE_ITO["gray"], ls=":", label="first order")
    ax.set(xscale="log", yscale="log", xlabel="length of the teacher's step", ylabel="relative error")
    ax.legend(loc="upper left", fontsize=8)


def _sign_panel(ax: Axes, share: xr.Dataset) -> None:
    x = panels.categories(ax, [f"{subset}\nlogits" for subset in share["subset"].values])
    for beside, initial in panels.abreast(x, 0.24, list(INITIALS)):
        panels.points(ax, beside, share.sel(initial=initial), color=INITIALS[initial], label=initial)
    ax.axhline(0.5, **style.DOTTED_LINE)
    ax.set(ylim=(-0.22, 1.05), ylabel="share of positive inner products", xlim=(-0.5, len(x) - 0.5))
    ax.legend(title="initialization", loc="lower left", ncols=2)
