"""The capture law and the cosine laws, against draws at tolerances that the number of draws gives."""

import numpy as np
import pytest
from scipy import integrate, stats

from sottovoce.errors import UsageError
from sottovoce.theory import capture, generators, linear

# Probability that a fixed-seed test of a true law fails: small enough to mean something, far from every p seen.
LEVEL = 1e-3


def class_cosines(W1, W2, n_aux):
    student = linear.student(W1, W2, n_aux)
    return capture.column_cosine(linear.end_to_end(W1, W2), linear.end_to_end(student, W2))[..., 0]


@pytest.mark.parametrize(("objective", "rank"), [("mse", 3), ("kl", 2)])
def test_mean_captured_energy_is_rank_over_hidden(objective, rank):
    hidden, n_draws, n_class = 7, 4000, 2
    _, W2 = generators.gaussian_toy(np.random.default_rng(0), n_draws, 1, hidden, n_class, 3)
    assert capture.distilled_rank(hidden, 3, objective) == rank
    energy = capture.captured_energy(W2, 3, objective)[:, :n_class]
    # Variance of Beta(a, b) is a b / ((a + b)^2 (a + b + 1)); four standard errors of the mean.
    a, b = rank / 2, (hidden - rank) / 2
    standard_error = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)) / energy.size)
    assert energy.mean() == pytest.approx(rank / hidden, abs=4 * standard_error)
    assert capture.capture_test(energy, hidden, rank).pvalue > LEVEL
    # The test has teeth: one direction more or less is refused.
    assert capture.capture_test(energy, hidden, rank + 1).pvalue < 1e-10


def test_energies_of_columns_of_one_draw_are_uncorrelated():
    n_draws = 4000
    _, W2 = generators.gaussian_toy(np.random.default_rng(1), n_draws, 1, 5, 2, 2)
    energy = capture.captured_energy(W2, 2)
    correlation = np.corrcoef(energy[:, 0], energy[:, 1])[0, 1]
    # A correlation of n independent pairs has standard error 1 / sqrt(n); four of them.
    assert abs(correlation) < 4 / np.sqrt(n_draws)


def test_energy_is_one_for_distilled_columns_and_nan_for_zero_columns():
    W2 = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(capture.captured_energy(W2, 1), [np.nan, 0.5, 1.0])


@pytest.mark.parametrize(("rank", "value"), [(0, 0.0), (4, 1.0)])
def test_law_is_a_point_at_both_ends(rank, value):
    assert capture.capture_test(np.full(3, value), 4, rank).pvalue == 1.0
    assert capture.capture_test(np.array([value, 0.5]), 4, rank).pvalue == 0.0
    np.testing.assert_array_equal(capture.capture_quantile(np.array([0.1, 0.9]), 4, rank), [value, value])


def test_quantiles_are_those_of_the_sphere():
    # At hidden = 3, rank = 1 the energy is the square of a uniform coordinate (Archimedes).
    p = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(capture.capture_quantile(p, 3, 1), p**2, rtol=1e-10)


def test_refuses_impossible_ranks_and_empty_samples():
    for call in (
        lambda: capture.capture_test(np.ones(2), 3, 4),
        lambda: capture.capture_quantile(np.ones(2), 3, -1),
        lambda: capture.capture_test(np.ones(0), 3, 1),
        lambda: capture.capture_test(np.array([np.nan]), 3, 1),
        lambda: capture.gaussian_cosine_density(np.zeros(1), 1, 3, 1),
        lambda: capture.gaussian_cosine_density(np.zeros(1), 2, 3, 3),
        lambda: capture.distilled_rank(3, 1, "nll"),
    ):
        with pytest.raises(UsageError):
            call()


def distribution_over_angle(density, angles):
    """Integrate a density of the cosine over the angle, where it has no singularity."""
    cumulative = integrate.cumulative_simpson(density(np.cos(angles)) * np.sin(angles), x=angles, initial=0)
    # Simpson's rule on this grid is good to 1e-6; the quadrature over the energy to 1e-4 in the worst case here.
    assert cumulative[-1] == pytest.approx(1, abs=1e-4)
    return lambda angle: np.interp(angle, angles, cumulative / cumulative[-1])


def test_cosines_of_the_post_follow_their_law():
    cosine = class_cosines(*generators.post_toy(np.random.default_rng(2), 20_000, 1), 1)
    angles = np.linspace(1e-6, np.pi / 2, 3001)
    law = distribution_over_angle(capture.post_cosine_density, angles)
    assert stats.kstest(np.arccos(np.abs(cosine)), law).pvalue > LEVEL
    # Twenty inputs are few enough to tell this law from the arcsine law of isotropic columns.
    assert stats.kstest(np.arccos(np.abs(cosine)), stats.uniform(0, np.pi / 2).cdf).pvalue < LEVEL


@pytest.mark.parametrize("n_inputs", [4, 20])
def test_law_of_the_post_is_that_of_regressions_done_literally(n_inputs):
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((2, 20_000, n_inputs, 2))
    A = np.linalg.solve(np.swapaxes(x, 1, 2) @ x, np.swapaxes(x, 1, 2) @ y)
    cosine = np.abs(capture.column_cosine(A[..., :1], A[..., 1:])[..., 0])
    angles = np.linspace(1e-6, np.pi / 2, 3001)
    law = distribution_over_angle(lambda r: capture.post_cosine_density(r, n_inputs), angles)
    assert stats.kstest(np.arccos(cosine), law).pvalue > LEVEL


def test_many_inputs_bring_the_law_of_the_post_to_the_arcsine_law():
    x, m = np.linspace(0, 0.99, 50), 200 / 2 + 1
    # First two terms of the density in 1 / m; the third is about one over m^2.
    expected = 2 / np.pi / np.sqrt(1 - x**2) * (1 + (x**2 - 0.5) / m)
    np.testing.assert_allclose(capture.post_cosine_density(x, n_inputs=200), expected, rtol=2 / m**2)


@pytest.mark.parametrize(("d_in", "hidden", "rank"), [(2, 2, 1), (3, 2, 1), (10, 8, 3), (2, 8, 7)])
def test_cosines_of_gaussian_teachers_follow_their_law(d_in, hidden, rank):
    W1, W2 = generators.gaussian_toy(np.random.default_rng(3), 20_000, d_in, hidden, 1, rank)
    angles = np.linspace(1e-6, np.pi - 1e-6, 3001)
    law = distribution_over_angle(lambda x: capture.gaussian_cosine_density(x, d_in, hidden, rank), angles)
    assert stats.kstest(np.arccos(class_cosines(W1, W2, rank)), law).pvalue > LEVEL


def test_cosine_of_known_columns():
    left = np.array([[1.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    right = np.array([[3.0, 0.0, -1.0, 1.0], [0.0, 5.0, 1.0, 1.0]])
    np.testing.assert_allclose(capture.column_cosine(left, right), [1, 0, -np.sqrt(0.5), np.nan], atol=1e-15)


@pytest.mark.parametrize("size", [1e-100, 1e100])
def test_neither_measure_depends_on_the_size_of_columns(size):
    left, right = np.random.default_rng(0).standard_normal((2, 4, 3))
    expected = capture.column_cosine(left, right)
    np.testing.assert_allclose(capture.column_cosine(size * left, right), expected, rtol=1e-12)
    np.testing.assert_allclose(capture.column_cosine(left, size * right), expected, rtol=1e-12)
    np.testing.assert_allclose(
        capture.line_angle(size * left, size * right[:, :1]), capture.line_angle(left, right[:, :1]), rtol=1e-12
    )


@pytest.mark.parametrize("degrees", [1e-12, 1e-3, 45.0, 90.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_line_angle_keeps_its_precision_at_small_angles(degrees, sign):
    turned = sign * np.array([[np.cos(np.radians(degrees))], [np.sin(np.radians(degrees))]])
    angle = capture.line_angle(turned, np.array([[2.0], [0.0]]))
    np.testing.assert_allclose(angle, [degrees], rtol=1e-12)


def test_each_draw_has_its_own_axis():
    columns, axis = np.random.default_rng(0).standard_normal((2, 5, 4, 3))
    axis = axis[..., :1] * np.arange(1, 6)[:, None, None]
    alone = [capture.line_angle(*draw) for draw in zip(columns, axis, strict=True)]
    np.testing.assert_allclose(capture.line_angle(columns, axis), alone, rtol=1e-12)
