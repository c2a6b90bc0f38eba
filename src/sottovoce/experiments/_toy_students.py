"""Training of the toy's students step by step, all members and draws side by side, in NumPy.

Arrays carry the axes (member, draw) first; the samples of a member, (member, 1, sample, input), are shared by its
draws. The loss is half the squared error summed over logits, or the Kullback-Leibler divergence, averaged over samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sottovoce.theory import chains

# What training asks for at every step: one gradient per layer.
Gradient = Callable[[list[np.ndarray], int], list[np.ndarray]]
# Softmax has curvature at most 1/2 where squared error has 1.
CURVATURE = {"mse": 1.0, "kl": 0.5}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Recipe:
    """One way to train a student whose heads are kept.

    Attributes:
        optimizer: gd (all samples), sgd (batches) or adam (batches).
        start: shared (the reference's trunk) or zero.
        objective: mse or kl.
        activation: linear or relu, between trunk and heads.
        depth: layers of the trunk, all of which move.
        one_logit: whether only the last auxiliary logit is distilled.
    """

    optimizer: str = "gd"
    start: str = "shared"
    objective: str = "mse"
    activation: str = "linear"
    depth: int = 1
    one_logit: bool = False


RECIPES = {
    "gd": Recipe(),
    "gd from zero": Recipe(start="zero"),
    "sgd": Recipe(optimizer="sgd"),
    "gd, kl": Recipe(objective="kl"),
    "adam": Recipe(optimizer="adam"),
    "adam, one logit": Recipe(optimizer="adam", one_logit=True),
    "gd, relu": Recipe(activation="relu"),
    "gd, deep trunk": Recipe(depth=2),
}


def class_logits(trunk: Sequence[np.ndarray], head: np.ndarray, x: np.ndarray, activation: str) -> np.ndarray:
    """Return the outputs of a head over a trunk, (member, draw, sample, logit)."""
    hidden = x @ chains.product(trunk)
    return (np.maximum(hidden, 0.0) if activation == "relu" else hidden) @ head


def chain_gradient(x: np.ndarray, target: np.ndarray, objective: str = "mse") -> Gradient:
    """Return the gradient of a linear chain on all samples.

    Args:
        x: samples.
        target: the map to fit.
        objective: mse or kl.

    Returns:
        A function of the layers.
    """
    transposed, n = np.swapaxes(x, -2, -1), x.shape[-2]
    if objective == "mse":
        moment = transposed @ x / n
        return lambda weights, _: chains.gradients(weights, moment @ (chains.product(weights) - target))
    wanted = _softmax(x @ target)
    return lambda weights, _: chains.gradients(
        weights, transposed @ (_softmax(x @ chains.product(weights)) - wanted) / n
    )


def batch_gradient(
    x: np.ndarray, target: np.ndarray, rngs: Sequence[np.random.Generator], batch_size: int, steps: int
) -> Gradient:
    """Return the mse gradient of a linear chain on a batch of samples, drawn afresh at every step for each member.

    Args:
        x: samples.
        target: the map to fit.
        rngs: one source of randomness per member.
        batch_size: samples per step, without repetition within a step.
        steps: how many batches will be asked for.

    Returns:
        A function of the layers and the step.
    """
    n = x.shape[-2]
    rows = np.stack([rng.random((steps, n)).argpartition(batch_size - 1)[:, :batch_size] for rng in rngs])
    batches = np.take_along_axis(x[:, 0, None], rows[..., None], axis=-2)
    moments = np.swapaxes(batches, -2, -1) @ batches / batch_size
    return lambda weights, step: chains.gradients(weights, moments[:, step, None] @ (chains.product(weights) - target))


def relu_gradient(x: np.ndarray, wanted: np.ndarray) -> Gradient:
    """Return the mse gradient of [W1, head] with a ReLU between, on all samples.

    Args:
        x: samples.
        wanted: the logits to fit.

    Returns:
        A function of the two layers.
    """
    transposed, n = np.swapaxes(x, -2, -1), x.shape[-2]

    def gradient(weights: list[np.ndarray], _: int) -> list[np.ndarray]:
        trunk, head = weights
        hidden = np.maximum(x @ trunk, 0.0)
        error = (hidden @ head - wanted) / n
        of_hidden = (error @ np.swapaxes(head, -2, -1)) * (hidden > 0)
        return [transposed @ of_hidden, np.swapaxes(hidden, -2, -1) @ error]

    return gradient


def descend(
    weights: Sequence[np.ndarray], gradient: Gradient, rates: Sequence[np.ndarray | float], steps: int
) -> list[np.ndarray]:
    """Take steps of gradient descent.

    Args:
        weights: the layers at the start.
        gradient: their gradients at a step.
        rates: step size by layer, in one number or by draw; a layer of rate 0 is kept.
        steps: how many.

    Returns:
        The layers at the end.
    """
    layers = list(weights)
    for step in range(steps):
        slopes = gradient(layers, step)
        layers = [layer - rate * slope for layer, rate, slope in zip(layers, rates, slopes, strict=True)]
    return layers


def adam(trunk: np.ndarray, head: np.ndarray, gradient: Gradient, rate: float, steps: int) -> np.ndarray:
    """Take steps of Adam on the trunk alone, at a rate that falls in a straight line to zero.

    Args:
        trunk: W1 at the start.
        head: the distilled columns, kept.
        gradient: gradients of both layers at a step.
        rate: step size of the first step.
        steps: how many.

    Returns:
        W1 at the end.
    """
    mean, square = np.zeros_like(trunk), np.zeros_like(trunk)
    for step in range(steps):
        slope = gradient([trunk, head], step)[0]
        mean = BETA_1 * mean + (1 - BETA_1) * slope
        square = BETA_2 * square + (1 - BETA_2) * slope**2
        size = np.sqrt(square / (1 - BETA_2 ** (step + 1))) + EPSILON
        trunk = trunk - rate * (1 - step / steps) * mean / (1 - BETA_1 ** (step + 1)) / size
    return trunk


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
