"""Figures of students along their training: overlaps with their nulls, accuracy, and final fit against transfer."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.alignment import findings
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting, source_of

_OKABE = style.OKABE_ITO

# Color, dashes and marker. Networks drawn in one panel differ in more than one of the three, so that they can be told
# apart without color.
NETWORKS = {
    "teacher": (style.ROLES["teacher"], "-.", ""),
    "student": (_OKABE["blue"], "-", "o"),
    "student_all": (_OKABE["sky"], "-", "s"),
    "cross_model": (_OKABE["vermilion"], "-", "X"),
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

LABELS = {
    "null": "student, null",
    "student_all": "student, all logits",
    "cross_model": "cross-model",
    "projection_control": "projection, control",
    "step_projection": "step projection",
    "step_projection_control": "step projection, control",
    "noisy_targets": "noisy targets",
    "two_teachers": "two teachers",
}

OVERLAPS = {
    "gradient_class": "gradient and class loss",
    "step_class": "step and class loss",
    "gradient_teacher": "gradient and the teacher's displacement",
    "way_teacher": "student's and teacher's displacement",
}

# The other students' curves would hide these: each panel shows the plain student, one that no transfer is expected of,
# and one projection of each kind.
TRACED = ("student", "cross_model", "projection", "step_projection")


def overlap_panel(ax: Axes, traces: xr.Dataset, overlap: str) -> None:
    """Draw one overlap along training for the students of `TRACED`, with intervals, and the plain student's null.

    Args:
        ax: where to draw.
        traces: `experiments.alignment.findings.traces`.
        overlap: one of `OVERLAPS`.
    """
    selected = traces.sel(overlap=overlap)
    ax.axhline(0, color=_OKABE["gray"], lw=0.8)
    _band(ax, selected.sel(student="student"), "cosine_null", "step", "null")
    # A run may have been made without some of the interventions.
    for name in (name for name in TRACED if name in selected["student"]):
        _band(ax, selected.sel(student=name), "cosine", "step", name)
    _step_axis(ax)


def accuracy_panel(ax: Axes, traces: xr.Dataset, names: list[str]) -> None:
    """Draw test accuracy along training, with intervals.

    Args:
        ax: where to draw.
        traces: `experiments.alignment.findings.traces`.
        names: roles to draw: "teacher" or students.
    """
    for name in names:
        if name == "teacher":
            # The teacher has steps of its own, for it is trained on another number of samples.
            _band(ax, traces, "teacher_accuracy", "teacher_step", name)
        else:
            _band(ax, traces.sel(student=name), "student_accuracy", "step", name)
    _step_axis(ax)
    ax.set_ylim(bottom=0)
    # Below the axes: nine lines leave no corner free.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, fontsize=8)


def outcome_panel(ax: Axes, outcomes: dict[str, xr.Dataset], unit: str) -> None:
    """Draw each student's accuracy at the end against its fit of the auxiliary logits, with intervals.

    Args:
        ax: where to draw.
        outcomes: `experiments.alignment.findings.outcomes`.
        unit: unit of the auxiliary loss.
    """
    fit, accuracy = outcomes["auxiliary_loss"], outcomes["accuracy"]
    for name in accuracy["student"].values.tolist():
        color, dashes, marker = NETWORKS[name]
        x, y = fit.sel(student=name), accuracy.sel(student=name)
        errors = [[[float(abs(value["mean"] - value[end]))] for end in ("low", "high")] for value in (x, y)]
        ax.errorbar(
            [float(x["mean"])], [float(y["mean"])], xerr=errors[0], yerr=errors[1], marker=marker, ms=8, color=color,
            mfc="white" if dashes == ":" else color, ls="", lw=1, label=label(name),
        )  # fmt: skip
    ax.axhline(0.1, color=_OKABE["gray"], ls=":", lw=1)
    ax.set(xscale="log", ylim=(0, 1), ylabel="test accuracy at the end")
    ax.set_xlabel(f"auxiliary loss at the end, against the own teacher's clean logits ({unit})")


def label(network: str) -> str:
    """Return a network's name as legends show it."""
    return LABELS.get(network, network)


def draw_traces(traces: xr.Dataset, title: str) -> Figure:
    """Draw one panel per overlap along training; the title states dataset and members."""
    with style.context():
        figure, axes = plt.subplots(2, 2, figsize=(9.6, 6.4), sharex=True)
        for ax, (overlap, heading) in zip(axes.ravel(), OVERLAPS.items(), strict=True):
            overlap_panel(ax, traces, overlap)
            ax.set_title(heading)
        for ax in axes[:, 0]:
            ax.set_ylabel("cosine over the trunk")
        for ax in axes[0]:
            ax.set_xlabel("")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.suptitle(title)
    return figure


def draw_accuracy(traces: xr.Dataset, title: str) -> Figure:
    """Draw accuracy along training of the plain students and, beside them, of interventions if there are any.

    Args:
        traces: `experiments.alignment.findings.traces`.
        title: states dataset and members.
    """
    names = traces["student"].values.tolist()
    # Students are in the order of `Config.roles`: the three plain ones come first.
    panels = {"roles": ["teacher", *names[:3]]}
    # The plain student is drawn again among the interventions, whose effect is the distance from its curve.
    if interventions := names[3:]:
        panels["interventions"] = ["student", *interventions]
    with style.context():
        figure, axes = plt.subplots(1, len(panels), figsize=(1 + 4.7 * len(panels), 4.8), squeeze=False)
        for ax, (heading, shown) in zip(axes[0], panels.items(), strict=True):
            accuracy_panel(ax, traces, shown)
            ax.set_title(heading)
        axes[0, 0].set_ylabel("test accuracy")
        figure.suptitle(title)
    return figure


def draw_outcomes(outcomes: dict[str, xr.Dataset], unit: str, title: str) -> Figure:
    """Draw final accuracy against final fit of the auxiliary logits; the title states dataset and members."""
    with style.context():
        figure, ax = plt.subplots(figsize=(8.4, 4.6))
        outcome_panel(ax, outcomes, unit)
        figure.legend(loc="outside right center")
        figure.suptitle(title)
    return figure


def _band(ax: Axes, traces: xr.Dataset, variable: str, dim: str, network: str) -> None:
    color, dashes, _ = NETWORKS[network]
    x = traces[dim].values
    # The student's line is wide, to be seen under those that coincide with it.
    ax.plot(x, traces[variable], color=color, ls=dashes, lw=3 if network == "student" else 1.3, label=label(network))
    ax.fill_between(x, traces[f"{variable}_low"], traces[f"{variable}_high"], color=color, alpha=0.1, lw=0)


def _step_axis(ax: Axes) -> None:
    # Checkpoints are powers of two, but the first is step 0, which a logarithmic axis cannot show.
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel("training step")


TITLE = "Alignment along training, and what stops transfer"

INTRO = (
    "To first order a training step changes the class loss by the inner product of the step with that loss's gradient. "
    "This inner product is followed along the students' training, with and without interventions that might stop "
    "transfer."
)

# Losses of different objectives have different units, and are compared only within one objective.
UNITS = {"kl": "nats", "hard": "nats", "mse": "squared logits", "centered_mse": "squared logits"}


def draw_section(results: Results) -> list[Drawing]:
    """Return the figures of overlaps and of accuracies along training, and of fit against transfer."""
    if "alignment" not in results:
        return []
    dataset = results["alignment"]
    traces = findings.traces(dataset)
    where = f"{source_of(dataset)}, n = {traces.attrs['members']} members"
    return [_overlaps(dataset, traces, where), _accuracy(dataset, traces, where), _outcomes(dataset, where)]


def _overlaps(dataset: xr.Dataset, traces: xr.Dataset, where: str) -> Drawing:
    n_probe = config_of(dataset)["n_probe"]
    return Drawing(
        key="alignment",
        title="Overlaps along training",
        alt="Cosines along training, each with its null: of gradient and of optimizer step with the descent direction "
        "of the class loss, and of gradient and of the student's displacement with the teacher's displacement.",
        caption="Cosines over the trunk. A value above zero means that a step on auxiliary logits lowers the class "
        "loss, or moves along the teacher's displacement (its trunk after training minus before). Gradient: descent "
        f"direction of the distillation loss on auxiliary logits, on {n_probe:,} held-out inputs. Step: what the "
        "student's optimizer makes of this gradient, projection included. Class loss: measured on "
        f"{n_probe:,} training images. Null of the class loss: labels shuffled. Null of the teacher's displacement: "
        "the displacement of another member's teacher. Bands: 95 % for the whole curve. Setting: "
        f"{setting(dataset)}.",
        figure=draw_traces(traces, f"Alignment: {where}"),
        data=traces.drop_dims("teacher_step"),
        hover=True,
    )


def _accuracy(dataset: xr.Dataset, traces: xr.Dataset, where: str) -> Drawing:
    names = [name for name in traces if str(name).startswith("student_accuracy")]
    return Drawing(
        key="alignment_accuracy",
        title="Accuracy along training",
        alt="Test accuracy against training step for teacher, students and cross-model, and for every intervention.",
        caption="The teacher's curve is over the steps of its own training. Bands: 95 % for the whole curve. "
        f"Setting: {setting(dataset)}.",
        figure=draw_accuracy(traces, f"Accuracy along training: {where}"),
        data=traces[names],
        hover=True,
    )


def _outcomes(dataset: xr.Dataset, where: str) -> Drawing:
    config = config_of(dataset)
    ends = findings.outcomes(dataset)
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
        "members. Setting: "
        f"{setting(dataset)}.",
        figure=draw_outcomes(ends, UNITS[config["objective"]], f"Fit and transfer: {where}"),
        data=xr.concat(list(ends.values()), dim="quantity").assign_coords(quantity=list(ends)),
    )
