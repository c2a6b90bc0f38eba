"""One-sided tests agree with the intervals and with SciPy; corrections hold their error rates; power by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sottovoce.measure import hypotheses, statistics

ACCURACIES = np.array([0.42, 0.55, 0.5, 0.61, 0.47, 0.52, 0.58])


@pytest.mark.parametrize("side", ["above", "below"])
def test_on_the_identity_the_test_is_students(side):
    expected = stats.ttest_1samp(ACCURACIES, 0.5, alternative="greater" if side == "above" else "less").pvalue
    assert hypotheses.mean_p(ACCURACIES, 0.5, side) == pytest.approx(expected, rel=1e-12)


levels = st.floats(0.5, 0.999)


@settings(deadline=None, max_examples=60)
@given(levels, st.sampled_from(["identity", "logit", "log", "fisher_z"]))
def test_a_bound_at_the_end_of_an_interval_has_the_p_value_of_its_level(level, scale):
    _, low, high = statistics.interval(ACCURACIES, scale, level)
    assert hypotheses.mean_p(ACCURACIES, low, "above", scale) == pytest.approx((1 - level) / 2, rel=1e-6)
    assert hypotheses.mean_p(ACCURACIES, high, "below", scale) == pytest.approx((1 - level) / 2, rel=1e-6)
    assert hypotheses.mean_p(ACCURACIES, low, "below", scale) == pytest.approx((1 + level) / 2, rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(levels)
def test_ratios_and_rank_correlations_are_dual_to_their_intervals(level):
    others = ACCURACIES[::-1] + 1.0
    _, low, high = statistics.ratio(ACCURACIES, others, level)
    assert hypotheses.ratio_p(ACCURACIES, others, low, "above") == pytest.approx((1 - level) / 2, rel=1e-6)
    assert hypotheses.ratio_p(ACCURACIES, others, high, "below") == pytest.approx((1 - level) / 2, rel=1e-6)
    # Both signs turned, the ratio is the same.
    assert hypotheses.ratio_p(-ACCURACIES, -others, low, "above") == pytest.approx((1 - level) / 2, rel=1e-6)
    shuffled = ACCURACIES[[1, 0, 2, 4, 3, 6, 5]]
    mean, low, high = statistics.rank_correlation(ACCURACIES, shuffled, level)
    assert low < mean < high
    assert hypotheses.rank_correlation_p(ACCURACIES, shuffled, low, "above") == pytest.approx((1 - level) / 2, rel=1e-6)
    assert hypotheses.rank_correlation_p(ACCURACIES, shuffled, high, "below") == pytest.approx(
        (1 - level) / 2, rel=1e-6
    )


@settings(deadline=None, max_examples=40)
@given(levels)
def test_crossed_values_are_dual_to_their_interval(level):
    values = ACCURACIES[:, None] + np.random.default_rng(0).standard_normal((7, 30))
    _, low, high = statistics.crossed(values, level)
    assert hypotheses.crossed_p(values, low, "above") == pytest.approx((1 - level) / 2, rel=1e-6)
    assert hypotheses.crossed_p(values, high, "below") == pytest.approx((1 - level) / 2, rel=1e-6)
    assert hypotheses.crossed_p(values, low, "below") == pytest.approx((1 + level) / 2, rel=1e-6)
    assert hypotheses.crossed_p(values[:3], low, "above") == 1.0


def test_a_share_is_tested_exactly():
    assert hypotheses.proportion_p(8, 8, 0.5, "above") == pytest.approx(0.5**8)
    assert hypotheses.proportion_p(0, 8, 0.5, "below") == pytest.approx(0.5**8)
    assert hypotheses.proportion_p(3, 8, 0.5, "above") == pytest.approx(stats.binom.sf(2, 8, 0.5))
    assert hypotheses.proportion_p(0, 0, 0.5, "above") == 1.0


def test_the_ends_of_a_scale_are_passed_by_themselves():
    assert hypotheses.mean_p(ACCURACIES, np.inf, "below") == 0.0
    assert hypotheses.mean_p(ACCURACIES, -np.inf, "above") == 0.0
    assert hypotheses.mean_p(ACCURACIES, np.inf, "above") == 1.0
    assert hypotheses.mean_p(ACCURACIES, 0.0, "above", "log") == 0.0
    assert hypotheses.mean_p(ACCURACIES, 1.0, "below", "logit") == 0.0
    assert hypotheses.mean_p(ACCURACIES, 1.0, "above", "logit") == 1.0
    assert hypotheses.ratio_p(ACCURACIES, ACCURACIES + 1, np.inf, "below") == 0.0
    assert hypotheses.ratio_p(ACCURACIES, ACCURACIES + 1, -np.inf, "below") == 1.0
    assert hypotheses.proportion_p(3, 8, 1.0, "below") == 0.0
    assert hypotheses.proportion_p(3, 8, 0.0, "above") == 0.0
    assert hypotheses.proportion_p(3, 8, 0.0, "below") == 1.0


@pytest.mark.parametrize("values", [[], [0.5], [0.4, 0.5, 0.6], [0.5] * 8])
def test_nothing_follows_from_too_few_or_equal_members(values):
    values = np.array(values)
    assert hypotheses.mean_p(values, 0.1, "above") == 1.0
    assert hypotheses.ratio_p(values, values + 1, 0.1, "above") == 1.0
    assert hypotheses.rank_correlation_p(values, values, 0.1, "above") == 1.0


def test_a_ratio_whose_denominator_may_be_zero_may_be_anything():
    spread = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])
    assert not np.isfinite(statistics.ratio(3 + spread, spread + 0.1).low)
    assert hypotheses.ratio_p(3 + spread, spread + 0.1, 0.5, "above") > 0.3
    # Equal denominators leave a mean of the numerators.
    expected = hypotheses.mean_p(3 + spread, 2.0, "above")
    assert hypotheses.ratio_p(3 + spread, np.full(6, 2.0), 1.0, "above") == pytest.approx(expected)
    assert hypotheses.ratio_p(3 + spread, np.zeros(6), 1.0, "above") == 1.0


def test_holm_by_hand():
    assert hypotheses.holm(np.array([0.04, 0.001, 0.02]), 3) == pytest.approx([0.04, 0.003, 0.04])
    # Two of four tests are not at hand.
    assert hypotheses.holm(np.array([0.01, 0.02]), 4) == pytest.approx([0.04, 0.06])
    # An adjusted p value is never below that of a test decided earlier, and never above one.
    assert hypotheses.holm(np.array([0.03, 0.031, 0.9]), 3) == pytest.approx([0.09, 0.09, 0.9])
    assert hypotheses.holm(np.array([0.9]), 8) == [1.0]
    assert hypotheses.holm(np.empty(0), 8) == []


def test_benjamini_yekutieli_by_hand():
    harmonic = 1 + 1 / 2 + 1 / 3
    expected = [0.03 * harmonic, 0.003 * harmonic, 0.03 * harmonic]
    assert hypotheses.benjamini_yekutieli(np.array([0.02, 0.001, 0.03])) == pytest.approx(expected)
    assert hypotheses.benjamini_yekutieli(np.empty(0)) == []


@pytest.mark.parametrize(
    ("mean", "holds", "scale"),
    [
        (0.3, (0.2, np.inf), "identity"),
        (0.0, (-0.1, 0.1), "identity"),
        (0.02, (-0.1, 0.1), "identity"),
        (0.8, (0.7, 1.0), "logit"),
        (-0.3, (-np.inf, -0.2), "identity"),
    ],
)
def test_power_is_the_share_of_experiments_that_support(mean, holds, scale):
    spread, n, alpha, experiments = 0.08, 12, 0.01, 2000
    rng = np.random.default_rng(3)
    supported = 0
    for values in mean + spread * rng.standard_normal((experiments, n)):
        values = np.clip(values, 0.0, 1.0) if scale == "logit" else values
        above = hypotheses.mean_p(values, holds[0], "above", scale)
        supported += max(above, hypotheses.mean_p(values, holds[1], "below", scale)) <= alpha
    expected = hypotheses.power(mean, spread, n, holds, alpha, scale)
    # Four standard errors of the simulated share. The delta method takes the slope at the mean where a test takes it at
    # the estimate: from 0.7 to 0.8 the logit's slope differs by a quarter, which moves this power by less than 0.1.
    error = 4 * np.sqrt(expected * (1 - expected) / experiments) + (0.1 if scale == "logit" else 0)
    assert supported / experiments == pytest.approx(expected, abs=max(error, 4 / experiments))


def test_power_outside_the_range_is_none_and_far_inside_is_full():
    assert hypotheses.power(0.2, 0.1, 12, (0.2, np.inf), 0.05) == 0.0
    assert hypotheses.power(0.1, 0.1, 12, (0.2, np.inf), 0.05) == 0.0
    assert hypotheses.power(0.3, 1e-6, 12, (0.2, np.inf), 0.05) == 1.0


def needed(mean, spread, holds, alpha, **settings):
    return hypotheses.members_needed(lambda n: hypotheses.power(mean, spread, n, holds, alpha, **settings))


def test_members_needed_are_the_fewest_with_enough_power():
    n = needed(0.0, 0.05, (-0.05, 0.05), 0.05 / 8)
    assert n is not None
    assert hypotheses.power(0.0, 0.05, n, (-0.05, 0.05), 0.05 / 8) >= 0.8
    assert hypotheses.power(0.0, 0.05, n - 1, (-0.05, 0.05), 0.05 / 8) < 0.8
    # What a few members decide still takes the least number for which a verdict is given.
    assert needed(0.4, 0.01, (0.2, np.inf), 0.05) == 6
    assert needed(0.0499999, 0.05, (-0.05, 0.05), 0.05) is None
    assert needed(0.3, 0.05, (-0.05, 0.05), 0.05) is None


def test_an_error_that_members_do_not_shrink_limits_power():
    holds, alpha = (-0.05, 0.05), 0.05 / 8
    # An error of members and the same fixed error are together as large as that of half as many members.
    together = hypotheses.power(0.0, 0.05, 24, holds, alpha, fixed=0.05 / np.sqrt(24))
    spread_alone = hypotheses.power(0.0, 0.05 * np.sqrt(2), 24, holds, alpha)
    assert together == pytest.approx(spread_alone)
    few, many = (needed(0.0, 0.05, holds, alpha, fixed=fixed) for fixed in (0.0, 0.01))
    assert few is not None
    assert many is not None
    assert few < many
    # With this error alone the range lies 2.5 standard errors away, at which no number of members is enough.
    assert needed(0.0, 0.05, holds, alpha, fixed=0.02) is None
