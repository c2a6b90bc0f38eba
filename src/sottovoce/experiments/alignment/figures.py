"""Students along their training: overlaps with their nulls, accuracy, and fit against transfer at the end."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.alignment import findings
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results, config_of, setting, source_of

_OKABE = style.OKABE_ITO

# Color, dashes and marker; those drawn in one panel differ in more than one of the three.
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
    "gradient_teacher": "gradient and the teacher's way",
    "way_teacher": "way and the teacher's way",
}

TRACED = ("student", "cross_model", "projection", "step_projection")


def overlap_panel(ax: Axes, traces: xr.Dataset, overlap: str) -> None:
    """Draw one overlap along training for the students of `TRACED`, with intervals, and the plain student's null.

    Args:
        ax: where to draw.
        traces: `experiments.alignment.findings.traces`.
        overlap: one of `OVERLAPS`.
    """
    here = traces.sel(overlap=overlap)
    ax.axhline(0, color=_OKABE["gray"], lw=0.8)
    _band(ax, here.sel(student="student"), "cosine_null", "step", "null")
    for name in (name for name in TRACED if name in here["student"]):
        _band(ax, here.sel(student=name), "cosine", "step", name)
    _step_axis(ax)


def accuracy_panel(ax: Axes, traces: xr.Dataset, names: list[str]) -> None:
    """Draw test accuracy along training, with intervals.

    Args:
        ax: where to draw.
        traces: `experiments.alignment.findings.traces`.
        names: students, or the teacher.
    """
    for name in names:
        if name == "teacher":
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
        unit: of the auxiliary loss.
    """
    fit, accuracy = outcomes["auxiliary_loss"], outcomes["accuracy"]
    for name in accuracy["student"].values.tolist():
        color, dashes, marker = NETWORKS[name]
        x, y = fit.sel(student=name), accuracy.sel(student=name)
        errors = [[[float(abs(at["mean"] - at[end]))] for end in ("low", "high")] for at in (x, y)]
        ax.errorbar(
            [float(x["mean"])], [float(y["mean"])], xerr=errors[0], yerr=errors[1], marker=marker, ms=8, color=color,
            mfc="white" if dashes == ":" else color, ls="", lw=1, label=label(name),
        )  # fmt: skip
    ax.axhline(0.1, color=_OKABE["gray"], ls=":", lw=1)
    ax.set(xscale="log", ylim=(0, 1), ylabel="test accuracy at the end")
    ax.set_xlabel(f"auxiliary loss at the end, against the own teacher's clean logits ({unit})")


def label(network: str) -> str:
    """Return a network's name in words."""
    return LABELS.get(network, network)


def draw_traces(traces: xr.Dataset, title: str) -> Figure:
    """Draw overlaps along training, one panel each; the title states dataset and members."""
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
    """Draw accuracy along training, of roles and of interventions if any; the title states dataset and members."""
    names = traces["student"].values.tolist()
    panels = {"roles": ["teacher", *names[:3]]}
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
    """Draw fit against transfer; the title states dataset and members."""
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
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel("training step")


# What the gradient on auxiliary logits does for the class, and what stops transfer.

TITLE = "Alignment along training, and what stops transfer"

INTRO = (
    "To first order a step changes the class loss by its inner product with that loss's gradient. Here it is followed "
    "along the students' training, with and without interventions that might stop transfer."
)

UNITS = {"kl": "nats", "hard": "nats", "mse": "squared logits", "centered_mse": "squared logits"}


def draw_section(results: Results) -> list[Drawing]:
    """Return overlaps and accuracies along training, and fit against transfer."""
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
        alt="Cosines along training, of gradient and of optimizer step with the class loss's descent, of gradient and "
        "of the student's own way with the teacher's, each with its null.",
        caption="Cosines over the trunk; above zero: a step on auxiliary logits lowers the class loss, or goes the "
        "teacher's way, the difference of its trunk before and after its training. Gradient: of the distillation loss "
        f"on auxiliary logits, on {n_probe:,} inputs held apart; step: what the student's optimizer makes of it, "
        f"projection included; class loss: of {n_probe:,} training images. Null of the class loss: labels shuffled; of "
        "the teacher's way: that of another member's teacher. Bands: 95 % for the whole curve. Setting: "
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
        caption="The teacher's steps are those of its own training. Bands: 95 % for the whole curve. "
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
        alt="Scatter of test accuracy at the end against the loss on auxiliary logits at the end, one point per "
        "student.",
        caption="Fit: distillation loss on auxiliary logits against the own teacher's logits as they are, on inputs "
        f"held apart. Projected out {config['projection']:g}; penalty {config['penalty']:g} up to "
        f"{config['penalty_until']:g} of the training; decay {config['decay']:g}; noise {config['target_noise']:g} "
        f"standard deviations; share of the own teacher among two {config['mix']:g}. Controls: projected along class "
        "gradients of shuffled labels. Dotted: chance. Whiskers: 95 % interval over members. Setting: "
        f"{setting(dataset)}.",
        figure=draw_outcomes(ends, UNITS[config["objective"]], f"Fit and transfer: {where}"),
        data=xr.concat(list(ends.values()), dim="quantity").assign_coords(quantity=list(ends)),
    )
