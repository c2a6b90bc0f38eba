"""The counts as users call them: calibrated on fresh weights, right on planted ones."""

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.measure import counting, directions, nulls
from sottovoce.measure.counting import DRAWS, LARGEST_DRAWS, count, count_values, drawn_levels, profile_count
from sottovoce.theory.random_matrix import Noise, detectability_threshold

CALIBRATED = ("marchenko_pastur", "parallel", "gap")


def planted(rng, n_in, n_out, rank, relative, null="normal"):
    """Return a fresh weight with directions of this strength relative to the threshold, centered themselves."""
    scale = nulls.scheme_scale(null, n_in)
    left, _ = np.linalg.qr(rng.standard_normal((n_in, rank)))
    right = rng.standard_normal((n_out, rank))
    right, _ = np.linalg.qr(right - right.mean(axis=0))
    signal = relative * detectability_threshold(n_in, n_out - 1, scale) * left @ right.T
    return scale * nulls.draw_weight(rng, null, n_in, n_out) + signal


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("null", nulls.SCHEMES)
def test_false_alarms_are_five_percent(null, known):
    rng, n_in, n_out, trials, draws = np.random.default_rng(0), 40, 48, 1500, 1999
    rows, columns = nulls.noise_shape(n_in, n_out)
    law, scale = Noise(rows, columns, nulls.centered_kurtosis(null, n_out)), 1.0 if known else None
    edges = directions.null_edges(nulls.draw_values(rng, null, n_in, n_out, draws), max(rows, columns), scale)
    fresh = (nulls.gram_values(nulls.draw_weight(rng, null, n_in, n_out)) for _ in range(trials))
    counted = [directions.counts(values, law, edges, scale) for values in fresh]
    # Four standard errors: binomial, and of the edge itself, an order statistic of the draws.
    tolerance = 4 * np.sqrt(0.05 * 0.95 * (1 / trials + 1 / (draws + 2)))
    for rule in CALIBRATED:
        assert np.mean([c[rule] > 0 for c in counted]) == pytest.approx(0.05, abs=tolerance), rule
    assert not any(c["gavish_donoho"] for c in counted)


@pytest.mark.parametrize("scale", ["bulk", "scheme"])
@pytest.mark.parametrize(("null", "n_in", "n_out"), [("normal", 96, 96), ("uniform", 80, 64), ("normal", 48, 120)])
def test_directions_above_threshold_are_counted_and_those_below_are_not(null, n_in, n_out, scale):
    rng, trials, rank = np.random.default_rng(1), 20, 3
    found = [count(planted(rng, n_in, n_out, rank, 3.0, null), null, scale=scale) for _ in range(trials)]
    missed = [count(planted(rng, n_in, n_out, 1, 0.3, null), null, scale=scale) for _ in range(trials)]
    for rule in directions.RULES:
        # A false alarm is due once in twenty; five or more in twenty have a chance below 3e-3 at 5 %.
        assert sum(c[rule] != rank for c in found) < 5, rule
        assert sum(c[rule] != 0 for c in missed) < 5, rule
        assert min(c[rule] for c in found) >= rank


@pytest.mark.parametrize("null", ["normal", "uniform"])
def test_counts_know_no_basis_of_inputs_and_no_units(null):
    rng = np.random.default_rng(2)
    weight = planted(rng, 60, 50, 2, 3.0)
    rotation, _ = np.linalg.qr(rng.standard_normal((60, 60)))
    expected = dict.fromkeys(directions.RULES, 2)
    assert count(weight, null) == count(rotation @ weight, null) == count(1e4 * weight + 7.0, null) == expected


def test_same_arguments_same_counts_as_plain_integers():
    weight = planted(np.random.default_rng(3), 40, 40, 2, 1.3)
    for null in (*nulls.SCHEMES, *nulls.RESAMPLINGS):
        first = count(weight, null, seed=5)
        assert first == count(weight, null, seed=5)
        assert all(type(value) is int for value in first.values())
        assert tuple(first) == directions.RULES


SHAPES = [(32, 64), (64, 32), (64, 256), (256, 64)]


@pytest.mark.parametrize("scale", ["bulk", "scheme"])
@pytest.mark.parametrize("null", nulls.SCHEMES)
@pytest.mark.parametrize(("n_in", "n_out"), SHAPES)
def test_directions_at_twice_the_threshold_are_counted_in_every_shape(null, n_in, n_out, scale):
    rng, trials = np.random.default_rng([11, n_in, n_out]), 30
    found = [count(planted(rng, n_in, n_out, 3, 2.0, null), null, scale=scale) for _ in range(trials)]
    # Over 200 draws of each shape 92.5 to 100 % were exact; four standard errors of 92.5 % in 30 trials are 19 %.
    assert np.mean([c["marchenko_pastur"] == 3 for c in found]) > 0.73
    assert np.mean([c["marchenko_pastur"] >= 3 for c in found]) > 0.8


@pytest.mark.parametrize("shape", [(64, 64), *SHAPES])
def test_directions_of_orthogonal_weights_are_values_above_the_gain(shape):
    rng, gain, rank = np.random.default_rng(12), 2.0, 3
    for _ in range(5):
        tall, _ = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
        weight = gain * (tall if shape[0] >= shape[1] else tall.T)
        left, right = (np.linalg.qr(rng.standard_normal((side, rank)))[0] for side in shape)
        added = 2 * gain * left @ (right - right.mean(axis=0)).T
        for matrix, least in ((weight, 0), (weight + added, rank)):
            values = directions.centered_values(matrix)
            counts = count_values(values, *shape, "orthogonal", gain=gain)
            assert min(counts.values()) >= least
            assert max(counts.values()) == 0 or least == rank


@pytest.mark.parametrize("scale", ["bulk", "scheme"])
@pytest.mark.parametrize("null", nulls.SCHEMES)
def test_counts_do_not_depend_on_the_gain(null, scale):
    rng = np.random.default_rng(13)
    for n_in, n_out in SHAPES:
        for strength in (0.0, 1.0, 2.0):
            values = directions.centered_values(planted(rng, n_in, n_out, 2, strength, null))
            plain = count_values(values, n_in, n_out, null, scale=scale)
            # Powers of two scale without rounding, so equality is exact.
            for gain in (0.5, 2.0):
                assert count_values(gain * values, n_in, n_out, null, scale=scale, gain=gain) == plain


def test_normal_weights_are_held_against_more_draws_of_the_largest_value():
    n_in, n_out, seed = 20, 30, 4
    rng = np.random.default_rng(seed)
    gaps = directions.null_edges(nulls.draw_values(rng, "normal", n_in, n_out, DRAWS), 29).gap
    largest = nulls.draw_normal_largest(rng, n_in, n_out, LARGEST_DRAWS, estimated=True)
    edges = counting._scheme_edges("normal", n_in, n_out, seed, known=False)
    assert edges == (directions.upper_edge(largest), gaps, 29)
    drawn = nulls.draw_values(np.random.default_rng(seed), "uniform", n_in, n_out, DRAWS)
    assert counting._scheme_edges("uniform", n_in, n_out, seed, known=False) == directions.null_edges(drawn, 29)


def test_the_error_of_drawn_edges_is_said():
    assert drawn_levels("normal").endswith("parallel [4.1 %, 6.0 %], gap [1.7 %, 10.0 %]")
    assert drawn_levels("uniform").endswith("parallel [1.7 %, 10.0 %], gap [1.7 %, 10.0 %]")
    assert drawn_levels("signflip").endswith("parallel [1.7 %, 10.0 %], gap [1.7 %, 10.0 %]")
    assert "no random edge" in drawn_levels("orthogonal")
    with pytest.raises(UsageError, match="null is 'gauss'"):
        drawn_levels("gauss")


@pytest.mark.parametrize(("spread", "fooled"), [(0.1, 0.2), (0.2, 0.9)])
def test_neurons_of_unequal_size_fool_the_noise_of_equal_variances_and_not_that_of_their_profile(spread, fooled):
    rng, side, trials = np.random.default_rng(14), 128, 30
    plain = profiled = 0
    for _ in range(trials):
        weight = rng.standard_normal((side, side)) * np.exp(spread * rng.standard_normal(side))
        plain += count(weight)["marchenko_pastur"] > 0
        profiled += profile_count(rng, weight, 39) > 0
    # Of 60 such matrices 22 and 60 had counts above 0; fewer than this share of 30 has a chance below 3 %.
    assert plain / trials >= fooled
    # At 10 %, the most that is allowed, more than 7 of 30 have a chance below 1 %.
    assert profiled <= 7


def test_the_null_of_a_profile_finds_directions_and_knows_no_units():
    rng = np.random.default_rng(15)
    sizes = np.exp(0.1 * rng.standard_normal(64))
    found = [profile_count(rng, 1e3 * planted(rng, 64, 64, 3, 3.0) * sizes, 39) for _ in range(10)]
    assert np.mean([3 <= n <= 4 for n in found]) >= 0.8
    assert profile_count(rng, np.zeros((6, 6)), 19) == 0
    with pytest.raises(UsageError, match="draws is 18"):
        profile_count(rng, np.eye(6), 18)
    with pytest.raises(UsageError, match="weight is of shape"):
        profile_count(rng, np.zeros(4), 19)


@pytest.mark.parametrize("scale", ["bulk", "scheme"])
def test_parallel_edges_are_in_the_units_of_the_chosen_scale(scale):
    side, seed = 30, 7
    drawn = nulls.draw_values(np.random.default_rng(seed), "uniform", side, side, DRAWS)
    edges = {name: directions.null_edges(drawn, side, known).top for name, known in (("scheme", 1.0), ("bulk", None))}
    rng = np.random.default_rng(8)
    centered = rng.uniform(-1, 1, (side, side))
    left, values, right = np.linalg.svd(centered - centered.mean(axis=1, keepdims=True))
    # A largest value between the two edges, in the unit of the scale in question, tells which edge was used.
    rest, middle = (values[1:] ** 2).sum(), np.mean(list(edges.values()))
    unit = nulls.scheme_scale("uniform", side)
    if scale == "bulk":
        values[0] = middle * np.sqrt(rest / (side * (side - 1) - middle**2))
    else:
        values *= unit / np.sqrt(rest / (side * (side - 1)))
        values[0] = middle * unit
    counted = count(left * values @ right, "uniform", seed, scale)
    assert counted["parallel"] == int(middle > edges[scale])


@pytest.mark.parametrize("null", nulls.RESAMPLINGS)
def test_resampled_nulls_keep_their_level_and_find_strong_directions(null):
    rng, trials = np.random.default_rng(4), 60
    alarms = [count(rng.standard_normal((24, 24)), null, seed=i)["parallel"] > 0 for i in range(trials)]
    # Entries exchangeable in place and sign make both exact: 3 alarms are due, 12 have a chance of 3e-5.
    assert sum(alarms) < 12
    strong = [count(planted(rng, 64, 64, 2, 4.0), null)["parallel"] for _ in range(10)]
    assert np.mean([found in (2, 3) for found in strong]) >= 0.8


@pytest.mark.parametrize("null", nulls.RESAMPLINGS)
def test_weights_of_float32_are_resampled_in_float64(null):
    # The squares of such entries overflow in float32.
    weight = (1e25 * planted(np.random.default_rng(9), 24, 24, 2, 4.0)).astype(np.float32)
    assert count(weight, null) == count(weight.astype(np.float64), null)


def test_rows_of_unequal_size_fool_the_shuffle_and_not_the_signs():
    rng = np.random.default_rng(5)
    weights = [rng.standard_normal((60, 60)) * np.exp(rng.standard_normal((60, 1))) for _ in range(10)]
    assert sum(count(weight, "signflip")["parallel"] > 0 for weight in weights) <= 3
    assert all(count(weight, "shuffle")["parallel"] > 0 for weight in weights)


def test_refuses_unknown_nulls_and_scales():
    weight = np.eye(5)
    for call, message in (
        (lambda: count(weight, "gauss"), "null is 'gauss'; allowed: normal, uniform, shuffle, signflip"),
        (lambda: count(weight, scale="median"), "scale is 'median'; allowed: bulk, scheme"),
        (lambda: count(weight, "shuffle", scale="scheme"), "so use scale bulk"),
        (lambda: count(np.zeros(4)), "weight is of shape"),
    ):
        with pytest.raises(UsageError, match=message):
            call()
