"""The toy trained step by step: where students end, order of the step's error, cost of a drifting W2 and of a ReLU."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.toy_training.findings import step_order
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting
from sottovoce.lab.estimates import band, over_members

# Smaller distances are rounding errors, and zero has no place on a logarithmic axis.
SMALLEST_DISTANCE = 1e-16

LAYERS = {"trunk": style.OKABE_ITO["blue"], "trunk and head": style.OKABE_ITO["vermilion"]}

MOVING = {
    "both": ("W2 of both trained", style.OKABE_ITO["black"]),
    "teacher": ("of the teacher only", style.ROLES["teacher"]),
    "student": ("of the student only", style.ROLES["student"]),
}


def distance_panel(ax: Axes, dataset: xr.Dataset) -> None:
    """Draw the distance of each draw's student from the closed form, one row per student.

    Args:
        ax: where to draw.
        dataset: result of the experiment `toy_training`.
    """
    students = dataset["student"].values.tolist()
    for row, name in enumerate(students):
        distances = np.maximum(dataset["projector_distance"].sel(student=name).values.ravel(), SMALLEST_DISTANCE)
        ax.plot(distances, np.full(distances.size, row), "|", color=style.OKABE_ITO["blue"], ms=9, mew=0.8, alpha=0.6)
    oblique = np.maximum(dataset["oblique_distance"].values.ravel(), SMALLEST_DISTANCE)
    row = students.index("adam, one logit")
    ax.plot(
        oblique,
        np.full(oblique.size, row + 0.3),
        "|",
        color=style.OKABE_ITO["vermilion"],
        ms=9,
        mew=0.8,
        alpha=0.6,
        label="from Adam's own closed form",
    )
    ax.axvline(1, color=style.OKABE_ITO["gray"], lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="distance from the closed form / its displacement", xlim=(SMALLEST_DISTANCE / 3, 30))
    ax.set_xticks([1e-15, 1e-10, 1e-5, 1])
    ax.set_yticks(range(len(students)), students)
    ax.set_ylim(len(students) - 0.5, -0.5)
    ax.legend(loc="lower left", handletextpad=0.2)


def recovered_panel(ax: Axes, recovered: xr.Dataset) -> None:
    """Draw the recovered energy of the class logits by student, with its expectation where one is known.

    Args:
        ax: where to draw; shares its rows with `distance_panel`.
        recovered: estimates of `recovered` by student, with their expectation `law`.
    """
    rows = np.arange(recovered.sizes["student"])
    errors = np.abs(np.stack([recovered["mean"] - recovered["low"], recovered["high"] - recovered["mean"]]))
    ax.barh(rows, recovered["mean"], 0.6, xerr=errors, color=style.OKABE_ITO["sky"], error_kw={"lw": 1})
    ax.plot(recovered["law"], rows, "d", color="black", ms=5, label="expected")
    ax.axvline(0, color=style.OKABE_ITO["gray"], lw=0.8)
    ax.set(xlabel="recovered energy of the class logits")
    ax.tick_params(labelleft=False)
    # Beside the row of one logit, whose bar is the shortest and leaves room.
    ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.31), handletextpad=0.2)


def order_panel(ax: Axes, errors: xr.Dataset, slopes: xr.Dataset) -> None:
    """Draw descent's distance from the flow against the step size, with the fitted order in the legend.

    Args:
        ax: where to draw.
        errors: estimates of `step_error` by layers and rate.
        slopes: estimates of its order by layers.
    """
    for layers, color in LAYERS.items():
        line, slope = errors.sel(layers=layers), slopes.sel(layers=layers)
        label = f"{layers}: order {float(slope['mean']):.3f}"
        ax.plot(line["rate"], line["mean"], "o-", color=color, ms=4, label=label)
        ax.fill_between(line["rate"], line["low"], line["high"], color=color, alpha=0.2, lw=0)
    ax.set(xscale="log", yscale="log", xlabel="step size, in units of 1 / largest curvature")
    ax.set_ylabel("distance from the flow / its displacement")
    ax.set_xticks(errors["rate"].values, [f"1/{1 / rate:g}" for rate in errors["rate"].values])
    ax.set_yticks([1e-3, 1e-2, 1e-1])
    ax.minorticks_off()
    ax.legend(loc="upper left")


def drift_panel(ax: Axes, recovered: xr.Dataset) -> None:
    """Draw decoding error against the distance between the heads, beside its first-order prediction.

    Args:
        ax: where to draw.
        recovered: estimates of `moving_recovered` by moving and head_rate, with `lazy`, the mean of the
            prediction, and `mismatch`, the mean distance between the heads.
    """
    for moving, (label, color) in MOVING.items():
        line = recovered.sel(moving=moving)
        errors = np.abs(np.stack([line["mean"] - line["low"], line["high"] - line["mean"]]))[::-1]
        ax.errorbar(line["mismatch"], 1 - line["mean"], errors, fmt="o", color=color, ms=4.5, lw=1, label=label)
        ax.plot(line["mismatch"], 1 - line["lazy"], color=color, lw=1.3)
    ax.plot([], [], color=style.OKABE_ITO["gray"], lw=1.3, label="first order (7.3)")
    ax.set(xlabel="relative distance between the two W2", ylabel="decoding error, 1 is the reference", ylim=(0.5, 1.03))
    ax.legend(loc="lower right")


def noise_panel(ax: Axes, signal: xr.Dataset, noise: xr.Dataset) -> None:
    """Draw the student's change of class logits along and orthogonal to the teacher's, with both W2 trained.

    Args:
        ax: where to draw.
        signal: estimates of `signal` by head_rate.
        noise: estimates of `noise` by head_rate.
    """
    x = np.arange(signal.sizes["head_rate"])
    for estimate, label, color in (
        (signal, "along the teacher's: signal", style.OKABE_ITO["green"]),
        (noise, "orthogonal to it: noise", style.OKABE_ITO["purple"]),
    ):
        ax.plot(x, estimate["mean"], "o-", color=color, ms=4.5, label=label)
        ax.fill_between(x, estimate["low"], estimate["high"], color=color, alpha=0.2, lw=0)
    ax.set_xticks(x, [f"{rate:g}" for rate in signal["head_rate"].values])
    ax.set(xlabel="rate of W2 / rate of W1", ylabel="student's change / teacher's change")
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper right")


def relu_panel(ax: Axes, relu: xr.Dataset, linear: xr.Dataset) -> None:
    """Draw the recovered energy of ReLU students against their training inputs, beside the linear student's.

    Args:
        ax: where to draw.
        relu: estimates of `relu_recovered` by n_inputs.
        linear: estimates of the linear student's recovered energy.
    """
    x = relu["n_inputs"].values
    color = style.OKABE_ITO["vermilion"]
    errors = np.abs(np.stack([relu["mean"] - relu["low"], relu["high"] - relu["mean"]]))
    ax.errorbar(x, relu["mean"], errors, fmt="o-", color=color, ms=4.5, lw=1.3, label="ReLU student")
    mean, low, high = (float(linear[name]) for name in ("mean", "low", "high"))
    ax.axhline(mean, color=style.OKABE_ITO["blue"], lw=1.3, label="linear student")
    ax.axhspan(low, high, color=style.OKABE_ITO["blue"], alpha=0.15, lw=0)
    ax.set(xscale="log", xlabel="training inputs", ylabel="recovered energy of the class logits")
    ax.set_xticks(x, [str(n) for n in x])
    ax.minorticks_off()
    ax.legend(loc="lower right")


def draw(dataset: xr.Dataset, recovered: xr.Dataset, errors: xr.Dataset, slopes: xr.Dataset) -> Figure:
    """Compose the figure of where students end: distances, recovered energy, order in the step size.

    Args:
        dataset: result of the experiment `toy_training`.
        recovered: as in `recovered_panel`.
        errors: as in `order_panel`.
        slopes: as in `order_panel`.

    Returns:
        The figure.
    """
    with style.context():
        figure = Figure(figsize=(12.6, 5.0))
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
        distance_panel(left, dataset)
        left.set_title("each draw's student, W2 as the teacher's")
        middle.sharey(left)
        recovered_panel(middle, recovered)
        middle.set_title("what it decodes")
        order_panel(right, errors, slopes)
        right.set_title("descent against gradient flow")
        figure.suptitle(f"Toy students trained step by step, n = {dataset.sizes['member']} members")
    return figure


def draw_drift(
    drift: xr.Dataset, signal: xr.Dataset, noise: xr.Dataset, relu: xr.Dataset, linear: xr.Dataset
) -> Figure:
    """Compose the figure of where the linear theory stops: a trained W2, signal and noise, a ReLU.

    Args:
        drift: as in `drift_panel`.
        signal: as in `noise_panel`.
        noise: as in `noise_panel`.
        relu: as in `relu_panel`.
        linear: as in `relu_panel`.

    Returns:
        The figure.
    """
    with style.context():
        figure = Figure(figsize=(12.6, 4.2))
        left, middle, right = figure.subplots(1, 3)
        drift_panel(left, drift)
        left.set_title("W2 trained as well")
        noise_panel(middle, signal, noise)
        middle.set_title("W2 of teacher and student trained")
        relu_panel(right, relu, linear)
        right.set_title("W2 frozen, a ReLU between the layers")
        figure.suptitle(f"Where the linear theory of the toy stops, n = {drift.attrs['members']} members")
    return figure


# The toy trained step by step, within the section of the linear toy.


def draw_section(results: Results) -> list[Drawing]:
    """Return the figures of where students end when W2 is frozen, and of what a drifting W2 and a ReLU cost."""
    if "toy_training" not in results:
        return []
    dataset = results["toy_training"]
    config = config_of(dataset)
    shape = f"{config['d_in']} inputs, {config['hidden']} hidden units, {config['n_class']} class logits"
    settings = f"{shape}, k = {config['n_aux']}. Setting: {setting(dataset)}, {config['draws']} draws each."
    return [_ends(dataset, settings), _drift(dataset, settings)]


def _ends(dataset: xr.Dataset, settings: str) -> Drawing:
    recovered = over_members(dataset["recovered"]).assign(law=dataset["recovered_law"].mean("member"))
    errors, slopes = band(dataset["step_error"], "rate", "log"), over_members(step_order(dataset))
    return Drawing(
        key="toy_training",
        title="The toy trained step by step",
        alt="Left, distances of students from the closed form: tiny under gradient descent, stochastic or not, "
        "large under Adam, with W2 trained, with a deep trunk or a ReLU. Middle, the recovered energy of their class "
        "logits. Right, the error of descent against the step size, a straight line of slope one.",
        caption="Left: one stroke per draw; the closed form is W1_0 + (W1 - W1_0) P of a frozen W2, for kl with the "
        "centered projector. Middle: 1 is the teacher, 0 the start; diamonds: expected over random teachers. Right: "
        "the distance at a fixed time between descent and the exact flow. Whiskers: 95 % interval of a mean over "
        f"members; band: 95 % for the whole curve. {settings}",
        figure=draw(dataset, recovered, errors, slopes),
        data=recovered,
    )


def _drift(dataset: xr.Dataset, settings: str) -> Drawing:
    means = dataset.mean("member")
    drift = band(dataset["moving_recovered"], "head_rate").assign(
        lazy=means["lazy_recovered"], mismatch=means["head_mismatch"]
    )
    both = dataset.sel(moving="both")
    linear = over_members(dataset["recovered"]).sel(student="gd")
    return Drawing(
        key="toy_drift",
        title="Where the linear theory of the toy stops: a trained W2 and a ReLU",
        alt="Left, decoding error rises toward one as the heads of teacher and student drift apart, on the line of "
        "the first-order prediction. Middle, both the signal and the noise that the student decodes fall, the signal "
        "faster. Right, the recovered energy of ReLU students rises with the number of training inputs.",
        caption="Left and middle: teacher and student trained from one reference, W2 at 0 to "
        f"{max(config_of(dataset)['head_rates']):g} times the rate of W1; squared distance of the class logits from "
        "the teacher's, relative to the reference's. Right: W2 frozen and shared, a drawn teacher. Whiskers and bands: "
        f"95 % over members for each whole curve. {settings}",
        figure=draw_drift(
            drift,
            band(both["signal"], "head_rate"),
            band(both["noise"], "head_rate"),
            band(dataset["relu_recovered"], "n_inputs"),
            linear,
        ),
        data=drift,
    )
