"""The random numbers of the experiment `toy_training`, and the distances by which its students are compared.

All arrays have the leading axes (member, draw).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sottovoce.experiments.toy_training.config import Config

MOST_SAMPLES = 128
N_EVALUATION = 256


class Draws(NamedTuple):
    """Random numbers of all members; the weights of a layer have variance 1 / fan_in.

    Attributes:
        start: the references' trunks W1_0, (member, draw, input, hidden).
        trunk: the drawn teachers' trunks W1.
        upper: second layers of deep trunks, reference and teacher, (member, 2, draw, hidden, hidden).
        head: W2 of the references, (member, draw, hidden, logit), class columns first.
        task: the class maps that trained teachers learn, (member, draw, input, logit).
        x: training inputs, (member, 1, sample, input).
        many: a larger set of training inputs, for the ReLU students.
        evaluation: inputs on which networks are compared.
    """

    start: np.ndarray
    trunk: np.ndarray
    upper: np.ndarray
    head: np.ndarray
    task: np.ndarray
    x: np.ndarray
    many: np.ndarray
    evaluation: np.ndarray


def draw(config: Config, members: Sequence[int]) -> Draws:
    """Draw the weights and inputs of the members, each member from its own generator."""
    d_in, hidden, n_logits = config.d_in, config.hidden, config.n_class + config.n_aux
    # Shape and fan-in of each field of `Draws`, in this order. A new field goes last, so that no earlier draw changes.
    fields = (
        ((config.draws, d_in, hidden), d_in),
        ((config.draws, d_in, hidden), d_in),
        ((2, config.draws, hidden, hidden), hidden),
        ((config.draws, hidden, n_logits), hidden),
        ((config.draws, d_in, config.n_class), d_in),
        ((1, config.n_samples, d_in), 1),
        ((1, MOST_SAMPLES, d_in), 1),
        ((1, N_EVALUATION, d_in), 1),
    )
    drawn = []
    for member in members:
        # The batches of training have a generator of their own, with 1 in the place of 0.
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member, 0)))
        drawn.append([rng.standard_normal(shape) / np.sqrt(fan_in) for shape, fan_in in fields])
    return Draws(*(np.stack(parts) for parts in zip(*drawn, strict=True)))


def moment(x: np.ndarray) -> np.ndarray:
    """Return the uncentered second moment of samples, (..., input, input)."""
    return x.swapaxes(-2, -1) @ x / x.shape[-2]


def norm(matrix: np.ndarray) -> np.ndarray:
    """Return the Frobenius norm of each draw's matrix."""
    return np.sqrt(np.square(matrix).sum(axis=(-2, -1)))


def distance(layers: list[np.ndarray], others: list[np.ndarray]) -> np.ndarray:
    """Return each member's distance between two sets of layers over all draws."""
    # All layers and draws are one vector, so that a draw of small displacement does not dominate a relative error.
    parts = [energy(layer - other) for layer, other in zip(layers, others, strict=True)]
    return np.sqrt(np.sum(parts, axis=0))


def energy(values: np.ndarray) -> np.ndarray:
    """Return each member's sum of squares over all draws."""
    return np.square(values).sum(axis=(1, 2, 3))


def unexplained(start: np.ndarray, teacher: np.ndarray, student: np.ndarray) -> np.ndarray:
    """Return each member's squared distance of student and teacher, divided by that of start and teacher."""
    return energy(student - teacher) / energy(start - teacher)
