r"""Chains of linear layers that all move: gradients, integrated flow, and the end of training to first order.

A chain is a list of weights ``[W_1, ..., W_L]`` with product ``W_1 ... W_L``, the map from inputs to the distilled
logits: the student of the post with both layers moving is ``[W1, Z]``, a deep one ``[W_1, ..., W_{L-1}, Z]``. The loss
is half the squared error to a target map, summed over logits and averaged over inputs of second moment S. Every layer
has its own rate, a multiple of the common one; at rate 0 it is kept. All weights carry the same leading (batch) axes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from sottovoce.errors import UsageError

Weights = Sequence[Float[np.ndarray, "... _ _"]]
RELATIVE_TOLERANCE = 1e-10
ABSOLUTE_TOLERANCE = 1e-12
RANK_TOLERANCE = 1e-12


def product(weights: Weights) -> Float[np.ndarray, "... d_in n_out"]:
    """Return the map of a chain, ``W_1 ... W_L``.

    Args:
        weights: one matrix per layer.

    Returns:
        The end-to-end map.
    """
    whole = weights[0]
    for weight in weights[1:]:
        whole = whole @ weight
    return whole


def gradients(weights: Weights, of_product: Float[np.ndarray, "... d_in n_out"]) -> list[np.ndarray]:
    r"""Return the gradient of every layer from that of the product (docs/theory.md, equation 7.1).

    ``dL/dW_i = L_i^T G R_i^T`` with G the gradient of the product, L_i the product of the layers before layer i and R_i
    of those after it.

    Args:
        weights: one matrix per layer.
        of_product: gradient of the loss in the end-to-end map.

    Returns:
        One gradient per layer.
    """
    backward = [of_product]
    for weight in reversed(weights[1:]):
        backward.append(backward[-1] @ np.swapaxes(weight, -2, -1))
    backward.reverse()
    before = weights[0]
    layers = [backward[0]]
    for weight, passed in zip(weights[1:], backward[1:], strict=True):
        layers.append(np.swapaxes(before, -2, -1) @ passed)
        before = before @ weight
    return layers


def flow(
    weights: Weights,
    target: Float[np.ndarray, "... d_in n_out"],
    time: float,
    rates: Sequence[float],
    second_moment: Float[np.ndarray, "... d_in d_in"] | None = None,
) -> list[np.ndarray]:
    """Integrate gradient flow of all layers to a time (docs/theory.md, sections 6 and 7).

    By an adaptive Runge-Kutta method of order 8 at a relative tolerance of 1e-10; all draws take the same steps.

    Args:
        weights: the layers at time 0.
        target: the map to fit.
        time: time of the flow, in units of one over a curvature.
        rates: one multiple of the common rate per layer, 0 or more.
        second_moment: S; the identity when None.

    Returns:
        The layers at `time`.

    Raises:
        UsageError: rates do not match the layers, time is negative or not finite, or the integration failed.
    """
    _check_rates(weights, rates)
    if not 0 <= time < np.inf:
        raise UsageError(f"time is {time}; allowed: finite, 0 or more")
    shapes = [weight.shape for weight in weights]
    ends = np.cumsum([weight.size for weight in weights])[:-1]

    def layers(state: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(shape) for part, shape in zip(np.split(state, ends), shapes, strict=True)]

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        now = layers(state)
        error = product(now) - target
        steps = gradients(now, error if second_moment is None else second_moment @ error)
        return np.concatenate([-rate * step.ravel() for rate, step in zip(rates, steps, strict=True)])

    start = np.concatenate([np.ravel(weight).astype(np.float64) for weight in weights])
    solution = solve_ivp(
        velocity, (0.0, time), start, method="DOP853", t_eval=[time], rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE
    )
    if not solution.success:
        raise UsageError(f"time {time} was not reached: {solution.message}")
    return layers(solution.y[:, -1])


def lazy_end(weights: Weights, target: Float[np.ndarray, "... d_in n_out"], rates: Sequence[float]) -> list[np.ndarray]:
    r"""Return where the layers end, to first order in the distance of the target (docs/theory.md, equation 7.3).

    Layer i ends at ``W_i + rate_i L_i^T M R_i^T`` where M solves ``sum_i rate_i L_i L_i^T M R_i^T R_i = target -
    product``: for the trunk alone the projector of section 1, for trunk and head a Sylvester equation (6.5). It does
    not depend on the inputs as long as they have full rank.

    Args:
        weights: the layers at the start.
        target: the map to fit.
        rates: one multiple of the common rate per layer, 0 or more.

    Returns:
        The layers at the end; exact if the head alone, or the trunk of a two-layer chain alone, moves.

    Raises:
        UsageError: rates do not match the layers.
    """
    _check_rates(weights, rates)
    d_in, n_out = target.shape[-2:]
    before, after = _sides(weights)
    operator = np.zeros((*target.shape[:-2], d_in * n_out, d_in * n_out))
    for rate, L, R in zip(rates, before, after, strict=True):
        left, right = L @ np.swapaxes(L, -2, -1), np.swapaxes(R, -2, -1) @ R
        operator += rate * np.einsum("...ij,...ab->...iajb", left, right).reshape(operator.shape)
    distance = (target - product(weights)).reshape(*target.shape[:-2], d_in * n_out, 1)
    M = (np.linalg.pinv(operator, rcond=RANK_TOLERANCE, hermitian=True) @ distance).reshape(target.shape)
    return [
        weight + rate * np.swapaxes(L, -2, -1) @ M @ np.swapaxes(R, -2, -1)
        for weight, rate, L, R in zip(weights, rates, before, after, strict=True)
    ]


def curvature_bound(
    weights: Weights, rates: Sequence[float], second_moment: Float[np.ndarray, "... d_in d_in"]
) -> Float[np.ndarray, "..."]:
    r"""Return an upper bound on the largest curvature at the weights, ``|S| sum_i rate_i |L_i|^2 |R_i|^2``.

    Exact for the trunk of a two-layer chain alone.

    Args:
        weights: the layers.
        rates: one multiple of the common rate per layer.
        second_moment: S.

    Returns:
        One bound per draw; gradient descent at the start is stable below 2 over it.
    """
    sides = zip(rates, *_sides(weights), strict=True)
    total = sum(rate * _norm(left) ** 2 * _norm(right) ** 2 for rate, left, right in sides)
    return np.asarray(_norm(second_moment) * total)


def one_logit_shrinkage(
    W1: Float[np.ndarray, "... d_in hidden"], z: Float[np.ndarray, "... hidden 1"], head_rate: float = 1.0
) -> Float[np.ndarray, "..."]:
    r"""Return by how much a moving head shrinks the student that starts at zero, one auxiliary logit (equation 6.4).

    Flow from W1' = 0 ends at ``c W1 P``: on the line of the student with its head kept, shortened by the factor c =
    ``|z| / |z'|`` by which the auxiliary column grew.

    Args:
        W1: the teacher's trunk.
        z: the auxiliary column at the start.
        head_rate: rate of the head as a multiple of the trunk's.

    Returns:
        c, in (0, 1].
    """
    before = np.square(z).sum(axis=(-2, -1))
    wanted = np.square(W1 @ z).sum(axis=(-2, -1))
    after = (before + np.sqrt(before**2 + 4 * head_rate * wanted)) / 2
    return np.asarray(np.sqrt(before / after))


def _sides(weights: Weights) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return for every layer the product of the layers before it and of those after it."""
    before, after = [np.eye(weights[0].shape[-2])], [np.eye(weights[-1].shape[-1])]
    for weight in weights[:-1]:
        before.append(before[-1] @ weight)
    for weight in reversed(weights[1:]):
        after.append(weight @ after[-1])
    return before, after[::-1]


def _norm(matrix: np.ndarray) -> Any:
    """Return the largest singular value."""
    return np.linalg.norm(matrix, 2, axis=(-2, -1))


def _check_rates(weights: Weights, rates: Sequence[float]) -> None:
    """Refuse rates that do not belong to the layers.

    Raises:
        UsageError: too many, too few, or negative ones.
    """
    if len(rates) != len(weights) or min(rates) < 0:
        raise UsageError(f"rates is {tuple(rates)}; allowed: one of 0 or more for each of {len(weights)} layers")
