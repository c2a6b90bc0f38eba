"""Training of the toy's students step by step, vectorized over members and draws, in NumPy.

All arrays have the leading axes (member, draw); the draws of a member share its samples, (member, 1, sample, input).
The loss is half the squared error summed over logits, or the Kullback-Leibler divergence, averaged over samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sottovoce.theory import chains

# From the layers and the number of the step: one gradient per layer.
Gradient = Callable[[list[np.ndarray], int], list[np.ndarray]]
# Softmax has curvature at most 1/2 where squared error has 1 (docs/theory.md, equation 3.4).
CURVATURE = {"mse": 1.0, "kl": 0.5}
# Where several layers are trained the curvature grows in training, so descent takes this share of the rate.
SHARE_OF_RATE = 0.5
# Adam's defaults.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Recipe:
    """One way to train a student whose teacher has the same W2.

    Attributes:
        optimizer: gd (all samples), sgd (batches) or adam (batches).
        start: shared (the reference's trunk) or zero.
        objective: mse or kl.
        activation: linear or relu, between trunk and heads.
        depth: layers of the trunk, all of which are trained.
        moves_head: whether the distilled columns of W2 are trained as well, at the trunk's rate.
        one_logit: whether only the last auxiliary logit is distilled.
    """

    optimizer: str = "gd"
    start: str = "shared"
    objective: str = "mse"
    activation: str = "linear"
    depth: int = 1
    moves_head: bool = False
    one_logit: bool = False


RECIPES = {
    "gd": Recipe(),
    "gd from zero": Recipe(start="zero"),
    "sgd": Recipe(optimizer="sgd"),
    "gd, kl": Recipe(objective="kl"),
    "adam": Recipe(optimizer="adam"),
    "adam from zero": Recipe(optimizer="adam", start="zero"),
    "adam, one logit": Recipe(optimizer="adam", one_logit=True),
    "gd, W2 moves": Recipe(moves_head=True),
    "gd from zero, W2 moves": Recipe(start="zero", moves_head=True),
    "sgd, W2 moves": Recipe(optimizer="sgd", moves_head=True),
    "adam, W2 moves": Recipe(optimizer="adam", moves_head=True),
    "gd, deep trunk": Recipe(depth=2),
    "gd, relu": Recipe(activation="relu"),
}


def class_logits(trunk: Sequence[np.ndarray], head: np.ndarray, x: np.ndarray, activation: str) -> np.ndarray:
    """Return the logits of a head on top of a trunk, (member, draw, sample, logit)."""
    hidden = x @ chains.product(trunk)
    return (np.maximum(hidden, 0.0) if activation == "relu" else hidden) @ head


def linear_gradient(x: np.ndarray, target: np.ndarray, objective: str = "mse") -> Gradient:
    """Return the gradient of a deep linear network on all samples.

    Args:
        x: samples, (member, 1, sample, input).
        target: the linear map to fit, (member, draw, input, logit).
        objective: mse or kl.

    Returns:
        A function of the layers; it ignores the step.
    """
    transposed, n = np.swapaxes(x, -2, -1), x.shape[-2]
    if objective == "mse":
        # Under mse the samples enter through their second moment alone, which is computed once and is smaller.
        moment = transposed @ x / n
        return lambda weights, _: chains.gradients(weights, moment @ (chains.product(weights) - target))
    target_probabilities = _softmax(x @ target)
    return lambda weights, _: chains.gradients(
        weights, transposed @ (_softmax(x @ chains.product(weights)) - target_probabilities) / n
    )


def batch_gradient(
    x: np.ndarray, target: np.ndarray, rngs: Sequence[np.random.Generator], batch_size: int, steps: int
) -> Gradient:
    """Return the mse gradient of a deep linear network on batches, drawn afresh at every step for each member.

    Args:
        x: samples, (member, 1, sample, input).
        target: the linear map to fit, (member, draw, input, logit).
        rngs: one generator per member.
        batch_size: samples per step, drawn without replacement within a step.
        steps: number of steps, for each of which one batch is drawn.

    Returns:
        A function of the layers and the step.
    """
    n = x.shape[-2]
    # The places of the smallest uniform numbers of a step are a random subset of the samples.
    rows = np.stack([rng.random((steps, n)).argpartition(batch_size - 1)[:, :batch_size] for rng in rngs])
    # Samples have an axis of draws, of length one; an axis of steps takes its place, along which rows are taken.
    batches = np.take_along_axis(x[:, 0, None], rows[..., None], axis=-2)
    # Under mse a batch enters the gradient only through its second moment, which is small and shared by the draws.
    moments = np.swapaxes(batches, -2, -1) @ batches / batch_size
    return lambda weights, step: chains.gradients(weights, moments[:, step, None] @ (chains.product(weights) - target))


def relu_gradient(x: np.ndarray, target_logits: np.ndarray) -> Gradient:
    """Return the mse gradient of [W1, head] with a ReLU between them, on all samples.

    Args:
        x: samples, (member, 1, sample, input).
        target_logits: the logits to fit, (member, draw, sample, logit).

    Returns:
        A function of the two layers; it ignores the step.
    """
    transposed, n = np.swapaxes(x, -2, -1), x.shape[-2]

    def gradient(weights: list[np.ndarray], _: int) -> list[np.ndarray]:
        trunk, head = weights
        hidden = np.maximum(x @ trunk, 0.0)
        error = (hidden @ head - target_logits) / n
        # Equation 7.5 of docs/theory.md: the open gates of each sample.
        hidden_gradient = (error @ np.swapaxes(head, -2, -1)) * (hidden > 0)
        return [transposed @ hidden_gradient, np.swapaxes(hidden, -2, -1) @ error]

    return gradient


def descend(
    weights: Sequence[np.ndarray], gradient: Gradient, rates: Sequence[np.ndarray | float], steps: int
) -> list[np.ndarray]:
    """Take steps of gradient descent.

    Args:
        weights: the layers at the start.
        gradient: returns the layers' gradients at a step.
        rates: step size by layer, one number or one per draw; a layer of rate 0 is frozen.
        steps: number of steps.

    Returns:
        The layers at the end.
    """
    layers = list(weights)
    for step in range(steps):
        slopes = gradient(layers, step)
        layers = [layer - rate * slope for layer, rate, slope in zip(layers, rates, slopes, strict=True)]
    return layers


def adam(weights: Sequence[np.ndarray], gradient: Gradient, rates: Sequence[float], steps: int) -> list[np.ndarray]:
    """Take steps of Adam at rates that fall linearly to zero.

    Args:
        weights: the layers at the start.
        gradient: returns the layers' gradients at a step.
        rates: step size of the first step by layer; a layer of rate 0 is frozen.
        steps: number of steps.

    Returns:
        The layers at the end.
    """
    layers, moments = list(weights), [(np.zeros_like(weight), np.zeros_like(weight)) for weight in weights]
    for step in range(steps):
        slopes = gradient(layers, step)
        for i, rate in enumerate(rates):
            if rate:
                mean = BETA_1 * moments[i][0] + (1 - BETA_1) * slopes[i]
                square = BETA_2 * moments[i][1] + (1 - BETA_2) * slopes[i] ** 2
                moments[i] = mean, square
                # Both running means start at zero, so each is divided by the total weight of its gradients.
                size = np.sqrt(square / (1 - BETA_2 ** (step + 1))) + EPSILON
                layers[i] = layers[i] - rate * (1 - step / steps) * mean / (1 - BETA_1 ** (step + 1)) / size
    return layers


def _softmax(logits: np.ndarray) -> np.ndarray:
    # The largest logit is subtracted, so that no exponential overflows.
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
