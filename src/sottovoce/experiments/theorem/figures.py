"""Theorem 1: the error of its leading order against the size of the step, and the sign of the inner product."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.theorem import findings
from sottovoce.lab import estimates, style
from sottovoce.lab.drawing import Drawing, Results, setting, source_of

ERRORS = {
    "inner_error": ("inner product", style.OKABE_ITO["blue"]),
    "drop_error": ("drop in the teacher's loss", style.OKABE_ITO["orange"]),
}

MARKERS = ("o", "s", "^", "D")

INITIALS = {"shared": style.ROLES["student"], "independent": style.ROLES["cross_model"]}


def error_panel(ax: Axes, errors: xr.Dataset) -> None:
    """Draw mean relative errors against the size of the teacher's step, with a line of the expected first order.

    Args:
        ax: where to draw.
        errors: `experiments.theorem.findings.relative_errors`.
    """
    sizes = errors["size"].values
    for name, (label, color) in ERRORS.items():
        for marker, activation in zip(MARKERS, errors["activation"].values.tolist(), strict=False):
            mean = errors[name].sel(activation=activation).mean("member")
            ax.plot(sizes, mean, marker=marker, color=color, label=f"{label}, {activation}")
    first = float(errors["inner_error"].isel(size=0).mean())
    # Three times above the errors, so that it does not cover them: only its slope is to be compared.
    ax.plot(sizes, 3 * first * sizes / sizes[0], color=style.OKABE_ITO["gray"], ls=":", label="first order")
    ax.set(xscale="log", yscale="log", xlabel="length of the teacher's step", ylabel="relative error")
    ax.legend(loc="upper left", fontsize=8)


def sign_panel(ax: Axes, share: xr.Dataset) -> None:
    """Draw the share of settings with a positive inner product, by subset of logits and initialization.

    Args:
        ax: where to draw.
        share: estimates (mean, low, high) by initial and subset.
    """
    subsets = share["subset"].values.tolist()
    x = np.arange(len(subsets))
    for offset, (initial, color) in zip((-0.12, 0.12), INITIALS.items(), strict=True):
        mean, low, high = (share[part].sel(initial=initial).values for part in ("mean", "low", "high"))
        ax.errorbar(x + offset, mean, yerr=[mean - low, high - mean], fmt="o", color=color, label=initial)
    ax.axhline(0.5, color=style.OKABE_ITO["gray"], ls=":", lw=1)
    ax.set(ylim=(-0.22, 1.05), ylabel="share of positive inner products", xlim=(-0.5, len(subsets) - 0.5))
    ax.set_xticks(x, [f"{subset}\nlogits" for subset in subsets])
    ax.legend(title="initialization", loc="lower left", ncols=2)


def draw(errors: xr.Dataset, share: xr.Dataset, title: str) -> Figure:
    """Compose the figure of errors and signs; the title states dataset and members."""
    with style.context():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.0))
        error_panel(left, errors)
        left.set_title("leading order, shared initialization")
        sign_panel(right, share)
        right.set_title("sign at the smallest step")
        figure.suptitle(title)
    return figure


TITLE = "One step toward a teacher"

INTRO = (
    "Cloud's Theorem 1 in float64: the teacher takes one small step on labels, its student one step on the teacher's "
    "logits."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of the errors of the theorem's leading order and of the signs of the inner product."""
    return [_theorem(results["theorem"])] if "theorem" in results else []


def _theorem(dataset: xr.Dataset) -> Drawing:
    errors = findings.relative_errors(dataset)
    share = estimates.over_members(findings.positive_share(dataset).mean("activation"), "logit")
    return Drawing(
        key="theorem",
        title="The leading order of Theorem 1, and its sign",
        alt="Relative errors fall in proportion to the length of the teacher's step; the inner product of the steps is "
        "positive in every setting with a shared initialization and of either sign from another initialization.",
        caption="Left: relative error of the quadratic form as a prediction of the inner product and of the drop in "
        "the teacher's loss, root mean square over objectives, subsets of logits and inputs, mean over members. "
        "Right: share of objectives, inputs and activations, 95 % interval over members. "
        f"Setting: {setting(dataset)}.",
        figure=draw(errors, share, f"Theorem 1: {source_of(dataset)}, n = {dataset.sizes['member']} members"),
        data=errors.mean("member"),
    )
