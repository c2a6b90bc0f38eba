"""Intervals: known values, their coverage, and that differences are paired."""

import numpy as np
import pytest
from scipy import stats

from sottovoce.measure import statistics


def test_a_constant_has_no_spread():
    mean, low, high = statistics.bootstrap_mean(np.full((5, 2), 0.25))
    for values in (mean, low, high):
        np.testing.assert_array_equal(values, [0.25, 0.25])
    np.testing.assert_array_equal(statistics.normal_half_width(np.full((5, 2), 0.25)), 0)


def test_one_member_has_a_mean_and_no_interval():
    mean, low, high = statistics.bootstrap_mean(np.array([[0.5, 0.7]]))
    np.testing.assert_array_equal(mean, [0.5, 0.7])
    assert np.isnan([low, high]).all()
    assert np.isnan(statistics.normal_half_width(np.array([[0.5, 0.7]]))).all()
    assert statistics.interval(np.array([0.5])).mean == 0.5


def test_the_published_half_width_is_that_of_normal_theory():
    values = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 3.0]])
    # Standard deviations 1 and sqrt(3) with n - 1 below.
    np.testing.assert_allclose(statistics.normal_half_width(values), [1.96 / np.sqrt(3), 1.96])


def test_resampled_means_have_the_variance_of_a_mean():
    values = np.random.default_rng(0).standard_normal(400)
    interval = statistics.interval(values)
    expected = stats.norm.ppf(0.975) * values.std() / np.sqrt(400)
    # A quantile of B resamples has the standard error sqrt(p (1 - p) / B) / density: 1.4 % of the half-width here.
    error = np.sqrt(0.025 * 0.975 / statistics.RESAMPLES) / stats.norm.pdf(1.96) / 1.96
    assert interval.high - interval.mean == pytest.approx(expected, rel=4 * error)
    assert interval.mean - interval.low == pytest.approx(expected, rel=4 * error)
    assert interval.mean == pytest.approx(values.mean())


def test_intervals_cover_as_often_as_theory_says():
    n, columns = 25, 800
    values = np.random.default_rng(1).standard_normal((n, columns)) + 3
    _, low, high = statistics.bootstrap_mean(values)
    covered = np.mean((low <= 3) & (high >= 3))
    # A percentile interval is +-1.96 standard errors with n, not n - 1, below: the statistic follows Student's t.
    expected = 1 - 2 * stats.t.sf(stats.norm.ppf(0.975) * np.sqrt((n - 1) / n), n - 1)
    error = np.sqrt(expected * (1 - expected) / columns)
    # Five standard errors of a share; the two approximations of theory take half a percent.
    assert covered == pytest.approx(expected, abs=4 * error + 0.005)


def test_columns_are_resampled_together_so_that_differences_are_paired():
    a = np.random.default_rng(2).standard_normal(12)
    _, low, high = statistics.bootstrap_mean(np.stack([a, a + 1, -a], axis=1))
    np.testing.assert_allclose([low[1] - low[0], high[1] - high[0]], 1, atol=1e-12)
    np.testing.assert_allclose([low[2], high[2]], [-high[0], -low[0]], atol=1e-12)
    difference = statistics.interval((a + 1) - a)
    np.testing.assert_allclose(difference, 1, atol=1e-12)


def test_the_same_values_have_the_same_interval():
    values = np.random.default_rng(3).standard_normal((6, 2, 3))
    for first, second in zip(statistics.bootstrap_mean(values), statistics.bootstrap_mean(values), strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.shape == (2, 3)


def test_one_interval_is_students():
    values = np.random.default_rng(6).standard_normal(7)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert statistics.simultaneous(values)[1:] == pytest.approx((expected.low, expected.high))
    several = stats.ttest_1samp(values, 0).confidence_interval(1 - 0.05 / 8)
    assert statistics.simultaneous(values, 8)[1:] == pytest.approx((several.low, several.high))


def test_without_two_members_nothing_is_simultaneous():
    assert np.isnan(statistics.simultaneous(np.array([]))).all()
    one = statistics.simultaneous(np.array([0.5]), 3)
    assert one.mean == 0.5
    assert np.isnan(one[1:]).all()


@pytest.mark.parametrize("n", [4, 10])
@pytest.mark.parametrize("shared", [False, True], ids=["apart", "one baseline"])
def test_all_intervals_hold_together_in_95_of_100(n, shared):
    rng, trials, comparisons = np.random.default_rng(7), 800, 5
    values = rng.standard_normal((trials, comparisons, n))
    if shared:
        values -= rng.standard_normal((trials, 1, n))
    found = [[statistics.simultaneous(column, comparisons) for column in columns] for columns in values]
    together = np.mean([all(i.low <= 0 <= i.high for i in intervals) for intervals in found])
    error = np.sqrt(0.95 * 0.05 / trials)
    if shared:
        # Comparisons with one baseline fail together, so that all hold more often than promised.
        assert 0.95 - 4 * error <= together < 0.985
    else:
        # Independent ones fail each with a chance of 5 % / comparisons.
        assert together == pytest.approx((1 - 0.05 / comparisons) ** comparisons, abs=4 * error)


def test_shares_have_the_exact_interval():
    # (1 - high)^n = 0.025 where nothing was seen.
    assert statistics.proportion(0, 10) == pytest.approx((0, 0, 1 - 0.025**0.1))
    assert statistics.proportion(10, 10) == pytest.approx((1, 0.025**0.1, 1))
    expected = (0.35, stats.beta.ppf(0.025, 7, 14), stats.beta.ppf(0.975, 8, 13))
    assert statistics.proportion(7, 20) == pytest.approx(expected)


def test_rank_correlation_is_spearmans_with_ties():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 6, (2, 15, 3))
    found = statistics.rank_correlation(a, b)
    expected = np.mean([stats.spearmanr(a[:, i], b[:, i]).statistic for i in range(3)])
    assert found.mean == pytest.approx(expected, abs=1e-12)
    assert found.low < found.mean < found.high


def test_rank_correlation_sees_order_alone():
    a = np.random.default_rng(4).standard_normal(12)
    up, down = statistics.rank_correlation(a, np.exp(a)), statistics.rank_correlation(a, -(a**3))
    assert (up.mean, up.high) == pytest.approx((1, 1))
    np.testing.assert_allclose(down, [-up.mean, -up.high, -up.low], atol=1e-12)


@pytest.mark.parametrize(("n", "low"), [(5, 0.1), (16, 0.98)])
def test_perfect_order_of_few_members_is_not_certain(n, low):
    a = np.arange(float(n))
    assert low < statistics.rank_correlation(a, a).low < 1
    # By hand: half a swap short of 1, in Fisher's z.
    most = 1 - 6 / (n * (n**2 - 1))
    expected = np.tanh(np.arctanh(most) - 1.96 * np.sqrt(1.5 / (n - 3)))
    assert statistics.rank_correlation(a, a).low == pytest.approx(expected)


def test_rank_correlation_needs_members_that_differ():
    assert np.isnan(statistics.rank_correlation(np.ones(5), np.arange(5.0))).all()
    assert np.isnan(statistics.rank_correlation(np.ones(1), np.ones(1))).all()
    three = statistics.rank_correlation(np.arange(3.0), np.arange(3.0))
    assert three.mean == pytest.approx(1)
    assert np.isnan([three.low, three.high]).all()


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_rank_correlation_covers_as_often_as_promised(slope):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((400, 20))
    y = slope * x + rng.standard_normal((400, 20))
    intervals = [statistics.rank_correlation(*pair) for pair in zip(x, y, strict=True)]
    # For normal pairs of correlation r, Spearman's is 6/pi arcsin(r/2).
    true = 6 / np.pi * np.arcsin(slope / np.sqrt(slope**2 + 1) / 2)
    covered = np.mean([interval.low <= true <= interval.high for interval in intervals])
    # Bonett and Wright find 94 to 96 % at n = 20; four standard errors of 400 trials.
    assert covered == pytest.approx(0.95, abs=0.01 + 4 * np.sqrt(0.95 * 0.05 / 400))
