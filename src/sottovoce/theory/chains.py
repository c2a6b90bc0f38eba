"""Deep linear networks with all layers trained: gradients, integrated gradient flow, first-order end of training.

A deep linear network is given as a list of weights ``[W_1, ..., W_L]``. Their product ``W_1 ... W_L`` is the map from
inputs to the distilled logits: the student of the post with both layers trained is ``[W1, Z]``, a deeper student is
``[W_1, ..., W_{L-1}, Z]``. The loss is half the squared error to a `target` map, summed over logits and averaged over
inputs of second moment S. Every layer has its own learning rate, a multiple of the common rate in `rates`; a layer at
rate 0 is frozen. All weights carry the same leading (batch) axes.

L_i is the product of the layers before layer i, R_i the product of the layers after it.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from sottovoce.errors import UsageError

Weights = Sequence[Float[np.ndarray, "... _ _"]]
Map = Float[np.ndarray, "... d_in n_out"]
Moment = Float[np.ndarray, "... d_in d_in"]
# Tight tolerances of the integrator, because the flow is the reference value that trained networks are compared with.
RELATIVE_TOLERANCE = 1e-10
ABSOLUTE_TOLERANCE = 1e-12
# Smaller eigenvalues of the first-order operator, relative to the largest one, count as zero.
RANK_TOLERANCE = 1e-12


def product(weights: Weights) -> Map:
    """Return the end-to-end map of a deep linear network, ``W_1 ... W_L``."""
    return functools.reduce(np.matmul, weights)


def gradients(weights: Weights, of_product: Map) -> list[np.ndarray]:
    """Return the gradient with respect to every layer, given the gradient with respect to the product.

    ``dL/dW_i = L_i^T G R_i^T`` with G the gradient with respect to the product (docs/theory.md, equation 7.1).
    """
    # Backpropagation keeps the partial products, so that the cost is linear in the number of layers.
    transposed = (np.swapaxes(weight, -2, -1) for weight in reversed(weights[1:]))
    first, *others = reversed([*itertools.accumulate(transposed, np.matmul, initial=of_product)])
    before = itertools.accumulate(weights[:-1], np.matmul)
    return [first, *(np.swapaxes(L, -2, -1) @ backpropagated for L, backpropagated in zip(before, others, strict=True))]


def flow(
    weights: Weights, target: Map, time: float, rates: Sequence[float], second_moment: Moment | None = None
) -> list[np.ndarray]:
    """Integrate the gradient flow of all layers from time 0 to a time (docs/theory.md, sections 6 and 7).

    The time is in units of the inverse of a curvature; S is the identity when None. The integrator is an adaptive
    Runge-Kutta method of order 8 with a relative tolerance of 1e-10; all draws share its steps.

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
        current = layers(state)
        error = product(current) - target
        # Equation (7.1).
        slopes = gradients(current, error if second_moment is None else second_moment @ error)
        return np.concatenate([-rate * slope.ravel() for rate, slope in zip(rates, slopes, strict=True)])

    start = np.concatenate([np.ravel(weight).astype(np.float64) for weight in weights])
    solution = solve_ivp(
        velocity, (0.0, time), start, method="DOP853", t_eval=[time], rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE
    )
    if not solution.success:
        raise UsageError(f"time {time} was not reached: {solution.message}")
    return layers(solution.y[:, -1])


def lazy_end(weights: Weights, target: Map, rates: Sequence[float]) -> list[np.ndarray]:
    """Return the layers at the end of training, to first order in the distance to the target.

    Layer i ends at ``W_i + rate_i L_i^T M R_i^T`` where M solves ``sum_i rate_i L_i L_i^T M R_i^T R_i = target -
    product`` (docs/theory.md, equation 7.3). If the trunk alone is trained, the solution is the projector of section 1;
    for trunk and head the equation is a Sylvester equation (6.5). The end does not depend on the inputs as long as
    these have full rank. It is exact if only the head, or only the trunk of a two-layer network, is trained.

    Raises:
        UsageError: rates do not match the layers.
    """
    _check_rates(weights, rates)
    d_in, n_out = target.shape[-2:]
    before, after = _sides(weights)
    operator = np.zeros((*target.shape[:-2], d_in * n_out, d_in * n_out))
    for rate, L, R in zip(rates, before, after, strict=True):
        left, right = L @ np.swapaxes(L, -2, -1), np.swapaxes(R, -2, -1) @ R
        # Equation (7.3) on the entries of M row by row: a Kronecker product, since R_i^T R_i is symmetric.
        operator += rate * np.einsum("...ij,...ab->...iajb", left, right).reshape(operator.shape)
    distance = (target - product(weights)).reshape(*target.shape[:-2], d_in * n_out, 1)
    # The pseudo-inverse leaves alone what no trained layer can reach: the operator is singular where the rank is short.
    M = (np.linalg.pinv(operator, rcond=RANK_TOLERANCE, hermitian=True) @ distance).reshape(target.shape)
    return [
        weight + rate * np.swapaxes(L, -2, -1) @ M @ np.swapaxes(R, -2, -1)
        for weight, rate, L, R in zip(weights, rates, before, after, strict=True)
    ]


def curvature_bound(weights: Weights, rates: Sequence[float], second_moment: Moment) -> Float[np.ndarray, "..."]:
    """Return an upper bound on the largest curvature at the weights, ``|S| sum_i rate_i |L_i|^2 |R_i|^2``, per draw.

    Gradient descent from these weights starts stably at learning rates below 2 / bound. The bound is attained if only
    the trunk of a two-layer network is trained.
    """
    sides = zip(rates, *_sides(weights), strict=True)
    total = sum(rate * _norm(left) ** 2 * _norm(right) ** 2 for rate, left, right in sides)
    return np.asarray(_norm(second_moment) * total)


def one_logit_shrinkage(
    W1: Float[np.ndarray, "... d_in hidden"], z: Float[np.ndarray, "... hidden 1"], head_rate: float = 1.0
) -> Float[np.ndarray, "..."]:
    """Return the factor c in (0, 1] by which a trained head shrinks a student that starts at zero, for one logit.

    Gradient flow from W1' = 0 ends at ``c W1 P`` (docs/theory.md, equation 6.4): parallel to the student with a frozen
    head and shorter by the factor c = ``|z| / |z'|``, where W1 is the teacher's trunk, z the auxiliary column at the
    start and z' the one at the end. `head_rate` is the head's learning rate as a multiple of the trunk's.
    """
    initial = np.square(z).sum(axis=(-2, -1))
    target = np.square(W1 @ z).sum(axis=(-2, -1))
    # Equation (6.4): the positive root of a quadratic equation in |z'|^2.
    final = (initial + np.sqrt(initial**2 + 4 * head_rate * target)) / 2
    return np.asarray(np.sqrt(initial / final))


def _sides(weights: Weights) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return for every layer the product of the layers before it and the product of the layers after it."""
    first, last = np.eye(weights[0].shape[-2]), np.eye(weights[-1].shape[-1])
    before = itertools.accumulate(weights[:-1], np.matmul, initial=first)
    after = itertools.accumulate(reversed(weights[1:]), lambda product, weight: weight @ product, initial=last)
    return [*before], [*after][::-1]


def _norm(matrix: np.ndarray) -> Any:
    """Return the largest singular value."""
    return np.linalg.norm(matrix, 2, axis=(-2, -1))


def _check_rates(weights: Weights, rates: Sequence[float]) -> None:
    """Raise an error for rates that do not match the layers."""
    if len(rates) != len(weights) or min(rates) < 0:
        raise UsageError(f"rates is {tuple(rates)}; allowed: one of 0 or more for each of {len(weights)} layers")
