"""The closed-form student: against regression, in its limits, under its symmetries, and on bad input."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.errors import UsageError
from sottovoce.theory import linear

SHAPES = [(2, 2, 1, 1), (2, 2, 1, 2), (5, 7, 3, 3), (9, 4, 2, 6), (3, 6, 10, 5)]
# Products and projections of entries of size one in at most ten dimensions, at the condition numbers drawn here.
ROUNDING = 1e-10


def draw(seed, d_in, hidden, n_class, n_aux, batch=()):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*batch, d_in, hidden)), rng.standard_normal((*batch, hidden, n_class + n_aux))


def regression_student(rng, W1, W2, n_aux, center, initial):
    """Fit the change of W1 by least squares on fresh inputs, one row of equations per input and auxiliary logit."""
    d_in, hidden = W1.shape
    Z = W2[:, W2.shape[1] - n_aux :]
    if center:
        Z = Z - Z.mean(axis=1, keepdims=True)
    x = rng.standard_normal((3 * d_in, d_in))
    design = np.einsum("si,ha->saih", x, Z).reshape(-1, d_in * hidden)
    wanted = (x @ (W1 - initial) @ Z).ravel()
    # A centered Z is short of one rank: what rounding leaves of it must not count as a direction.
    change = np.linalg.lstsq(design, wanted, rcond=1e-12)[0]
    return initial + change.reshape(d_in, hidden)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("objective", ["mse", "kl"])
@pytest.mark.parametrize("shared", [False, True])
def test_student_is_the_least_squares_student(shape, objective, shared):
    W1, W2 = draw(1, *shape)
    initial = draw(2, *shape)[0] if shared else None
    expected = regression_student(
        np.random.default_rng(3), W1, W2, shape[3], objective == "kl", 0 * W1 if initial is None else initial
    )
    np.testing.assert_allclose(linear.student(W1, W2, shape[3], objective, initial), expected, atol=ROUNDING)


def test_batches_equal_single_draws():
    W1, W2 = draw(0, 3, 5, 2, 3, batch=(4, 2))
    W1_0 = draw(1, 3, 5, 2, 3)[0]
    together = linear.student(W1, W2, 3, "kl", W1_0)
    for index in np.ndindex(4, 2):
        alone = linear.student(W1[index], W2[index], 3, "kl", W1_0)
        np.testing.assert_allclose(together[index], alone, atol=1e-14)
    np.testing.assert_allclose(linear.end_to_end(W1, W2[0, 0]), W1 @ W2[0, 0], atol=1e-14)
    np.testing.assert_array_equal(linear.teacher_map(W1, W2), linear.end_to_end(W1, W2))


def test_no_auxiliary_logit_teaches_nothing():
    W1, W2 = draw(0, 3, 4, 2, 2)
    np.testing.assert_array_equal(linear.aux_projector(W2, 0), np.zeros((4, 4)))
    np.testing.assert_array_equal(linear.student(W1, W2, 0), np.zeros((3, 4)))
    np.testing.assert_array_equal(linear.student(W1, W2, 0, "kl", W1 + 1), W1 + 1)


def test_kl_on_one_logit_leaves_the_student_where_it_starts():
    W1, W2 = draw(0, 3, 4, 2, 1)
    np.testing.assert_array_equal(linear.aux_projector(W2, 1, "kl"), np.zeros((4, 4)))
    np.testing.assert_array_equal(linear.student(W1, W2, 1, "kl", W1 + 1), W1 + 1)


@pytest.mark.parametrize("hidden", [1, 2, 5])
def test_as_many_logits_as_hidden_units_make_the_student_exact(hidden):
    W1, W2 = draw(4, 3, hidden, 2, hidden, batch=(50,))
    student = linear.student(W1, W2, hidden)
    np.testing.assert_allclose(linear.end_to_end(student, W2), linear.end_to_end(W1, W2), atol=ROUNDING)


def test_one_logit_puts_every_column_on_one_line():
    W1, W2 = draw(5, 6, 4, 3, 1, batch=(50,))
    singular = np.linalg.svd(linear.end_to_end(linear.student(W1, W2, 1), W2), compute_uv=False)
    assert (singular[:, 1] < 1e-14 * singular[:, 0] * 10).all()


matrices = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 8), st.sampled_from(["mse", "kl"]))


@settings(deadline=None, max_examples=60)
@given(matrices)
def test_projector_is_a_projector_of_the_promised_rank(case):
    seed, hidden, n_aux, objective = case
    _, W2 = draw(seed, 1, hidden, 1, n_aux)
    P = linear.aux_projector(W2, n_aux, objective)
    np.testing.assert_array_equal(P, P.T)
    np.testing.assert_allclose(P @ P, P, atol=1e-13)
    # The trace of a projector is its rank.
    assert np.trace(P) == pytest.approx(min(hidden, n_aux - (objective == "kl")), abs=1e-13)


@settings(deadline=None, max_examples=60)
@given(matrices, st.floats(-3, 3))
def test_projector_follows_rotation_and_ignores_order_and_scale(case, exponent):
    seed, hidden, n_aux, objective = case
    rng = np.random.default_rng(seed)
    _, W2 = draw(seed, 1, hidden, 0, n_aux)
    P = linear.aux_projector(W2, n_aux, objective)
    rotation = np.linalg.qr(rng.standard_normal((hidden, hidden)))[0]
    order = rng.permutation(n_aux)
    # The span's own condition number multiplies rounding, and hypothesis looks for bad ones.
    Z = W2 if objective == "mse" else W2 - W2.mean(axis=1, keepdims=True)
    singular = np.linalg.svd(Z, compute_uv=False)
    smallest = singular[singular > 1e-10].min(initial=1.0)
    tolerance = 1e-13 * max(1.0, singular.max() / smallest)
    for changed, expected in (
        (rotation @ W2, rotation @ P @ rotation.T),
        (W2[:, order], P),
        (W2 * 10**exponent, P),
    ):
        np.testing.assert_allclose(linear.aux_projector(changed, n_aux, objective), expected, atol=tolerance)


def test_mse_ignores_the_scale_of_each_column_but_kl_does_not():
    _, W2 = draw(6, 1, 5, 1, 3)
    scaled = W2 * [1.0, 2.0, 0.5, 30.0]
    np.testing.assert_allclose(linear.aux_projector(scaled, 3), linear.aux_projector(W2, 3), atol=1e-13)
    assert np.abs(linear.aux_projector(scaled, 3, "kl") - linear.aux_projector(W2, 3, "kl")).max() > 0.01


@pytest.mark.parametrize(("hidden", "n_aux"), [(6, 3), (4, 4), (3, 7), (2, 2)])
def test_kl_is_mse_on_centered_columns_and_blind_to_a_common_shift(hidden, n_aux):
    _, W2 = draw(7, 1, hidden, 2, n_aux, batch=(20,))
    kl = linear.aux_projector(W2, n_aux, "kl")
    centered = W2 - W2[..., 2:].mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(linear.aux_projector(centered, n_aux, "mse"), kl, atol=ROUNDING)
    shift = np.random.default_rng(8).standard_normal((20, hidden, 1))
    np.testing.assert_allclose(linear.aux_projector(W2 + shift, n_aux, "kl"), kl, atol=ROUNDING)


def test_the_last_columns_are_the_auxiliary_ones():
    W2 = np.eye(3)[:, [0, 2]]
    np.testing.assert_array_equal(linear.aux_projector(W2, 1), np.diag([0.0, 0.0, 1.0]))


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_dependent_columns_give_the_span_that_exists(scale):
    rng = np.random.default_rng(9)
    first, second = rng.standard_normal((2, 20, 5, 1))
    # Nearly parallel columns first, then combinations of them: the rank is 2 however they are ordered.
    Z = np.concatenate([first, first + 1e-3 * second, 2 * first - second, second, 0 * first], axis=-1) * scale
    P = linear.aux_projector(Z, 5)
    Q = np.linalg.qr(np.concatenate([first, second], axis=-1))[0]
    np.testing.assert_allclose(P, Q @ np.swapaxes(Q, -2, -1), atol=ROUNDING)


@pytest.mark.parametrize(("hidden", "n_aux"), [(6, 2), (2, 2), (2, 5)])
def test_a_direction_counts_from_rounding_of_sums_on(hidden, n_aux):
    rounding = 4 * max(hidden, n_aux) * np.finfo(np.float64).eps
    for size, rank in ((0.99, 1), (1.01, 2)):
        Z = np.zeros((hidden, n_aux))
        Z[0, :2], Z[1, 1] = 1.0, size * rounding
        P = np.zeros((hidden, hidden))
        P[range(rank), range(rank)] = 1.0
        np.testing.assert_array_equal(linear.aux_projector(Z, n_aux), P)


@pytest.mark.parametrize("rounding", [1.0, 4.0])
def test_a_span_holds_directions_from_rounding_of_its_own_largest_on(rounding):
    edge = rounding * 3 * np.finfo(np.float64).eps
    columns = np.zeros((2, 2, 3, 2))
    columns[..., 0, 0] = np.array([[1e-3], [1e3]])
    columns[..., 1, 1] = columns[..., 0, 0] * edge * [0.99, 1.01]
    left, values, present = linear.singular_span(columns, rounding)
    np.testing.assert_array_equal(present, [[[True, False], [True, True]]] * 2)
    np.testing.assert_allclose(values[..., 0], columns[..., 0, 0])
    np.testing.assert_array_equal(np.abs(left[..., 0]), np.broadcast_to(np.eye(3)[0], (2, 2, 3)))


@pytest.mark.parametrize("angle", [1e-3, 1e-6, 1e-9])
def test_nearly_parallel_columns_keep_the_projector_orthogonal(angle):
    first, second = np.random.default_rng(11).standard_normal((2, 50, 6, 1))
    P = linear.aux_projector(np.concatenate([first, first + angle * second], axis=-1), 2)
    # Without a second projection the basis is off by rounding over the angle.
    np.testing.assert_allclose(P @ P, P, atol=1e-14)


def test_zero_and_equal_columns_give_no_direction():
    np.testing.assert_array_equal(linear.aux_projector(np.zeros((3, 2)), 2), np.zeros((3, 3)))
    equal = np.repeat(np.random.default_rng(10).standard_normal((3, 1)), 4, axis=1)
    np.testing.assert_array_equal(linear.aux_projector(equal, 4, "kl"), np.zeros((3, 3)))


def test_integers_and_float32_are_computed_in_float64():
    assert linear.end_to_end(np.ones((2, 2), np.float32), np.ones((2, 1), np.float32)).dtype == np.float64
    heads = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    np.testing.assert_array_equal(linear.aux_projector(heads, 3), linear.aux_projector(heads.astype(np.float64), 3))
    assert linear.aux_projector(heads, 3).dtype == np.float64


def test_a_projector_of_what_is_not_finite_is_refused():
    with pytest.raises(UsageError, match="W2 contains NaN or infinity"):
        linear.aux_projector(np.array([[1.0, np.nan], [0.0, 1.0]]), 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.ones((2, 3)), np.ones((4, 2)), 1), "share hidden"),
        ((np.ones((2, 3)), np.ones((3, 2)), 3), "n_aux is 3; allowed: 0 to 2"),
        ((np.ones((2, 3)), np.ones((3, 2)), -1), "n_aux is -1"),
        ((np.ones((2, 3)), np.ones((3, 2)), 1.5), "whole number"),
        ((np.ones((2, 3)), np.ones((3, 2)), 1, "mle"), "objective is 'mle'; allowed: mse, kl"),
        ((np.full((2, 3), np.nan), np.ones((3, 2)), 1), "W1 contains NaN"),
        ((np.ones((2, 3)), np.full((3, 2), np.inf), 1), "W2 contains NaN or infinity"),
        ((np.ones((2, 3)), np.ones((3, 2)), 1, "mse", np.ones((2, 2))), "initial and W1"),
        ((np.ones(3), np.ones((3, 2)), 1), "W1 has shape"),
        ((np.ones((4, 2, 3)), np.ones((5, 3, 2)), 1), "do not broadcast"),
    ],
)
def test_refuses(arguments, words):
    # Users have no run-time type checker in front of the function, which would stop some of these earlier.
    with pytest.raises(UsageError, match=words):
        inspect.unwrap(linear.student)(*arguments)
