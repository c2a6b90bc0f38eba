"""Training with the heads kept: against literal steps, matrix exponentials, limits, symmetries and orders."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from sottovoce.errors import UsageError
from sottovoce.theory import dynamics, linear

D_IN, HIDDEN, N_CLASS, N_AUX, N_SAMPLES = 3, 5, 2, 2, 40
# Sums of some hundred products of numbers of size one, at the condition numbers drawn here.
ROUNDING = 1e-11


def draw(seed, batch=()):
    """Return the teacher's trunk, shared heads, the start, and the second moment of some inputs with the inputs."""
    rng = np.random.default_rng(seed)
    W1, start = rng.standard_normal((2, *batch, D_IN, HIDDEN))
    W2 = rng.standard_normal((*batch, HIDDEN, N_CLASS + N_AUX)) / np.sqrt(HIDDEN)
    x = rng.standard_normal((N_SAMPLES, D_IN))
    return W1, W2, start, x.T @ x / N_SAMPLES, x


def literal_steps(W1, Z, start, x, steps, rate, step_of=lambda gradient: gradient):
    """Descend on the samples, one step after another, never forming a second moment or a basis."""
    student = start
    for _ in range(steps):
        error = x @ student @ Z - x @ W1 @ Z
        student = student - rate * step_of(x.T @ error @ Z.T / len(x))
    return student


@pytest.mark.parametrize("steps", [0, 1, 7, 100])
@pytest.mark.parametrize("shared", [False, True])
def test_descent_is_the_steps_taken_one_by_one(steps, shared):
    W1, W2, start, S, x = draw(0)
    first = start if shared else 0 * start
    expected = literal_steps(W1, W2[:, N_CLASS:], first, x, steps, 0.2)
    found = dynamics.gradient_descent(W1, W2, N_AUX, steps, 0.2, start if shared else None, S)
    np.testing.assert_allclose(found, expected, atol=ROUNDING)


@pytest.mark.parametrize("time", [0.0, 0.3, 5.0])
def test_flow_is_the_exponential_of_the_whole_operator(time):
    W1, W2, start, S, _ = draw(1)
    Z = W2[:, N_CLASS:]
    # Row-major: vec(S D K) = (S kron K) vec(D) for symmetric K.
    distance = expm(-time * np.kron(S, Z @ Z.T)) @ (start - W1).ravel()
    found = dynamics.gradient_flow(W1, W2, N_AUX, time, start, S)
    np.testing.assert_allclose(found, W1 + distance.reshape(W1.shape), atol=ROUNDING)


def test_both_end_at_the_closed_form_student():
    W1, W2, start, S, _ = draw(2, batch=(20,))
    Z = W2[..., N_CLASS:]
    smallest = np.linalg.svd(Z, compute_uv=False)[:, -1].min() ** 2 * np.linalg.eigvalsh(S)[0]
    rate = 0.5 * dynamics.largest_rate(W2, N_AUX, S).min()
    # What is left of a distance of size 10 after this time, or after as many steps as it holds.
    time = 35 / smallest
    end = linear.student(W1, W2, N_AUX, "mse", start)
    np.testing.assert_allclose(dynamics.gradient_flow(W1, W2, N_AUX, time, start, S), end, atol=1e-12)
    steps = int(time / rate)
    np.testing.assert_allclose(dynamics.gradient_descent(W1, W2, N_AUX, steps, rate, start, S), end, atol=1e-12)
    assert np.abs(end - start).max() > 0.1


def test_time_zero_is_the_start_and_batches_equal_single_draws():
    W1, W2, start, S, _ = draw(3, batch=(4,))
    np.testing.assert_allclose(dynamics.gradient_flow(W1, W2, N_AUX, 0.0, start, S), start, atol=ROUNDING)
    together = dynamics.gradient_flow(W1, W2, N_AUX, 1.0, start, S)
    for index in range(4):
        alone = dynamics.gradient_flow(W1[index], W2[index], N_AUX, 1.0, start[index], S)
        np.testing.assert_allclose(together[index], alone, atol=ROUNDING)


def test_the_error_of_descent_is_of_order_one_with_the_promised_factor():
    W1, W2, start, S, _ = draw(4)
    time, steps = 1.5, [16, 32, 64, 128, 256]
    flow = dynamics.gradient_flow(W1, W2, N_AUX, time, start, S)
    errors = [dynamics.gradient_descent(W1, W2, N_AUX, n, time / n, start, S) - flow for n in steps]
    sizes = [np.linalg.norm(error) for error in errors]
    slope = np.polyfit(-np.log(steps), np.log(sizes), 1)[0]
    # The relative correction to the leading term is at most about rate * curvature * (1 + time * curvature).
    assert slope == pytest.approx(1.0, abs=0.1)
    # Leading term -(time / 2) rate curvature^2 exp(-time curvature), as an operator on the starting distance.
    operator = np.kron(S, W2[:, N_CLASS:] @ W2[:, N_CLASS:].T)
    leading = -time / 2 * operator @ operator @ expm(-time * operator) @ (start - W1).ravel()
    for error, n in zip(errors[-2:], steps[-2:], strict=True):
        left_over = np.linalg.norm(error.ravel() * n / time - leading) / np.linalg.norm(leading)
        largest = np.linalg.norm(operator, 2)
        assert left_over < 2 * time / n * largest * (1 + time * largest)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, N_CLASS + N_AUX))
def test_descent_converges_below_the_largest_rate_and_not_above(seed, n_aux):
    W1, W2, start, S, _ = draw(seed)
    edge = float(dynamics.largest_rate(W2, n_aux, S))
    end = linear.student(W1, W2, n_aux, "mse", start)

    def distances(rate):
        return [
            np.linalg.norm(dynamics.gradient_descent(W1, W2, n_aux, n, rate, start, S) - end) for n in (10, 11, 1000)
        ]

    below, above = distances(0.98 * edge), distances(1.02 * edge)
    assert below[1] < below[0] * (1 + 1e-9)
    # The fastest entry grows by 1.04 a step; 990 of them lift even an entry of 1e-9 out of sight of the others.
    assert above[2] > 1e4 * above[0]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 20), st.floats(0, 20))
def test_the_loss_falls_along_the_flow(seed, first, second):
    W1, W2, start, S, x = draw(seed)
    early, late = sorted((first, second))
    losses = [
        np.square(x @ (dynamics.gradient_flow(W1, W2, N_AUX, t, start, S) - W1) @ W2[:, N_CLASS:]).sum()
        for t in (early, late)
    ]
    assert losses[1] <= losses[0] * (1 + 1e-9) + 1e-20


def test_rotated_hidden_units_rotate_the_flow():
    W1, W2, start, S, _ = draw(5)
    R = np.linalg.qr(np.random.default_rng(6).standard_normal((HIDDEN, HIDDEN)))[0]
    plain = dynamics.gradient_flow(W1, W2, N_AUX, 0.7, start, S)
    np.testing.assert_allclose(
        dynamics.gradient_flow(W1 @ R, R.T @ W2, N_AUX, 0.7, start @ R, S), plain @ R, atol=ROUNDING
    )


def test_input_directions_without_samples_stay_where_they_start():
    W1, W2, start, _, _ = draw(7)
    S = np.diag([1.0, 0.5, 0.0])
    found = dynamics.gradient_flow(W1, W2, N_AUX, 1e4, start, S)
    end = linear.student(W1, W2, N_AUX, "mse", start)
    np.testing.assert_allclose(found, np.vstack([end[:2], start[2:]]), atol=ROUNDING)


def test_weights_of_float32_are_computed_in_float64():
    W1, W2 = (weight.astype(np.float32) for weight in draw(8)[:2])
    found = dynamics.gradient_flow(W1, W2, N_AUX, 0.3)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(
        found, dynamics.gradient_flow(W1.astype(np.float64), W2.astype(np.float64), N_AUX, 0.3)
    )


def test_dependent_columns_are_one_direction():
    W1, W2, start, S, _ = draw(8)
    twice = np.concatenate([W2, 2 * W2[:, -1:]], axis=1)
    once = W2 * np.where(np.arange(N_CLASS + N_AUX) == N_CLASS + N_AUX - 1, np.sqrt(5.0), 1.0)
    # The columns z and 2 z have the curvature of one column sqrt(5) z.
    np.testing.assert_allclose(
        dynamics.gradient_flow(W1, twice, N_AUX + 1, 0.8, start, S),
        dynamics.gradient_flow(W1, once, N_AUX, 0.8, start, S),
        atol=ROUNDING,
    )


@pytest.mark.parametrize("size", [0.99, 1.01])
def test_a_direction_within_rounding_of_the_largest_stays_where_it_starts(size):
    # The limit below which the converged student does not see a direction: it must be the same one for the decay.
    rounding = 4 * 2 * np.finfo(np.float64).eps
    W1, start = np.full((1, 2), 3.0), np.full((1, 2), 1.0)
    found = dynamics.gradient_flow(W1, np.diag([1.0, size * rounding]), 2, 50.0, start)
    np.testing.assert_allclose(found, [[3.0, 1.0]], rtol=1e-12)


class Adam:
    """Adam as its paper has it, with a rate that falls to zero."""

    def __init__(self, epsilon):
        self.m, self.v, self.t, self.epsilon = 0.0, 0.0, 0, epsilon

    def __call__(self, gradient):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        return self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.999**self.t)) + self.epsilon)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("batch", [N_SAMPLES, 10])
def test_adam_with_one_logit_ends_at_the_oblique_projector(shared, batch):
    W1, W2, start, _, x = draw(9)
    W2[1, -1] = 0.0
    z, first = W2[:, -1:], start if shared else 0 * start
    student, adam, steps = first, Adam(0.0), 4000
    rng = np.random.default_rng(10)
    for step in range(steps):
        rows = rng.permutation(N_SAMPLES)[:batch]
        gradient = x[rows].T @ (x[rows] @ (student - W1) @ z) @ z.T / batch
        # A unit with a head of zero has no gradient: 0 / 0 in the paper's rule, no step in any implementation.
        student = student - 0.02 * (1 - step / steps) * np.where(z.T == 0, 0.0, adam(gradient + (z.T == 0)))
    expected = dynamics.adam_one_logit(W1, W2, start if shared else None)
    # The path lies along sign(z) to rounding; how far along it is a matter of convergence.
    off_line = (student - first) - (student - first) @ np.sign(z) @ np.sign(z.T) / np.abs(np.sign(z)).sum()
    np.testing.assert_allclose(off_line, 0.0, atol=1e-12)
    np.testing.assert_allclose(student, expected, atol=1e-6)
    np.testing.assert_allclose(expected @ z, W1 @ z, atol=ROUNDING)
    # Which is not where gradient descent ends.
    assert np.abs(expected - linear.student(W1, W2, 1, "mse", first)).max() > 0.01


def test_nothing_distilled_has_no_largest_rate():
    assert dynamics.largest_rate(np.zeros((3, 2)), 1) == np.inf


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (dynamics.gradient_flow, (1, -1.0), "time is -1.0"),
        (dynamics.gradient_flow, (1, np.inf), "time is inf"),
        (dynamics.gradient_flow, (9, 1.0), "n_aux is 9"),
        (dynamics.gradient_descent, (1, -1, 0.1), "steps is -1"),
        (dynamics.gradient_descent, (1, 1, 0.0), "rate 0.0"),
    ],
)
def test_refuses(function, arguments, words):
    W1, W2, *_ = draw(0)
    with pytest.raises(UsageError, match=words):
        inspect.unwrap(function)(W1, W2, *arguments)
