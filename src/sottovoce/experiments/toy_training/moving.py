"""Teachers and students whose heads move: descent against the flow, and what the drift of W2 costs."""

import numpy as np

from sottovoce.experiments.toy_training import students
from sottovoce.experiments.toy_training.config import Config
from sottovoce.experiments.toy_training.draws import Draws, distance, energy, moment, unexplained
from sottovoce.theory import chains

LAYERS = {"trunk": (1.0, 0.0), "trunk and head": (1.0, 1.0)}
# Whose W2 moves, of teacher and student.
MOVING = {"both": (1, 1), "teacher": (1, 0), "student": (0, 1)}
ORDER_STEPS = (8, 16, 32, 64, 128)
ORDER_TIME = 2.0


def step_errors(config: Config, draws: Draws) -> np.ndarray:
    """Return the relative error of descent against the flow at one time, by member, layers and rate."""
    Z = draws.head[..., -config.n_aux :]
    start, target, S = [draws.start, Z], draws.trunk @ Z, moment(draws.x)
    gradient = students.chain_gradient(draws.x, target)
    errors = np.empty((len(Z), len(LAYERS), len(ORDER_STEPS)))
    for i, rates in enumerate(LAYERS.values()):
        # Each draw has its own unit of time, one over its largest curvature.
        unit = 1 / chains.curvature_bound(start, rates, S)[..., None, None]
        flow = _flow(start, target, rates, S * unit)
        way = distance(flow, start)
        for j, steps in enumerate(ORDER_STEPS):
            ends = students.descend(start, gradient, [r * unit * ORDER_TIME / steps for r in rates], steps)
            errors[:, i, j] = distance(ends, flow) / way
    return errors


def _flow(
    start: list[np.ndarray], target: np.ndarray, rates: tuple[float, ...], second_moment: np.ndarray
) -> list[np.ndarray]:
    """Integrate the flow of each member alone, so that its steps do not depend on its company."""
    ends = [
        chains.flow([layer[i] for layer in start], target[i], ORDER_TIME, rates, second_moment[i])
        for i in range(len(target))
    ]
    return [np.stack(layers) for layers in zip(*ends, strict=True)]


def drift(config: Config, draws: Draws) -> dict[str, np.ndarray]:
    """Train teacher and student from one reference, the W2 of both, or of one of them, moving at each of the rates.

    Returns:
        Variables of `toy_training.simulate` by member, moving and head_rate.
    """
    C_0 = draws.head[..., : config.n_class]
    pairs = [[(rate * teacher, rate * student) for rate in config.head_rates] for teacher, student in MOVING.values()]
    teachers = {
        rate: _descend_both(config, draws.x, draws.start, C_0, draws.task, rate)
        for rate in {teacher for row in pairs for teacher, _ in row}
    }
    # At rate 0 it does not matter whose W2 would have moved.
    ends = {
        pair: _drift_at(config, draws, teachers[pair[0]], pair[1]) for pair in {pair for row in pairs for pair in row}
    }
    return {
        name: np.moveaxis(np.array([[ends[pair][name] for pair in row] for row in pairs]), -1, 0)
        for name in next(iter(ends.values()))
    }


def _drift_at(config: Config, draws: Draws, teacher: list[np.ndarray], head_rate: float) -> dict[str, np.ndarray]:
    """Distill one student of a trained teacher, with the auxiliary columns moving at a rate."""
    (W1, C), W1_0, seen = teacher, draws.start, draws.evaluation
    C_0, Z_0 = draws.head[..., : config.n_class], draws.head[..., -config.n_aux :]
    student, Z = _descend_both(config, draws.x, W1_0, Z_0, W1 @ Z_0, head_rate)
    lazy = chains.lazy_end([W1_0, Z_0], W1 @ Z_0, (1.0, head_rate))[0]
    first, last, decoded = seen @ W1_0 @ C_0, seen @ W1 @ C, seen @ student @ C_0
    learned, taught = decoded - first, last - first
    signal = (learned * taught).sum(axis=(1, 2, 3)) / energy(taught)
    across = learned - signal[:, None, None, None] * taught
    return {
        "moving_recovered": 1 - unexplained(first, last, decoded),
        "lazy_recovered": 1 - unexplained(first, last, seen @ lazy @ C_0),
        "signal": signal,
        "noise": (energy(across) / energy(taught)) ** 0.5,
        "student_drift": distance([Z], [Z_0]) / distance([Z_0], [0 * Z_0]),
        "teacher_drift": distance([C], [C_0]) / distance([C_0], [0 * C_0]),
        "head_mismatch": distance([C, Z], [C_0, Z_0]) / distance([C_0, Z_0], [0 * C_0, 0 * Z_0]),
        "moving_misfit": unexplained(seen @ W1_0 @ Z_0, seen @ W1 @ Z_0, seen @ student @ Z),
    }


def _descend_both(
    config: Config, x: np.ndarray, W1: np.ndarray, head: np.ndarray, target: np.ndarray, head_rate: float
) -> list[np.ndarray]:
    """Return trunk and columns of a head after descent, the columns at a multiple of the trunk's rate."""
    rates = (1.0, head_rate)
    rate = students.SHARE_OF_RATE * config.rate
    step = (rate / chains.curvature_bound([W1, head], rates, moment(x)))[..., None, None]
    return students.descend(
        [W1, head], students.chain_gradient(x, target), [step * rate for rate in rates], config.steps
    )
