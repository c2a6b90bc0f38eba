"""The toy trained step by step: where students end, order of the step's error, cost of a drifting W2 and of a ReLU."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sottovoce.experiments.toy_training.findings import step_order
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.estimates import band, over_members
from sottovoce.lab.sources import setting

# Smaller distances are rounding errors, and zero has no place on a logarithmic axis.
SMALLEST_DISTANCE = 1e-16

LAYERS = {"trunk": style.OKABE_ITO["blue"], "trunk and head": style.OKABE_ITO["vermilion"]}
MOVING = {
    "both": ("W2 of both trained", style.OKABE_ITO["black"]),
    "teacher": ("of the teacher only", style.ROLES["teacher"]),
    "student": ("of the student only", style.ROLES["student"]),
}


# Without a title and an introduction: the figures stand in the section of the linear toy.
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
    title = f"Toy students trained step by step, n = {dataset.sizes['member']} members"
    with panels.figure(title, 12.6, 5.0) as figure:
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
        _distance_panel(left, dataset)
        middle.sharey(left)
        _recovered_panel(middle, recovered)
        _order_panel(right, band(dataset["step_error"], "rate", "log"), over_members(step_order(dataset)))
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
        figure=figure,
        data=recovered,
    )


def _distance_panel(ax: Axes, dataset: xr.Dataset) -> None:
    students = dataset["student"].values.tolist()
    panels.categories(ax, students, vertical=True)
    for row, name in enumerate(students):
        _strokes(ax, dataset["projector_distance"].sel(student=name), row, "blue")
    row = students.index("adam, one logit")
    _strokes(ax, dataset["oblique_distance"], row + 0.3, "vermilion", label="from Adam's own closed form")
    ax.axvline(1, **{**style.DOTTED_LINE, "lw": 0.8})
    ax.set(xscale="log", xlabel="distance from the closed form / its displacement", xlim=(SMALLEST_DISTANCE / 3, 30))
    ax.set_xticks([1e-15, 1e-10, 1e-5, 1])
    ax.set(ylim=(len(students) - 0.5, -0.5), title="each draw's student, W2 as the teacher's")
    ax.legend(loc="lower left", handletextpad=0.2)


def _strokes(ax: Axes, distances: xr.DataArray, row: float, color: str, label: str | None = None) -> None:
    x = np.maximum(distances.values.ravel(), SMALLEST_DISTANCE)
    look = {"color": style.OKABE_ITO[color], "ms": 9, "mew": 0.8, "alpha": 0.6}
    ax.plot(x, np.full(x.size, row), "|", label=label, **look)


def _recovered_panel(ax: Axes, recovered: xr.Dataset) -> None:
    rows = np.arange(recovered.sizes["student"])
    panels.bars(ax, rows, recovered, 0.6, horizontal=True, color=style.OKABE_ITO["sky"], error_kw={"lw": 1})
    ax.plot(recovered["law"], rows, "d", color="black", ms=5, label="expected")
    ax.axvline(0, **style.ZERO_LINE)
    ax.set(xlabel="recovered energy of the class logits", title="what it decodes")
    ax.tick_params(labelleft=False)
    # Beside the row of one logit, whose bar is the shortest and leaves room.
    ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.31), handletextpad=0.2)


def _order_panel(ax: Axes, errors: xr.Dataset, slopes: xr.Dataset) -> None:
    rates = errors["rate"].values
    for layers, color in LAYERS.items():
        label = f"{layers}: order {float(slopes['mean'].sel(layers=layers)):.3f}"
        panels.curve(ax, rates, errors.sel(layers=layers), marker="o", color=color, ms=4, label=label)
    ax.set(xscale="log", yscale="log", xlabel="step size, in units of 1 / largest curvature")
    ax.set_ylabel("distance from the flow / its displacement")
    ax.set_xticks(rates, [f"1/{1 / rate:g}" for rate in rates])
    ax.set_yticks([1e-3, 1e-2, 1e-1])
    ax.minorticks_off()
    ax.set_title("descent against gradient flow")
    ax.legend(loc="upper left")


def _drift(dataset: xr.Dataset, settings: str) -> Drawing:
    means = dataset.mean("member")
    drift = band(dataset["moving_recovered"], "head_rate").assign(
        lazy=means["lazy_recovered"], mismatch=means["head_mismatch"]
    )
    title = f"Where the linear theory of the toy stops, n = {drift.attrs['members']} members"
    with panels.figure(title, 12.6, 4.2) as figure:
        left, middle, right = figure.subplots(1, 3)
        _drift_panel(left, drift)
        _noise_panel(middle, dataset.sel(moving="both"))
        linear = over_members(dataset["recovered"]).sel(student="gd")
        _relu_panel(right, band(dataset["relu_recovered"], "n_inputs"), linear)
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
        figure=figure,
        data=drift,
    )


def _drift_panel(ax: Axes, recovered: xr.Dataset) -> None:
    """Draw decoding error against the mean distance between the heads, beside its first-order prediction `lazy`."""
    for moving, (label, color) in MOVING.items():
        line = recovered.sel(moving=moving)
        # One minus the recovered energy: the ends of its interval change places.
        error = 1 - line.rename(low="high", high="low")
        panels.points(ax, line["mismatch"], error, color=color, ms=4.5, lw=1, label=label)
        ax.plot(line["mismatch"], error["lazy"], color=color, lw=1.3)
    ax.plot([], [], color=style.OKABE_ITO["gray"], lw=1.3, label="first order (7.3)")
    ax.set(xlabel="relative distance between the two W2", ylabel="decoding error, 1 is the reference", ylim=(0.5, 1.03))
    ax.set_title("W2 trained as well")
    ax.legend(loc="lower right")


def _noise_panel(ax: Axes, both_trained: xr.Dataset) -> None:
    """Draw the student's change of class logits along and orthogonal to the teacher's."""
    rates = both_trained["head_rate"].values
    x = panels.categories(ax, [f"{rate:g}" for rate in rates])
    for name, label, color in (
        ("signal", "along the teacher's: signal", style.OKABE_ITO["green"]),
        ("noise", "orthogonal to it: noise", style.OKABE_ITO["purple"]),
    ):
        panels.curve(ax, x, band(both_trained[name], "head_rate"), marker="o", color=color, ms=4.5, label=label)
    ax.set(xlabel="rate of W2 / rate of W1", ylabel="student's change / teacher's change", ylim=(0, None))
    ax.set_title("W2 of teacher and student trained")
    ax.legend(loc="upper right")


def _relu_panel(ax: Axes, relu: xr.Dataset, linear: xr.Dataset) -> None:
    x, blue = relu["n_inputs"].values, style.OKABE_ITO["blue"]
    look = {"color": style.OKABE_ITO["vermilion"], "ms": 4.5, "lw": 1.3}
    panels.points(ax, x, relu, "o-", label="ReLU student", **look)
    ax.axhline(float(linear["mean"]), color=blue, lw=1.3, label="linear student")
    ax.axhspan(float(linear["low"]), float(linear["high"]), color=blue, alpha=0.15, lw=0)
    ax.set(xscale="log", xlabel="training inputs", ylabel="recovered energy of the class logits")
    ax.set_xticks(x, x.astype(str))
    ax.minorticks_off()
    ax.set_title("W2 frozen, a ReLU between the layers")
    ax.legend(loc="lower right")
