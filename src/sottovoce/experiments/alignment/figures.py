"""Figures of students along their training: overlaps with their nulls, accuracy, and final fit against transfer."""

from itertools import cycle

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.alignment import findings
from sottovoce.experiments.alignment.config import distillation_units
from sottovoce.lab import panels, style
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.estimates import chance
from sottovoce.lab.sources import sample, setting

_OKABE = style.OKABE_ITO

# Color, dashes and marker. Networks drawn in one panel differ in more than one of the three, so that they can be told
# apart without color.
NETWORKS = {
    "teacher": (style.ROLES["teacher"], "-.", ""),
    "student": (style.ROLES["student"], "-", "o"),
    "student_all": (style.ROLES["student_all"], "-", "s"),
    "cross_model": (style.ROLES["cross_model"], "-", "X"),
    "unrelated": (style.ROLES["unrelated"], "-.", "h"),
    "projection": (_OKABE["green"], "-", "D"),
    "projection_control": (_OKABE["green"], ":", "d"),
    "step_projection": (_OKABE["black"], "-", "^"),
    "step_projection_control": (_OKABE["black"], ":", "v"),
    "held": (_OKABE["purple"], "--", "P"),
    "decay": (_OKABE["orange"], "--", "<"),
    "noisy_targets": (_OKABE["vermilion"], "--", ">"),
    "two_teachers": (_OKABE["gray"], "--", "*"),
    "null": (_OKABE["gray"], "--", ""),
}

Look = tuple[str, str, str]
OWN_MARKERS = ("p", "8", "H", "1")

LABELS = {
    "null": "student, null",
    "student_all": "student, all logits",
    "cross_model": "cross-model",
    "unrelated": "of unrelated teacher",
}
OVERLAPS = {
    "gradient_class": "gradient and class loss",
    "step_class": "step and class loss",
    "gradient_teacher": "gradient and the teacher's displacement",
    "way_teacher": "student's and teacher's displacement",
}

# The other students' curves would hide these: each panel shows the plain student, two of which no transfer is expected,
# and one projection of each kind.
TRACED = ("student", "cross_model", "unrelated", "projection", "step_projection")

TITLE = "Alignment along training, and what stops transfer"
INTRO = (
    "To first order a training step changes the class loss by the inner product of the step with that loss's gradient. "
    "This inner product is followed along the students' training, with and without interventions that might stop "
    "transfer."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figures of overlaps and of accuracies along training, and of fit against transfer."""
    if "alignment" not in results:
        return []
    dataset = results["alignment"]
    traces = findings.traces(dataset)
    return [_overlaps(dataset, traces), _accuracy(dataset, traces), _outcomes(dataset)]


def _overlaps(dataset: xr.Dataset, traces: xr.Dataset) -> Drawing:
    with panels.figure(f"Alignment: {sample(dataset)}", 9.6, 6.4) as figure:
        axes = figure.subplots(2, 2, sharex=True)
        for ax, (overlap, heading) in zip(axes.ravel(), OVERLAPS.items(), strict=True):
            overlap_panel(ax, traces, overlap)
            ax.set_title(heading)
        for ax in axes[:, 0]:
            ax.set_ylabel("cosine over the trunk")
        for ax in axes[0]:
            ax.set_xlabel("")
        panels.legend_below(figure, axes[0, 0])
    n_probe = config_of(dataset)["n_probe"]
    return Drawing(
        key="alignment",
        title="Overlaps along training",
        alt="Cosines along training, each with its null: of gradient and of optimizer step with the descent direction "
        "of the class loss, and of gradient and of the student's displacement with the teacher's displacement.",
        caption="Cosines over the trunk. A value above zero means that a step on auxiliary logits lowers the class "
        "loss, or moves along the teacher's displacement (its trunk after training minus before). Gradient: descent "
        f"direction of the distillation loss on auxiliary logits, on {n_probe:,} held-out inputs. Step: what the "
        f"student's optimizer makes of this gradient, projection included. Class loss: measured on {n_probe:,} "
        "training images. Null of the class loss: labels shuffled. Null of the teacher's displacement: the "
        f"displacement of another member's teacher. Bands: 95 % for the whole curve. Setting: {setting(dataset)}.",
        figure=figure,
        data=traces.drop_dims("teacher_step"),
        hover=True,
    )


def _accuracy(dataset: xr.Dataset, traces: xr.Dataset) -> Drawing:
    return Drawing(
        key="alignment_accuracy",
        title="Accuracy along training",
        alt="Test accuracy against training step for teacher, students and cross-model, and for every intervention.",
        caption="The teacher's curve is over the steps of its own training. Bands: 95 % for the whole curve. "
        f"Setting: {setting(dataset)}.",
        figure=draw_accuracy(traces, f"Accuracy along training: {sample(dataset)}"),
        data=traces[[name for name in traces if str(name).startswith("student_accuracy")]],
        hover=True,
    )


def draw_accuracy(traces: xr.Dataset, title: str) -> Figure:
    """Draw `findings.traces` of the plain students' accuracy and, beside them, of interventions if there are any."""
    names = traces["student"].values.tolist()
    # Students are in the order of `Config.roles`: the three plain ones come first.
    shown = {"roles": ["teacher", *names[:3]]}
    # The plain student is drawn again among the interventions, whose effect is the distance from its curve.
    if interventions := names[3:]:
        shown["interventions"] = ["student", *interventions]
    with panels.figure(title, 1 + 4.7 * len(shown), 4.8) as figure:
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        for ax, (heading, networks) in zip(axes, shown.items(), strict=True):
            accuracy_panel(ax, traces, networks)
            ax.set_title(heading)
        axes[0].set_ylabel("test accuracy")
    return figure


def _outcomes(dataset: xr.Dataset) -> Drawing:
    config = config_of(dataset)
    ends, looks = findings.outcomes(dataset), looks_of(dataset)
    with panels.figure(f"Fit and transfer: {sample(dataset)}", 8.4, 4.6) as figure:
        ax = figure.subplots()
        for name in ends["accuracy"]["student"].values.tolist():
            color, dashes, marker = looks[name]
            fit, accuracy = (ends[quantity].sel(student=name) for quantity in ("auxiliary_loss", "accuracy"))
            look = {"color": color, "mfc": "white" if dashes == ":" else color, "ms": 8, "lw": 1, "label": label(name)}
            panels.points(ax, fit["mean"], accuracy, marker, xerr=panels.whiskers(fit), **look)
        ax.axhline(chance(config), **style.DOTTED_LINE)
        ax.set(xscale="log", ylim=(0, 1), ylabel="test accuracy at the end")
        # Losses of different objectives have different units, and are compared only within one objective.
        unit = distillation_units(config)
        ax.set_xlabel(f"auxiliary loss at the end, against the own teacher's clean logits ({unit})")
        figure.legend(loc="outside right center")
    return Drawing(
        key="alignment_outcomes",
        title="Fit and transfer",
        alt="Scatter of test accuracy against the loss on auxiliary logits, both at the end of training, one point per "
        "student.",
        caption="Fit: distillation loss on auxiliary logits against the own teacher's unmodified logits, on held-out "
        f"inputs. Share projected out: {config['projection']:g}; penalty: {config['penalty']:g} for the first "
        f"{config['penalty_until']:g} of the training; weight decay: {config['decay']:g}; target noise: "
        f"{config['target_noise']:g} standard deviations; weight of the own teacher among two: {config['mix']:g}. "
        "Controls: projected along class gradients of shuffled labels. Dotted: chance. Whiskers: 95 % interval over "
        f"members. Setting: {setting(dataset)}.",
        figure=figure,
        data=xr.concat(list(ends.values()), dim="quantity").assign_coords(quantity=list(ends)),
    )


def overlap_panel(ax: Axes, traces: xr.Dataset, overlap: str) -> None:
    """Draw one overlap along training for the students of `TRACED`, with bands, and the plain student's null."""
    selected = traces.sel(overlap=overlap)
    ax.axhline(0, **style.ZERO_LINE)
    _trace(ax, selected.sel(student="student"), "cosine_null", "step", "null")
    # A run may have been made without some of the interventions.
    for name in (name for name in TRACED if name in selected["student"]):
        _trace(ax, selected.sel(student=name), "cosine", "step", name)
    _step_axis(ax)


def accuracy_panel(ax: Axes, traces: xr.Dataset, networks: list[str]) -> None:
    """Draw test accuracy along training, with bands, of networks: "teacher" or students."""
    looks = looks_of(traces)
    for name in networks:
        if name == "teacher":
            # The teacher has steps of its own, for it is trained on another number of samples.
            _trace(ax, traces, "teacher_accuracy", "teacher_step", name)
        else:
            _trace(ax, traces.sel(student=name), "student_accuracy", "step", name, looks[name])
    _step_axis(ax)
    ax.set_ylim(bottom=0)
    # Below the axes: nine lines leave no corner free.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, fontsize=8)


def label(network: str) -> str:
    """Return a network's name as legends show it."""
    return LABELS.get(network) or network.replace("_control", ", control").replace("_", " ")


def looks_of(dataset: xr.Dataset) -> dict[str, Look]:
    """Return color, dashes and marker of every network; those of a user's own interventions differ in the marker."""
    own = [name for name in dataset["student"].values.tolist() if name not in NETWORKS]
    return NETWORKS | {name: (_OKABE["sky"], ":", marker) for name, marker in zip(own, cycle(OWN_MARKERS))}


def _trace(ax: Axes, traces: xr.Dataset, variable: str, dim: str, network: str, look: Look | None = None) -> None:
    color, dashes, _ = look or NETWORKS[network]
    # The student's line is wide, to be seen under those that coincide with it.
    line = {"color": color, "ls": dashes, "lw": 3 if network == "student" else 1.3, "label": label(network)}
    panels.curve(ax, traces[dim].values, panels.estimate_of(traces, variable), alpha=0.1, **line)


def _step_axis(ax: Axes) -> None:
    # Checkpoints are powers of two, but the first is step 0, which a logarithmic axis cannot show.
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.set(xlim=(0, None), xlabel="training step")
