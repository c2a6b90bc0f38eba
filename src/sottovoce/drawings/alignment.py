"""What the gradient on auxiliary logits does for the class, and what stops transfer."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import alignment
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting, source_of

TITLE = "Alignment along training, and what stops transfer"
INTRO = (
    "To first order a step changes the class loss by its inner product with that loss's gradient. Here it is followed "
    "along the students' training, with and without interventions that might stop transfer."
)
UNITS = {"kl": "nats", "hard": "nats", "mse": "squared logits", "centered_mse": "squared logits"}


def draw(results: Results) -> list[Drawing]:
    """Return overlaps and accuracies along training, and fit against transfer."""
    if "alignment" not in results:
        return []
    dataset = results["alignment"]
    traces = alignment.traces(dataset)
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
        figure=figures.alignment.draw_traces(traces, f"Alignment: {where}"),
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
        figure=figures.alignment.draw_accuracy(traces, f"Accuracy along training: {where}"),
        data=traces[names],
        hover=True,
    )


def _outcomes(dataset: xr.Dataset, where: str) -> Drawing:
    config = config_of(dataset)
    ends = alignment.outcomes(dataset)
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
        figure=figures.alignment.draw_outcomes(ends, UNITS[config["objective"]], f"Fit and transfer: {where}"),
        data=xr.concat(list(ends.values()), dim="quantity").assign_coords(quantity=list(ends)),
    )
