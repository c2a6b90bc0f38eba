"""Chains whose layers all move: gradients by differences, conserved quantities, closed ends, orders."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_sylvester

from sottovoce.errors import UsageError
from sottovoce.theory import chains, dynamics, linear

# Sums of some hundred products of numbers of size one, at the condition numbers drawn here.
ROUNDING = 1e-11
# The integrator promises 1e-10 a step, over at most some hundred steps whose errors the flow contracts.
INTEGRATED = 1e-7


def moment(rng, d_in):
    x = rng.standard_normal((5 * d_in, d_in))
    return x.T @ x / len(x)


def draw(seed, sizes=(3, 5, 2), batch=()):
    """Return the layers of a chain, a target and the second moment of some inputs."""
    rng = np.random.default_rng(seed)
    layers = [rng.standard_normal((*batch, a, b)) / np.sqrt(a) for a, b in itertools.pairwise(sizes)]
    return layers, rng.standard_normal((*batch, sizes[0], sizes[-1])), moment(rng, sizes[0])


@pytest.mark.parametrize("sizes", [(3, 2), (3, 5, 2), (3, 5, 4, 2)])
def test_gradients_are_those_of_differences(sizes):
    layers, target, S = draw(0, sizes)

    def loss(weights):
        error = chains.product(weights) - target
        return 0.5 * np.trace(error.T @ S @ error)

    found = chains.gradients(layers, S @ (chains.product(layers) - target))
    step = 1e-5
    for i, gradient in enumerate(found):
        for index in np.ndindex(gradient.shape):
            ahead, behind = ([w.copy() for w in layers] for _ in range(2))
            ahead[i][index] += step
            behind[i][index] -= step
            # Truncation of step^2 times a third derivative of some tens, rounding of 1e-15 / step.
            assert gradient[index] == pytest.approx((loss(ahead) - loss(behind)) / (2 * step), abs=1e-7)


def test_a_kept_head_gives_the_flow_of_the_trunk():
    (start, head), _, S = draw(1)
    W1 = np.random.default_rng(2).standard_normal(start.shape)
    trunk, kept = chains.flow([start, head], W1 @ head, 2.0, (1.0, 0.0), S)
    np.testing.assert_array_equal(kept, head)
    np.testing.assert_allclose(trunk, dynamics.gradient_flow(W1, head, 2, 2.0, start, S), atol=INTEGRATED)


@pytest.mark.parametrize(
    ("sizes", "rates"), [((3, 5, 2), (1.0, 1.0)), ((3, 5, 2), (1.0, 0.3)), ((3, 5, 4, 2), (1.0, 2.0, 0.5))]
)
def test_flow_conserves_what_neighbors_have_in_common(sizes, rates):
    layers, target, S = draw(3, sizes, batch=(4,))
    moved = chains.flow(layers, target, 3.0, rates, S)

    def conserved(weights):
        return [
            np.swapaxes(left, -2, -1) @ left / a - right @ np.swapaxes(right, -2, -1) / b
            for left, right, a, b in zip(weights[:-1], weights[1:], rates[:-1], rates[1:], strict=True)
        ]

    for before, after in zip(conserved(layers), conserved(moved), strict=True):
        np.testing.assert_allclose(after, before, atol=INTEGRATED)
    assert np.abs(moved[0] - layers[0]).max() > 0.1


@pytest.mark.parametrize("head_rate", [0.0, 0.3, 1.0, 4.0])
def test_one_logit_from_zero_is_shrunk_as_promised(head_rate):
    rng = np.random.default_rng(4)
    W1, z, S = rng.standard_normal((3, 3, 5)), rng.standard_normal((3, 5, 1)), moment(rng, 3)
    # The error decays at least as fast as with the head kept, so this leaves less than 1e-12 of it.
    time = 28 / (np.square(z).sum(axis=(1, 2)).min() * np.linalg.eigvalsh(S)[0])
    trunk, head = chains.flow([0 * W1, z], W1 @ z, time, (1.0, head_rate), S)
    shrinkage = chains.one_logit_shrinkage(W1, z, head_rate)[:, None, None]
    np.testing.assert_allclose(trunk, shrinkage * linear.student(W1, z, 1), atol=INTEGRATED)
    np.testing.assert_allclose(head, z / shrinkage, atol=INTEGRATED)


def test_from_zero_a_moving_head_never_leaves_the_span_it_starts_with():
    rng = np.random.default_rng(5)
    W1, Z = rng.standard_normal((4, 3, 6)), rng.standard_normal((4, 6, 2))
    P = linear.aux_projector(Z, 2)
    trunk, head = chains.flow([0 * W1, Z], W1 @ Z, 4.0, (1.0, 1.0), moment(rng, 3))
    np.testing.assert_allclose(trunk @ P, trunk, atol=INTEGRATED)
    np.testing.assert_allclose(P @ head, head, atol=INTEGRATED)
    assert np.abs(head - Z).max() > 0.1


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 6), st.integers(1, 7))
def test_to_first_order_the_trunk_alone_ends_at_the_projector(seed, d_in, hidden, n_aux):
    (start, Z), _, _ = draw(seed, (d_in, hidden, n_aux))
    W1 = np.random.default_rng(seed + 1).standard_normal(start.shape)
    trunk, _ = chains.lazy_end([start, Z], W1 @ Z, (1.0, 0.0))
    singular = np.linalg.svd(Z, compute_uv=False)
    # Rounding times the condition number of the normal equations, which hypothesis looks for bad ones of.
    tolerance = 1e-13 * (singular[0] / singular[-1]) ** 2
    if tolerance < 1e-4:
        np.testing.assert_allclose(trunk, linear.student(W1, Z, n_aux, "mse", start), atol=tolerance)


@pytest.mark.parametrize("head_rate", [0.1, 1.0, 5.0])
def test_to_first_order_trunk_and_head_solve_a_sylvester_equation(head_rate):
    (start, Z), target, _ = draw(6)
    M = solve_sylvester(head_rate * start @ start.T, Z.T @ Z, target - start @ Z)
    trunk, head = chains.lazy_end([start, Z], target, (1.0, head_rate))
    np.testing.assert_allclose(trunk, start + M @ Z.T, atol=ROUNDING)
    np.testing.assert_allclose(head, Z + head_rate * start.T @ M, atol=ROUNDING)
    # In the singular bases of start and head every entry of the teacher's change is shrunk by its own factor.
    change = np.random.default_rng(10).standard_normal(start.shape)
    U, w, _ = np.linalg.svd(start)
    V, z, _ = np.linalg.svd(Z)
    square = np.concatenate([z**2, np.zeros(len(V) - len(z))])
    shrunk = U @ (square / (square + head_rate * w[:, None] ** 2) * (U.T @ change @ V)) @ V.T
    trunk, _ = chains.lazy_end([start, Z], (start + change) @ Z, (1.0, head_rate))
    np.testing.assert_allclose(trunk - start, shrunk, atol=ROUNDING)


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [((2, 5, 1), (1.0, 1.0)), ((2, 4, 5, 2), (1.0, 0.5, 0.0)), ((2, 4, 3, 1), (1.0, 1.0, 1.0))],
)
def test_the_first_order_end_is_off_by_second_order(sizes, rates):
    layers, direction, S = draw(7, sizes)
    start = chains.product(layers)
    distances = np.array([0.2, 0.1, 0.05])
    bound = chains.curvature_bound(layers, rates, S)
    errors = []
    for distance in distances:
        target = start + distance * direction
        end = chains.flow(layers, target, float(600 / bound), rates, S)
        np.testing.assert_allclose(chains.product(end), target, atol=1e-6)
        lazy = chains.lazy_end(layers, target, rates)
        errors.append(np.sqrt(sum(np.square(a - b).sum() for a, b in zip(end, lazy, strict=True))))
    slope = np.polyfit(np.log(distances), np.log(errors), 1)[0]
    # Third-order terms change a second-order error by about the distance itself, a tenth in the middle of the ladder.
    assert slope == pytest.approx(2.0, abs=0.2)


def test_a_deep_trunk_of_isometries_ends_at_the_projector():
    rng = np.random.default_rng(8)
    first, second = (np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2))
    Z, change = rng.standard_normal((4, 2)), rng.standard_normal((4, 4))
    target = (first @ second + change) @ Z
    moved = chains.lazy_end([first, second, Z], target, (1.0, 1.0, 0.0))
    # To first order in the weights' change the product's is the sum over layers.
    found = (moved[0] - first) @ second + first @ (moved[1] - second)
    np.testing.assert_allclose(found, change @ linear.aux_projector(Z, 2), atol=ROUNDING)


@pytest.mark.parametrize(
    ("sizes", "rates"), [((3, 5, 2), (1.0, 0.0)), ((3, 5, 2), (1.0, 2.0)), ((2, 3, 4, 2), (1.0, 1.0, 1.0))]
)
def test_curvature_bound_is_above_the_largest_curvature(sizes, rates):
    layers, _, S = draw(9, sizes)
    columns = []
    for i, (weight, rate) in enumerate(zip(layers, rates, strict=True)):
        for index in np.ndindex(weight.shape):
            changed = [w if j != i else np.zeros_like(w) for j, w in enumerate(layers)]
            changed[i][index] = np.sqrt(rate)
            columns.append((np.linalg.cholesky(S).T @ chains.product(changed)).ravel())
    largest = np.linalg.norm(np.stack(columns), 2) ** 2
    bound = chains.curvature_bound(layers, rates, S)
    assert largest <= bound * (1 + 1e-12)
    if rates == (1.0, 0.0):
        assert largest == pytest.approx(bound, rel=1e-12)
        assert largest == pytest.approx(2 / dynamics.largest_rate(layers[1], 2, S), rel=1e-12)


def test_refuses():
    layers, target, _ = draw(0)
    for call, words in (
        (lambda: chains.flow(layers, target, 1.0, (1.0,)), "rates is"),
        (lambda: chains.lazy_end(layers, target, (1.0, -1.0)), "rates is"),
        (lambda: chains.flow(layers, target, -1.0, (1.0, 1.0)), "time is -1.0"),
    ):
        with pytest.raises(UsageError, match=words):
            call()
