"""The curve of fresh weights over ranks: its mean, its level, and what counts as above it."""

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.measure import nulls
from sottovoce.measure.null_curves import leading_run, null_curve
from sottovoce.measure.spectra import explained_variance_ratio


@pytest.mark.parametrize(("null", "n_in", "n_out"), [("normal", 24, 40), ("uniform", 40, 24)])
def test_fresh_weights_of_any_gain_leave_the_band_at_some_rank_in_five_percent(null, n_in, n_out):
    curve, rng, draws = null_curve(null, n_in, n_out), np.random.default_rng(1), 2000
    ratios = np.stack([
        explained_variance_ratio(3.0 * nulls.draw_weight(rng, null, n_in, n_out))[: curve.upper.size]
        for _ in range(draws)
    ])  # fmt: skip
    above = ratios > curve.upper
    # Of draws: sqrt(0.05 * 0.95 / 2000) = 0.5 %; of the band's own draws 0.7 %; four standard errors of both.
    assert abs(above.any(axis=1).mean() - 0.05) < 4 * np.hypot(0.005, 0.007)
    # Rank by rank the band is exceeded more rarely, since it holds for all ranks together.
    assert above.mean() < 0.02
    # The mean of one draw's largest ratio is known to its spread over the root of the draws.
    np.testing.assert_allclose(ratios.mean(axis=0), curve.mean, atol=5 * ratios.std(axis=0).max() / np.sqrt(999))
    assert curve.mean.sum() == pytest.approx(1)


def test_a_planted_direction_leaves_the_band_at_its_rank_alone():
    rng = np.random.default_rng(2)
    read, write = (np.linalg.qr(rng.normal(size=(64, 2)))[0] for _ in range(2))
    weight = rng.normal(0, 1 / 8, (64, 64)) + 4 * read @ write.T
    curve = null_curve("normal", 64, 64)
    assert leading_run(explained_variance_ratio(weight)[: curve.upper.size] > curve.upper) == 2


def test_components_after_a_gap_are_not_learned_ones():
    above = np.array([[True, True, False, True], [False, True, True, True], [True, True, True, True]])
    np.testing.assert_array_equal(leading_run(above), [2, 0, 4])


def test_a_rank_without_spread_and_an_unknown_scheme():
    # With two output neurons a single component holds everything, in every draw.
    curve = null_curve("normal", 5, 2)
    np.testing.assert_array_equal([*curve.mean, *curve.upper], [1, 1])
    with pytest.raises(UsageError):
        null_curve("cauchy", 5, 5)
