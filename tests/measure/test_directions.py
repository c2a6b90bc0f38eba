"""Counting rules on constructed spectra, with a law of noise made up for the purpose."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sottovoce.errors import UsageError
from sottovoce.measure import directions, nulls, spectra
from sottovoce.theory.random_matrix import Noise


@dataclass(frozen=True)
class FlatNoise(Noise):
    """Noise with its median, the end of its values at 2 - removed / 10 times that, and a level edge 10 % higher."""

    rows: int = 1
    columns: int = 1
    size: float = 1.0
    candidate: float = 1.0

    def edge(self, removed: int = 0) -> float:
        return self.size * (2 - removed / 10)

    def level_edge(self, removed: int, level: float, *, estimated: bool) -> float:
        if level == directions.CANDIDATES:
            # Candidates are found at the scale of the median, before any scale is estimated from the rest.
            assert not estimated
            return self.candidate * self.edge(removed)
        assert level == directions.LEVEL
        return 1.1 * self.edge(removed) * (0.99 if estimated else 1.0)

    def median(self) -> float:
        return self.size

    def hard_threshold(self) -> float:
        return 2.5 * self.size


NULL = directions.NullEdges(top=2.3, gap=0.5, larger=10)
BULK = [1.5, 1.2, 1.0, 0.9, 0.7, 0.4]


def count(*above, scale=1.0):
    return directions.counts(np.array([*above, *BULK]), FlatNoise(), NULL, scale)


def test_each_rule_on_values_with_known_answers():
    assert count() == {"marchenko_pastur": 0, "parallel": 0, "gavish_donoho": 0, "gap": 0}
    # 2.25 exceeds the level edge 2.2 and neither the drawn edge 2.3 nor the cut 2.5; its gap to 1.5 exceeds 0.5.
    assert count(2.25) == {"marchenko_pastur": 1, "parallel": 0, "gavish_donoho": 0, "gap": 1}
    # The second value meets edges that lost one direction: 2.09 and 2.3 * 1.9 / 2 = 2.185.
    assert count(3.0, 2.1) == {"marchenko_pastur": 2, "parallel": 1, "gavish_donoho": 1, "gap": 1}
    assert count(3.0, 2.2) == {"marchenko_pastur": 2, "parallel": 2, "gavish_donoho": 1, "gap": 1}
    assert count(3.0, 2.9, 2.8) == {"marchenko_pastur": 3, "parallel": 3, "gavish_donoho": 3, "gap": 3}


def test_counts_do_not_depend_on_units_if_the_scale_is_unknown():
    values = np.array([9.0, 8.0, *BULK])
    first = directions.counts(values, FlatNoise(), NULL)
    assert first == directions.counts(1e-6 * values, FlatNoise(), NULL)
    assert first["marchenko_pastur"] == 2


def test_the_scale_below_the_signal_is_not_the_signals():
    # With the first direction the root mean square over 9 x 7 entries is 5.1 and the edge 10; without, 0.5 and 1.1.
    law, values = FlatNoise(), np.array([40.0, 3.2, *BULK])
    assert directions.counts(values, law, NULL)["marchenko_pastur"] == 2


def test_an_unknown_scale_allows_at_most_half_of_the_values():
    values = np.array([50.0, 40.0, 30.0, 1e-3])
    assert max(directions.counts(values, FlatNoise(), NULL).values()) <= 2
    known = directions.counts(values, FlatNoise(), NULL, 1e-3)
    assert (known["marchenko_pastur"], known["parallel"], known["gavish_donoho"]) == (3, 3, 3)


def test_the_half_is_the_limit_where_noise_without_many_directions_ends_below_the_median():
    # Without 11 directions this noise ends at 0.9 times its median, so that every further value stands above it.
    law, null, values = FlatNoise(), directions.NullEdges(2.3, 0.5, 24), np.linspace(1.1, 1.0, 24)
    unknown, known = directions.counts(values, law, null), directions.counts(values, law, null, 1.0)
    assert (unknown["marchenko_pastur"], unknown["parallel"]) == (12, 12)
    assert (known["marchenko_pastur"], known["parallel"]) == (24, 24)


def test_only_values_above_the_bulk_at_the_medians_scale_are_candidates():
    # 1.8 exceeds all level edges at the scale below the first value, 0.76, but not the bulk's edge at the median, 1.9.
    values = np.array([40.0, 1.8, *np.ones(6)])
    assert directions.counts(values, FlatNoise(), NULL)["marchenko_pastur"] == 1


def test_candidates_stand_out_less_than_counted_values_at_an_unknown_scale_alone():
    # 1.85 exceeds the level edge at the scale below the first value, but not the bulk's edge 1.9 at the median. It is a
    # candidate if candidates need only 0.9 of that edge; at a known scale nothing is estimated, and 1.9 is needed.
    values, law = np.array([40.0, 1.85, *np.ones(6)]), FlatNoise(candidate=0.9)
    assert directions.counts(values, law, NULL)["marchenko_pastur"] == 2
    assert directions.counts(values, law, NULL, 0.8)["marchenko_pastur"] == 2
    assert directions.counts(values, law, NULL, 1.0)["marchenko_pastur"] == 1


@pytest.mark.parametrize(("rule", "edge"), [("marchenko_pastur", 0.99 * 1.1 * 1.9), ("parallel", 2.3 * 1.9 / 2)])
def test_an_unknown_scale_is_the_root_mean_square_of_the_entries_that_a_direction_leaves(rule, edge):
    law = FlatNoise(size=2.6)
    edge, null = edge * law.size, directions.NullEdges(2.3 * law.size, 0.5, 8)
    # One direction leaves 7 x 7 entries of an 8 x 8 matrix. The second value is among what they hold, so that it is at
    # the edge where its square is edge^2 (its square + 6) / 49.
    critical = edge * np.sqrt(6 / (7 * 7 - edge**2))
    for second, expected in ((0.999 * critical, 1), (1.001 * critical, 2)):
        assert directions.counts(np.array([40.0, second, *np.ones(6)]), law, null)[rule] == expected


@pytest.mark.parametrize("scale", [None, 2.0])
def test_a_gap_is_measured_in_units_of_the_scale_below_it(scale):
    # Below the first value 7 x 7 entries hold 7 values of 1.
    critical = 3.0 * (np.sqrt(7 / (7 * 7)) if scale is None else scale)
    for gap, expected in ((0.999 * critical, 0), (1.001 * critical, 1)):
        values, null = np.array([1 + gap, *np.ones(7)]), directions.NullEdges(100.0, 3.0, 8)
        assert directions.counts(values, FlatNoise(), null, scale)["gap"] == expected


def test_exact_rank_without_noise_and_the_zero_matrix():
    assert set(directions.counts(np.array([3.0, 2.0, 0, 0, 0, 0]), FlatNoise(), NULL).values()) == {2}
    assert set(directions.counts(np.zeros(4), FlatNoise(), NULL).values()) == {0}
    assert set(directions.counts(np.ones(1), FlatNoise(), NULL).values()) == {0}


def test_null_edges_are_order_statistics():
    draws = np.stack([np.arange(1, 20) * 1.0, np.zeros(19), np.zeros(19)], axis=1)
    edges = directions.null_edges(draws, larger=3, scale=1.0)
    # Of 19 draws a further one is the largest in 5 % of cases.
    assert edges == directions.NullEdges(19.0, 19.0, 3)
    assert directions.null_edges(draws, 3, scale=2.0, level=0.1) == directions.NullEdges(9.0, 9.0, 3)
    # In its own units each draw is (value, 0, 0) over value / 3.
    assert directions.null_edges(draws, 3).top == pytest.approx(3.0)
    # The gap of (value + 1, 1, 1) is in units of the root mean square of the 2 x 2 entries below.
    assert directions.null_edges(draws + 1, 3).gap == pytest.approx(19 / np.sqrt(2 / 4))
    assert directions.null_edges(np.ones((19, 4)), 4).gap == 0
    # Zero in units of zero is zero, as no noise exceeds no noise.
    assert directions.null_edges(np.zeros((19, 4)), 4) == directions.NullEdges(0.0, 0.0, 4)
    with pytest.raises(UsageError, match=r"draws is 18; allowed at level 0\.05: 19 or more"):
        directions.null_edges(draws[:18], 3)


def test_one_draw_is_exceeded_in_half_of_the_cases():
    assert directions.upper_edge(np.array([3.0]), level=0.5) == 3.0


@pytest.mark.parametrize(("draws", "rank"), [(19, 19), (39, 38), (99, 95), (25, 25)])
def test_the_upper_edge_is_the_rank_that_a_further_draw_exceeds_in_a_twentieth(draws, rank):
    # A further draw is equally likely to take each of draws + 1 ranks; the top 5 % of them exceed the edge.
    assert directions.upper_edge(np.random.default_rng(0).permutation(draws) + 1.0) == rank
    assert (draws + 1 - rank) / (draws + 1) <= directions.LEVEL < (draws + 2 - rank) / (draws + 1)


@pytest.mark.parametrize("draws", [19, 99, 1999])
def test_the_level_given_a_drawn_edge_is_that_of_a_beta_law(draws):
    rng, trials = np.random.default_rng(1), 2000
    # For uniform draws the level given an edge is 1 minus the edge, whatever the law of what is drawn.
    levels = 1 - np.sort(rng.random((trials, draws)), axis=1)[:, int(0.95 * (draws + 1)) - 1]
    stated = directions.drawn_level(draws)
    assert stated.mean == pytest.approx(0.05)
    # Five binomial standard errors of a share of 95 %, on either side apart of 2.5 %.
    for outside in ((levels < stated.low).mean(), (levels > stated.high).mean()):
        assert outside == pytest.approx(0.025, abs=5 * np.sqrt(0.025 * 0.975 / trials))


@pytest.mark.parametrize("null", ["normal", "uniform"])
@pytest.mark.parametrize(("neurons", "inputs"), [(0.0, 0.0), (0.2, 0.0), (0.1, 0.3)])
def test_the_spread_of_sizes_is_the_one_that_was_put_in(null, neurons, inputs):
    rng, n_in, n_out = np.random.default_rng(2), 200, 160
    across, along = rng.standard_normal(n_in), rng.standard_normal(n_out)
    sizes = np.exp(inputs * across[:, None] / across.std(ddof=1) + neurons * along / along.std(ddof=1))
    found = directions.profile_spread(5.0 * sizes * nulls.draw_weight(rng, null, n_in, n_out) + 3.0)
    for spread, true, count, length in ((found[0], neurons, n_out, n_in), (found[1], inputs, n_in, n_out)):
        # Logarithms of norms of `length` normal entries have the variance v = 1 / (2 length), and the squared spread
        # of `count` of them the variance 2 (v^2 + 2 true^2 v) / count; five standard errors.
        noise = 1 / (2 * length)
        error = 5 * np.sqrt(2 * (noise**2 + 2 * true**2 * noise) / count)
        assert spread**2 == pytest.approx(true**2, abs=error)


def test_inputs_without_weights_have_no_size_and_a_matrix_of_zeros_has_no_spread():
    weight = np.random.default_rng(3).standard_normal((30, 20))
    weight[::3] = 0
    assert max(directions.profile_spread(weight)) < 0.2
    assert directions.profile_spread(np.zeros((4, 5))) == (0.0, 0.0)
    with pytest.raises(UsageError, match="weight is of shape"):
        directions.profile_spread(np.zeros(4))


@given(arrays(np.float64, (7, 5), elements=st.floats(-10, 10, width=32)), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_values_know_no_order_of_inputs_or_outputs_and_no_common_shift(weight, seed):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((7, 7)))
    moved = (left @ weight)[:, rng.permutation(5)] + rng.standard_normal((7, 1))
    # Rounding of either svd and of the shift, relative to the largest entries.
    np.testing.assert_allclose(directions.centered_values(weight), directions.centered_values(moved), atol=1e-12)


def test_centered_values_drop_the_zero_that_centering_makes():
    weight = np.random.default_rng(0).standard_normal((6, 6))
    values = directions.centered_values(weight)
    assert values.shape == (5,)
    np.testing.assert_allclose(values, spectra.singular_values(spectra.centered(weight))[:5])
    assert (directions.centered_values(np.outer(np.arange(1.0, 7), [1.0, 1, 2, 3]))[1:] == 0).all()


def test_a_value_counts_as_zero_up_to_rounding_of_the_largest():
    first, second = np.array([1.0, -1, 0]) / np.sqrt(2), np.array([1.0, 1, -2]) / np.sqrt(6)
    rounding = 4 * np.finfo(np.float64).eps
    for scale in (1e-3, 1e3):
        for below, kept in ((0.99, False), (1.01, True)):
            weight = np.zeros((4, 3))
            weight[0], weight[1] = scale * first, below * rounding * scale * second
            assert (directions.centered_values(weight)[1] > 0) == kept


def test_a_weight_of_one_input_has_one_value():
    # Centered, it is (-1, 0, 1).
    np.testing.assert_allclose(directions.centered_values(np.array([[1.0, 2, 3]])), [np.sqrt(2)], rtol=1e-14)


def test_values_of_float32_are_computed_in_float64_and_two_outputs_are_enough():
    weight = np.random.default_rng(1).standard_normal((5, 2)).astype(np.float32)
    values = directions.centered_values(weight)
    np.testing.assert_array_equal(values, directions.centered_values(weight.astype(np.float64)))
    # Centered, both columns are the same but for the sign.
    np.testing.assert_allclose(values, [np.linalg.norm(np.diff(weight.astype(np.float64))) / np.sqrt(2)], rtol=1e-14)


@pytest.mark.parametrize(
    "weight", [np.zeros(3), np.zeros((2, 3, 3)), np.zeros((3, 1)), np.zeros((0, 3)), np.full((3, 3), np.nan)]
)
def test_refuses_what_is_not_a_weight(weight):
    with pytest.raises(UsageError, match="weight is of shape") as refused:
        directions.centered_values(weight)
    assert ("with NaN or infinity" in str(refused.value)) == bool(np.isnan(weight).any())
