"""The generators of teachers: they factor what they claim to factor, and draw from the law they claim."""

import numpy as np
import pytest
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.theory import generators


@pytest.mark.parametrize("n_logits", [2, 3])
def test_balanced_factors_restore_the_map_with_equal_l1_norms(n_logits):
    rng = np.random.default_rng(0)
    W1, A = rng.random((500, 2, 2)), rng.standard_normal((500, 2, n_logits))
    condition = np.linalg.cond(W1)
    left, right = generators.balanced_factors(W1, A)
    # The product of the inverse and the matrix loses as many digits as the condition number has.
    error = np.abs(left @ right - A).max(axis=(1, 2)) / np.abs(A).max(axis=(1, 2))
    assert (error < 1e-15 * condition * 4).all()
    np.testing.assert_allclose(np.abs(left).sum(axis=(1, 2)), np.abs(right).sum(axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(left / left.sum(axis=(1, 2), keepdims=True), W1 / W1.sum(axis=(1, 2), keepdims=True))


def test_post_steps_taken_literally_give_the_same_factors():
    rng = np.random.default_rng(1)
    W1, A = rng.random((2, 2)), rng.standard_normal((2, 3))
    W2 = np.linalg.inv(W1) @ A
    W1_unit, W2_unit = W1 / np.abs(W1).sum(), W2 / np.abs(W2).sum()
    scale = np.sqrt(np.abs(A).sum() / np.abs(W1_unit @ W2_unit).sum())
    left, right = generators.balanced_factors(W1, A)
    np.testing.assert_allclose(left, W1_unit * scale, rtol=1e-12)
    np.testing.assert_allclose(right, W2_unit * scale, rtol=1e-12)


def test_post_maps_have_the_law_of_regressions():
    rng = np.random.default_rng(2)
    n_draws = 4000
    x = rng.standard_normal((n_draws, generators.N_INPUTS, 2))
    y = 2 * rng.standard_normal((n_draws, generators.N_INPUTS, 2))
    literal = np.linalg.solve(np.swapaxes(x, 1, 2) @ x, np.swapaxes(x, 1, 2) @ y)
    fast = generators.post_maps(rng, n_draws, 2)
    statistics = {
        "first entry": lambda A: A[:, 0, 0],
        "last entry": lambda A: A[:, 1, 1],
        "squared size": lambda A: (A**2).sum(axis=(1, 2)),
        "determinant": np.linalg.det,
        "inner product of columns": lambda A: (A[:, :, 0] * A[:, :, 1]).sum(axis=1),
        "inner product of rows": lambda A: (A[:, 0] * A[:, 1]).sum(axis=1),
    }
    # Six two-sample tests at a fixed seed; 1e-3 would be crossed by chance once in 170 seeds.
    for name, statistic in statistics.items():
        assert stats.ks_2samp(statistic(literal), statistic(fast)).pvalue > 1e-3, name


def test_entries_of_post_maps_have_the_variance_of_regressions():
    n_draws = 100_000
    squares = (generators.post_maps(np.random.default_rng(6), n_draws, 2) ** 2).mean(axis=2)
    # The mean of (X^T X)^-1 for n normal inputs in R^2 is the identity over n - 3; targets have variance 4.
    error = squares.std(axis=0) / np.sqrt(n_draws)
    assert (np.abs(squares.mean(axis=0) - 4 / (generators.N_INPUTS - 3)) < 5 * error).all()


@pytest.mark.parametrize("n_aux", [1, 2])
def test_post_toy_draws_positive_balanced_trunks(n_aux):
    W1, W2 = generators.post_toy(np.random.default_rng(3), 100, n_aux)
    assert W1.shape == (100, 2, 2)
    assert W2.shape == (100, 2, 1 + n_aux)
    assert (W1 > 0).all()
    np.testing.assert_allclose(np.abs(W1).sum(axis=(1, 2)), np.abs(W2).sum(axis=(1, 2)), rtol=1e-12)


def test_gaussian_toy_has_variance_one_over_fan_in():
    n_draws = 2000
    W1, W2 = generators.gaussian_toy(np.random.default_rng(4), n_draws, 3, 5, 2, 4)
    for weights, fan_in in ((W1, 3), (W2, 5)):
        assert weights.shape[:2] == (n_draws, fan_in)
        # The variance of n normals has relative standard error sqrt(2 / n); five of them.
        assert weights.var() * fan_in == pytest.approx(1, abs=5 * np.sqrt(2 / weights.size))


def test_generators_refuse_impossible_sizes():
    rng = np.random.default_rng(5)
    with pytest.raises(UsageError, match="n_aux is 3"):
        generators.post_toy(rng, 1, 3)
    with pytest.raises(UsageError, match="hidden is 0"):
        generators.gaussian_toy(rng, 1, 1, 0, 1, 1)
    with pytest.raises(UsageError, match="n_draws is -1"):
        generators.post_toy(rng, -1, 1)


def test_a_seed_gives_the_trunk_first_and_then_the_head():
    # Saved runs are continued with these numbers: another order would mix two laws of drawing in one run.
    W1, W2 = generators.gaussian_toy(np.random.default_rng(0), 1, 2, 2, 1, 1)
    numbers = np.random.default_rng(0).standard_normal(8) / np.sqrt(2)
    np.testing.assert_array_equal([W1[0], W2[0]], numbers.reshape(2, 2, 2))
