"""Intervals: known values by a second route, symmetries, refusals, and coverage at few members."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.measure import max_t, statistics

SAMPLE = np.array([0.35, 0.5, 0.45, 0.62, 0.58, 0.41, 0.55])


def test_an_interval_on_the_identity_is_students():
    for level in (0.95, 0.99):
        expected = stats.ttest_1samp(SAMPLE, 0).confidence_interval(level)
        found = statistics.interval(SAMPLE, level=level)
        assert found == pytest.approx((SAMPLE.mean(), expected.low, expected.high))


@pytest.mark.parametrize(
    ("scale", "forward", "inverse", "derivative"),
    [
        ("logit", stats.logistic.ppf, stats.logistic.cdf, lambda m: 1 / (m * (1 - m))),
        ("log", np.log, np.exp, lambda m: 1 / m),
        ("fisher_z", np.arctanh, np.tanh, lambda m: 1 / (1 - m * m)),
    ],
)
def test_other_scales_are_for_the_arithmetic_mean_by_the_delta_method(scale, forward, inverse, derivative):
    mean, low, high = statistics.interval(SAMPLE, scale=scale)
    assert mean == pytest.approx(SAMPLE.mean())
    half_width = stats.t.ppf(0.975, 6) * stats.sem(SAMPLE) * derivative(mean)
    assert low == pytest.approx(inverse(forward(mean) - half_width))
    assert high == pytest.approx(inverse(forward(mean) + half_width))


def test_intervals_stay_in_the_range_of_their_scale():
    near_one = np.array([1.0, 1.0, 0.9, 1.0, 0.98])
    assert statistics.interval(near_one).high > 1
    _, low, high = statistics.interval(near_one, scale="logit")
    assert 0 < low < near_one.mean() < high < 1
    assert statistics.interval(1 - near_one, scale="logit") == pytest.approx(
        (1 - near_one.mean(), 1 - high, 1 - low)
    )  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("scale", ["identity", "logit", "log", "fisher_z"])
def test_below_four_members_there_is_a_mean_and_no_interval(n, scale):
    found = statistics.interval(SAMPLE[:n], scale=scale)
    assert np.isnan(found[1:]).all()
    assert found.mean == pytest.approx(SAMPLE[:n].mean()) if n else np.isnan(found.mean)
    assert np.isfinite(statistics.interval(SAMPLE[:4], scale=scale)).all()
    assert np.isnan(statistics.band(SAMPLE[:n, None] + np.arange(2.0), scale="identity")[1:]).all()


@given(st.floats(-1e6, 1e6).filter(lambda value: abs(value) > 1e-3), st.integers(4, 12))
@settings(deadline=None)
def test_equal_members_are_no_certainty(value, n):
    # Sums of equal numbers round: the spread of three tenths, as computed, is not exactly zero.
    values = np.full(n, value) * 0.1 + np.full(n, value) * 0.2
    assert np.isnan(statistics.interval(values)[1:]).all()
    assert statistics.equal(values)
    assert statistics.equal(values * np.r_[1 + 1e-11, np.ones(n - 1)])
    assert not statistics.equal(values * np.r_[1 + 1e-7, np.ones(n - 1)])
    assert np.isnan(statistics.ratio(values, 2 * values)[1:]).all()


def test_what_rounding_leaves_of_a_difference_is_no_spread():
    accuracies = np.random.default_rng(13).uniform(0.2, 0.8, 8)
    rounding = (accuracies + 0.3) - accuracies - 0.3
    assert np.ptp(rounding) > 0
    assert np.isnan(statistics.interval(rounding)[1:]).all()
    # Errors of that size are numbers of their own.
    errors = 1e-17 * accuracies
    assert np.isfinite(statistics.interval(errors, scale="log")).all()


def test_a_mean_on_the_end_of_its_range_has_no_interval():
    assert np.isnan(statistics.interval(np.ones(6), scale="logit")[1:]).all()
    assert np.isnan(statistics.interval(np.zeros(6), scale="log")[1:]).all()


@pytest.mark.parametrize(("scale", "wrong"), [("logit", 1.2), ("logit", -0.1), ("log", -1.0), ("fisher_z", 1.1)])
def test_values_outside_the_range_of_a_scale_are_refused(scale, wrong):
    with pytest.raises(UsageError, match=rf"the {scale} scale has a value of {wrong:g}; allowed:"):
        statistics.interval(np.r_[SAMPLE, wrong], scale=scale)


def test_columns_are_taken_one_by_one():
    values = np.random.default_rng(3).uniform(size=(6, 2, 3))
    mean, low, high = statistics.intervals(values, "logit")
    assert mean.shape == low.shape == high.shape == (2, 3)
    assert (mean[1, 2], low[1, 2], high[1, 2]) == pytest.approx(statistics.interval(values[:, 1, 2], "logit"))


def test_several_intervals_share_the_level():
    several = stats.ttest_1samp(SAMPLE, 0).confidence_interval(1 - 0.05 / 8)
    assert statistics.simultaneous(SAMPLE, 8)[1:] == pytest.approx((several.low, several.high))
    assert statistics.simultaneous(SAMPLE) == statistics.interval(SAMPLE)
    assert np.isnan(statistics.simultaneous(np.array([]))).all()


@pytest.mark.parametrize("n", [6, 12])
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


def correlated(rng, n, points, along):
    """Return members' curves whose neighboring points correlate by so much."""
    drawn = rng.standard_normal((n, points))
    for j in range(1, points):
        drawn[:, j] = along * drawn[:, j - 1] + np.sqrt(1 - along**2) * drawn[:, j]
    return drawn


@pytest.mark.parametrize("n", [6, 12])
@pytest.mark.parametrize("along", [0.0, 0.9])
def test_a_band_contains_the_whole_curve_in_95_of_100(monkeypatch, n, along):
    # Fewer simulations for the critical value add noise to its level, not bias.
    monkeypatch.setattr(max_t, "SIMULATIONS", 250)
    rng, trials = np.random.default_rng(8), 250
    covered = 0
    for _ in range(trials):
        _, low, high = statistics.band(correlated(rng, n, 12, along) + 3)
        covered += bool(((low <= 3) & (high >= 3)).all())
    # The band may be a little wide where correlation is strong; four standard errors of 250 trials below.
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / trials) <= covered / trials


def test_a_band_over_independent_points_is_shrunk_to_independence():
    # Six members seem to correlate over twelve independent points; without shrinkage some bands are a tenth too narrow.
    rng, exact = np.random.default_rng(14), stats.t.isf((1 - 0.95 ** (1 / 12)) / 2, 5)
    for _ in range(12):
        values = rng.standard_normal((6, 12))
        mean, _, high = statistics.band(values)
        # The simulated level has a standard error of 0.5 %, which moves this quantile by 2 %.
        assert (high[0] - mean[0]) / stats.sem(values[:, 0]) == pytest.approx(exact, rel=0.05)


def test_a_band_is_wider_than_one_interval_and_narrower_than_bonferroni_where_points_go_together():
    values = correlated(np.random.default_rng(9), 25, 30, 0.97)
    half_widths = [(high - low) / 2 for _, low, high in (statistics.intervals(values), statistics.band(values))]
    bonferroni = np.array([statistics.simultaneous(column, 30) for column in values.T])
    assert (half_widths[1] > 1.2 * half_widths[0]).all()
    assert (half_widths[1] < 0.95 * (bonferroni[:, 2] - bonferroni[:, 1]) / 2).all()
    # One factor for the whole curve, the same in every run.
    factors = half_widths[1] / half_widths[0]
    np.testing.assert_allclose(factors, factors[0])
    np.testing.assert_array_equal(statistics.band(values), statistics.band(values))


def test_a_band_is_on_its_scale_and_leaves_out_points_without_spread():
    values = np.random.default_rng(10).uniform(0.6, 1.0, size=(8, 5))
    values[:, 2] = 1.0
    mean, low, high = statistics.band(values, "logit")
    assert mean[2] == 1
    assert np.isnan([low[2], high[2]]).all()
    others = [0, 1, 3, 4]
    assert (low[others] < mean[others]).all()
    assert (high[others] < 1).all()
    np.testing.assert_allclose(
        [low[others], high[others]], np.stack(statistics.band(values[:, others], "logit"))[1:], rtol=1e-12
    )


@pytest.mark.parametrize("missing", [False, True])
def test_values_of_float32_are_computed_in_float64(missing):
    curves = np.random.default_rng(3).standard_normal((8, 3)).astype(np.float32)
    curves[0, 0] = np.nan if missing else curves[0, 0]
    for narrow, wide in (
        (statistics.band(curves), statistics.band(curves.astype(np.float64))),
        (statistics.interval(curves[:, 1]), statistics.interval(curves[:, 1].astype(np.float64))),
    ):
        np.testing.assert_array_equal(narrow, wide)


def test_a_band_with_missing_values_shares_the_level_by_bonferroni():
    values = correlated(np.random.default_rng(11), 8, 4, 0.5)
    values[0, 1] = np.nan
    mean, low, high = statistics.band(values)
    for j, column in enumerate(values.T):
        expected = statistics.simultaneous(column[np.isfinite(column)], 4)
        assert (mean[j], low[j], high[j]) == pytest.approx(expected)


def test_shares_have_the_exact_interval():
    # (1 - high)^n = 0.025 where nothing was seen.
    assert statistics.proportion(0, 10) == pytest.approx((0, 0, 1 - 0.025**0.1))
    assert statistics.proportion(10, 10) == pytest.approx((1, 0.025**0.1, 1))
    expected = (0.35, stats.beta.ppf(0.025, 7, 14), stats.beta.ppf(0.975, 8, 13))
    assert statistics.proportion(7, 20) == pytest.approx(expected)
    expected = (0.35, stats.beta.ppf(0.005, 7, 14), stats.beta.ppf(0.995, 8, 13))
    assert statistics.proportion(7, 20, level=0.99) == pytest.approx(expected)
    assert np.isnan(statistics.proportion(0, 0)).all()


def test_a_ratio_holds_what_its_two_means_cannot_be_told_from():
    rng = np.random.default_rng(12)
    below = 2 + 0.3 * rng.standard_normal(9)
    above = 0.7 * below + 0.2 * rng.standard_normal(9)
    mean, low, high = statistics.ratio(above, below)
    assert mean == pytest.approx(above.mean() / below.mean())
    for end in (low, high):
        # At its ends the difference is at the edge of significance, by definition of the interval.
        assert stats.ttest_1samp(above - end * below, 0).pvalue == pytest.approx(0.05)
    wider = statistics.ratio(above, below, level=0.99)
    assert wider.low < low < high < wider.high
    # The unit of either side does not matter.
    assert statistics.ratio(10 * above, -below) == pytest.approx((-10 * mean, -10 * high, -10 * low))


def test_a_ratio_to_what_may_be_zero_is_unbounded():
    below = np.array([0.1, -0.2, 0.3, -0.1, 0.2])
    found = statistics.ratio(np.ones(5) + below, below)
    assert np.isfinite(found.mean)
    assert np.isnan(found[1:]).all()
    assert np.isnan(statistics.ratio(np.ones(4), np.array([1.0, -1.0, 1.0, -1.0]))).all()
    assert np.isnan(statistics.ratio(np.empty(0), np.empty(0))).all()
    assert np.isnan(statistics.ratio(SAMPLE[:3], SAMPLE[1:4])[1:]).all()


def test_rank_correlation_is_spearmans_with_ties():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 6, (2, 15, 3))
    found = statistics.rank_correlation(a, b)
    expected = np.mean([stats.spearmanr(a[:, i], b[:, i]).statistic for i in range(3)])
    assert found.mean == pytest.approx(expected, abs=1e-12)
    assert found.low < found.mean < found.high
    wider = statistics.rank_correlation(a, b, level=0.99)
    assert wider.low < found.low < found.high < wider.high


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
    expected = np.tanh(np.arctanh(most) - stats.norm.ppf(0.975) * np.sqrt(1.5 / (n - 3)))
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


TRIALS = 10_000


def coverage(values, true, scale):
    """Return how often the deployed intervals of many experiments at once (members, experiments) hold the true mean."""
    _, low, high = statistics.intervals(values, scale)
    return np.mean((low <= true) & (true <= high))


@pytest.mark.parametrize("n", [6, 8, 12, 25])
@pytest.mark.parametrize(
    ("a", "b", "scale"),
    [(0, 0, "identity"), (4, 4, "logit"), (15, 3, "logit"), (3, 15, "logit"), (6, 54, "logit"), (200, 12, "logit")],
    ids=["normal", "middling", "high", "low", "near chance", "near one"],
)
def test_intervals_cover_93_to_97_of_100(n, a, b, scale):
    rng = np.random.default_rng(1)
    if scale == "identity":
        values, true = rng.standard_normal((n, TRIALS)) + 3, 3.0
    else:
        # Accuracies: beta laws of skewness at most 1.
        values, true = rng.beta(a, b, size=(n, TRIALS)), a / (a + b)
        assert abs(stats.beta(a, b).stats("s")) <= 1
    # Served at 93 to 97 %; four standard errors of ten thousand experiments are 0.9 %.
    assert 0.93 - 0.009 <= coverage(values, true, scale) <= 0.97 + 0.009


def test_what_is_not_served_is_known():
    values = np.random.default_rng(2).exponential(size=(6, TRIALS))
    assert coverage(values, 1.0, "identity") < 0.91


def crossed_sample(rng: np.random.Generator, members: int, images: int, of_images: float) -> np.ndarray:
    """Return values of a two-way table with member effects of sd 0.1, image effects and residuals of sd 0.5."""
    by_member = 0.1 * rng.standard_normal((members, 1))
    return by_member + of_images * rng.standard_normal(images) + 0.5 * rng.standard_normal((members, images))


def test_a_crossed_interval_is_that_of_members_where_images_do_not_differ():
    values = crossed_sample(np.random.default_rng(0), 8, 50, 0.0)
    # Every image gets the same mean, so that images explain nothing.
    values -= values.mean(axis=0)
    values += 0.01 * np.arange(8)[:, None]
    assert statistics.crossed(values) == pytest.approx(statistics.interval(values.mean(axis=1)), abs=1e-12)
    assert statistics.crossed_error(values).freedom == pytest.approx(7)


def test_the_crossed_variance_is_that_of_members_and_of_images_less_what_both_count():
    values = crossed_sample(np.random.default_rng(1), 6, 40, 0.3)
    # A second route: the variance of the mean is the sum of both one-way variances, less that of single values, which
    # is part of both. The variance of single values is that of all differences of differences.
    m, i = values.shape
    pairs = [
        (values[a, c] - values[a, d] - values[b, c] + values[b, d]) ** 2 / 4
        for a in range(m) for b in range(a) for c in range(i) for d in range(c)
    ]  # fmt: skip
    expected = stats.sem(values.mean(axis=1)) ** 2 + stats.sem(values.mean(axis=0)) ** 2 - np.mean(pairs) / (m * i)
    error, freedom, of_images = statistics.crossed_error(values)
    assert error**2 == pytest.approx(expected)
    assert of_images**2 == pytest.approx(expected - stats.sem(values.mean(axis=1)) ** 2)
    assert freedom == pytest.approx((m - 1) * (error / stats.sem(values.mean(axis=1))) ** 4)


def test_a_crossed_interval_covers_where_members_alone_do_not():
    rng, experiments = np.random.default_rng(2), 2000
    samples = [crossed_sample(rng, 12, 100, 0.5) for _ in range(experiments)]
    # The true mean is zero.
    crossed, by_member = (
        np.mean([found.low <= 0 <= found.high for found in map(interval, samples)])
        for interval in (statistics.crossed, lambda values: statistics.interval(values.mean(axis=1)))
    )
    assert 0.93 <= crossed <= 0.97
    assert by_member < 0.85


@pytest.mark.parametrize("shape", [(3, 20), (8, 1)])
def test_a_crossed_interval_needs_members_and_images_that_differ(shape):
    values = crossed_sample(np.random.default_rng(3), *shape, 0.1)
    mean, low, high = statistics.crossed(values)
    assert mean == pytest.approx(values.mean())
    assert np.isnan([low, high]).all()
    # Members whose means are equal have no spread, however much their images differ.
    assert np.isnan(statistics.crossed(np.tile(np.arange(20.0), (8, 1))).low)
