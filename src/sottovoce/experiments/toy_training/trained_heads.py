"""Teachers and students whose heads are trained: descent against the flow, and what the drift of W2 costs."""

import numpy as np

from sottovoce.experiments.toy_training import students
from sottovoce.experiments.toy_training.config import Config
from sottovoce.experiments.toy_training.draws import Draws, distance, energy, moment, unexplained
from sottovoce.theory import chains

# Learning rates of trunk and head.
LAYERS = {"trunk": (1.0, 0.0), "trunk and head": (1.0, 1.0)}
# Whether the W2 of the teacher and the W2 of the student are trained.
MOVING = {"both": (1, 1), "teacher": (1, 0), "student": (0, 1)}
# Numbers of equal steps in which descent covers the time `ORDER_TIME`.
ORDER_STEPS = (8, 16, 32, 64, 128)
ORDER_TIME = 2.0


def step_errors(config: Config, draws: Draws) -> np.ndarray:
    """Return the relative error of descent against the flow at a fixed time, (member, layers, rate)."""
    Z = draws.head[..., -config.n_aux :]
    start, target, S = [draws.start, Z], draws.trunk @ Z, moment(draws.x)
    gradient = students.linear_gradient(draws.x, target)
    errors = np.empty((len(Z), len(LAYERS), len(ORDER_STEPS)))
    for i, rates in enumerate(LAYERS.values()):
        # Each draw has its own unit of time, one over its largest curvature.
        unit = 1 / chains.curvature_bound(start, rates, S)[..., None, None]
        flow = _flow(start, target, rates, S * unit)
        displacement = distance(flow, start)
        for j, steps in enumerate(ORDER_STEPS):
            ends = students.descend(start, gradient, [r * unit * ORDER_TIME / steps for r in rates], steps)
            errors[:, i, j] = distance(ends, flow) / displacement
    return errors


def _flow(
    start: list[np.ndarray], target: np.ndarray, rates: tuple[float, ...], second_moment: np.ndarray
) -> list[np.ndarray]:
    """Integrate the flow of each member alone, so that the integrator's steps do not depend on the other members."""
    ends = [
        chains.flow([layer[i] for layer in start], target[i], ORDER_TIME, rates, second_moment[i])
        for i in range(len(target))
    ]
    return [np.stack(layers) for layers in zip(*ends, strict=True)]


def drift(config: Config, draws: Draws) -> dict[str, np.ndarray]:
    """Train teacher and student from one reference, with the W2 of both or of one of them trained at each rate.

    Returns:
        Variables of `toy_training.simulate`, each (member, moving, head_rate).
    """
    C_0 = draws.head[..., : config.n_class]
    pairs = [[(rate * teacher, rate * student) for rate in config.head_rates] for teacher, student in MOVING.values()]
    teachers = {
        rate: _train_trunk_and_head(config, draws.x, draws.start, C_0, draws.task, rate)
        for rate in {teacher for row in pairs for teacher, _ in row}
    }
    # Pairs of rates repeat (at rate 0 all three cases are one), and each is trained once.
    results = {
        pair: _distill(config, draws, teachers[pair[0]], pair[1]) for pair in {pair for row in pairs for pair in row}
    }
    # The members' axis, the last of these arrays, goes first, as in every result.
    return {
        name: np.moveaxis(np.array([[results[pair][name] for pair in row] for row in pairs]), -1, 0)
        for name in next(iter(results.values()))
    }


def _distill(config: Config, draws: Draws, teacher: list[np.ndarray], head_rate: float) -> dict[str, np.ndarray]:
    """Distill a trained teacher into one student, whose auxiliary columns are trained at `head_rate`."""
    (W1, C), W1_0, x = teacher, draws.start, draws.evaluation
    C_0, Z_0 = draws.head[..., : config.n_class], draws.head[..., -config.n_aux :]
    student, Z = _train_trunk_and_head(config, draws.x, W1_0, Z_0, W1 @ Z_0, head_rate)
    # The student that is linearized in its weights at the reference (equation 7.3).
    lazy = chains.lazy_end([W1_0, Z_0], W1 @ Z_0, (1.0, head_rate))[0]
    # The student's class columns have no gradient and stay at the reference's, while the teacher's may have drifted.
    reference_logits, teacher_logits, student_logits = x @ W1_0 @ C_0, x @ W1 @ C, x @ student @ C_0
    learned, taught = student_logits - reference_logits, teacher_logits - reference_logits
    signal = (learned * taught).sum(axis=(1, 2, 3)) / energy(taught)
    orthogonal = learned - signal[:, None, None, None] * taught
    return {
        "moving_recovered": 1 - unexplained(reference_logits, teacher_logits, student_logits),
        "lazy_recovered": 1 - unexplained(reference_logits, teacher_logits, x @ lazy @ C_0),
        "signal": signal,
        "noise": (energy(orthogonal) / energy(taught)) ** 0.5,
        # The distance from zeros is the norm over all draws of a member.
        "student_drift": distance([Z], [Z_0]) / distance([Z_0], [0 * Z_0]),
        "teacher_drift": distance([C], [C_0]) / distance([C_0], [0 * C_0]),
        "head_mismatch": distance([C, Z], [C_0, Z_0]) / distance([C_0, Z_0], [0 * C_0, 0 * Z_0]),
        "moving_misfit": unexplained(x @ W1_0 @ Z_0, x @ W1 @ Z_0, x @ student @ Z),
    }


def _train_trunk_and_head(
    config: Config, x: np.ndarray, W1: np.ndarray, head: np.ndarray, target: np.ndarray, head_rate: float
) -> list[np.ndarray]:
    """Return a trunk and columns of a head after descent; `head_rate` is the columns' rate over the trunk's."""
    rates = (1.0, head_rate)
    curvature = chains.curvature_bound([W1, head], rates, moment(x))
    step = (students.SHARE_OF_RATE * config.rate / curvature)[..., None, None]
    return students.descend(
        [W1, head], students.linear_gradient(x, target), [step * rate for rate in rates], config.steps
    )
