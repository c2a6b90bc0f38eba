"""Draws of noise: their laws, their scale, and what resampling keeps."""

import numpy as np
import pytest
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.measure import nulls, spectra

LEVEL = 1e-3


@pytest.mark.parametrize("null", nulls.SCHEMES)
def test_scale_and_kurtosis_are_those_of_the_networks_initialization(null):
    import jax

    from sottovoce.networks.initialization import Architecture, initialize

    network = initialize(Architecture(100, (200, 300), 2, 1, scheme=null), jax.random.key(0))
    entries = np.asarray(network.trunk[1].weight, dtype=np.float64).ravel() / nulls.scheme_scale(null, 200)
    # Variance and kurtosis of n draws have standard errors sqrt((2 + k) / n) and at most sqrt(24 / n); five of them.
    n = entries.size
    assert entries.var() == pytest.approx(1, abs=5 * np.sqrt(2 / n))
    assert stats.kurtosis(entries) == pytest.approx(nulls.SCHEMES[null].excess_kurtosis, abs=5 * np.sqrt(24 / n))


@pytest.mark.parametrize("null", nulls.SCHEMES)
def test_fresh_weights_are_of_scale_one(null):
    weight = nulls.draw_weight(np.random.default_rng(0), null, 200, 300)
    assert weight.var() == pytest.approx(1, abs=5 * np.sqrt(2 / weight.size))


@pytest.mark.parametrize("null", nulls.SCHEMES)
@pytest.mark.parametrize(("n_in", "n_out"), [(12, 12), (20, 6), (5, 17)])
def test_drawn_values_follow_the_law_of_centered_weights(null, n_in, n_out):
    rng, draws = np.random.default_rng(1), 600
    drawn = nulls.draw_values(rng, null, n_in, n_out, draws)
    weights = np.stack([nulls.draw_weight(rng, null, n_in, n_out) for _ in range(draws)])
    direct = np.linalg.svd(spectra.centered(weights), compute_uv=False)[:, : drawn.shape[1]]
    assert drawn.shape == (draws, min(n_in, n_out - 1))
    assert (np.diff(drawn, axis=1) <= 0).all()
    for component in (0, drawn.shape[1] // 2, -1):
        assert stats.ks_2samp(drawn[:, component], direct[:, component]).pvalue > LEVEL


@pytest.mark.parametrize("estimated", [False, True])
@pytest.mark.parametrize(("n_in", "n_out"), [(12, 12), (20, 6), (5, 17), (1, 4)])
def test_largest_normal_values_follow_the_law_of_all_values(n_in, n_out, estimated):
    draws = 600
    values = nulls.draw_values(np.random.default_rng(10), "normal", n_in, n_out, draws)
    scale = np.sqrt((values**2).sum(axis=1) / (n_in * (n_out - 1))) if estimated else 1.0
    largest = nulls.draw_normal_largest(np.random.default_rng(11), n_in, n_out, draws, estimated=estimated)
    if min(n_in, n_out - 1) == 1 and estimated:
        # A single value is its own root mean square over the entries.
        np.testing.assert_allclose(largest, np.sqrt(n_in * (n_out - 1)))
        return
    assert stats.ks_2samp(largest, values[:, 0] / scale).pvalue > LEVEL
    # The stream is that of all values, so that the same seed gives the same draws.
    again = nulls.draw_normal_largest(np.random.default_rng(10), n_in, n_out, draws, estimated=estimated)
    np.testing.assert_allclose(again, values[:, 0] / scale, rtol=1e-10)


def test_a_fitted_profile_makes_rows_and_columns_equal_and_knows_no_order():
    rng = np.random.default_rng(12)
    true = np.outer(np.exp(rng.standard_normal(40)), np.exp(0.5 * rng.standard_normal(30)))
    matrix = true * rng.standard_normal((40, 30))
    matrix[3], matrix[:, 5] = 0, 0
    rows, columns = nulls.variance_profile(matrix)
    assert rows[3] == columns[5] == 0
    kept = np.delete(np.delete(matrix / np.maximum(np.outer(rows, columns), 1e-300), 3, 0), 5, 1) ** 2
    # Squares of 39 x 29 normal entries, of variance 2, leave 2 (1/sqrt(39) + 1/sqrt(29))^2 = 0.24 of the error after
    # each of eight steps, 1e-5 of the first error in all.
    np.testing.assert_allclose(kept.mean(axis=0), kept.mean(), rtol=1e-4)
    np.testing.assert_allclose(kept.mean(axis=1), kept.mean(), rtol=1e-4)
    order = rng.permutation(30)
    np.testing.assert_allclose(nulls.variance_profile(matrix[:, order])[1], columns[order])
    np.testing.assert_allclose((columns**2).mean(), 1)
    assert not any(sizes.any() for sizes in nulls.variance_profile(np.zeros((3, 4))))


def test_draws_of_a_profile_have_the_scale_of_the_weight_and_its_largest_value_among_noise():
    rng, trials, draws, side = np.random.default_rng(13), 60, 19, 40
    ranks, energies = [], []
    sizes = np.exp(0.5 * rng.standard_normal((side, 1)))
    for _ in range(trials):
        weight = 7.0 * sizes * rng.standard_normal((side, side))
        values = np.vstack([nulls.gram_values(weight), nulls.profile_values(rng, weight, draws)])
        assert values.shape == (draws + 1, side - 1)
        energy = (values**2).sum(axis=1)
        largest = values[:, 0] / np.sqrt(energy)
        ranks.append((largest[1:] < largest[0]).mean())
        energies.append(energy[1:].mean() / energy[0])
    # The largest value of noise takes every rank among the draws equally often: the mean of ranks uniform on [0, 1] has
    # the standard error sqrt(1 / 12 / trials); four of them. With twice the sampling error of the sizes it is near 0.2.
    assert np.mean(ranks) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / trials))
    # Energies of 40 x 40 squares have a relative standard error of less than a tenth each.
    assert np.mean(energies) == pytest.approx(1, abs=4 * 0.1 / np.sqrt(trials))


def test_gram_values_are_singular_values():
    for shape in ((9, 6), (6, 9), (7, 7)):
        weight = np.random.default_rng(2).standard_normal(shape)
        expected = np.linalg.svd(spectra.centered(weight), compute_uv=False)[: min(shape[0], shape[1] - 1)]
        # Squaring halves the digits: sqrt(machine epsilon) relative to the largest value.
        np.testing.assert_allclose(nulls.gram_values(weight), expected, atol=2e-8 * expected[0])


def test_centering_takes_one_degree_of_freedom():
    rng, n_in, n_out = np.random.default_rng(3), 10, 4
    energy = (nulls.draw_values(rng, "uniform", n_in, n_out, 4000) ** 2).sum(axis=1)
    # E|W|^2 is n_in (n_out - 1); an energy's variance is at most twice its mean for these entries; five errors.
    expected = n_in * (n_out - 1)
    assert energy.mean() == pytest.approx(expected, abs=5 * np.sqrt(2 * expected / 4000))
    assert expected < n_in * n_out - 5


def test_centering_lowers_the_kurtosis_that_moves_the_edge():
    # Mean over neurons of the squared leverage 1 - 1/n, over its value (n - 1)/n for the remaining degrees of freedom.
    n_out = 10
    leverage = np.diag(np.eye(n_out) - 1 / n_out)
    expected = -1.2 * (leverage**2).sum() / leverage.sum()
    assert nulls.centered_kurtosis("uniform", n_out) == pytest.approx(expected)
    assert nulls.centered_kurtosis("normal", n_out) == 0


def test_resampling_keeps_what_it_says():
    weight = np.random.default_rng(4).standard_normal((8, 5)) * np.array([[10.0]] + [[1.0]] * 7)
    # Uncentered energy is kept exactly; two columns of opposite sign are centered already, whatever the signs were.
    opposite = np.hstack([weight, -weight])
    for how in nulls.RESAMPLINGS:
        values = nulls.resample_values(np.random.default_rng(5), opposite, how, 50)
        assert values.shape == (50, 8)
        assert ((values**2).sum(axis=1) <= (opposite**2).sum() * (1 + 1e-12)).all()
    shuffled, flipped = (
        nulls.resample_values(np.random.default_rng(6), opposite, how, 200)[:, 0].mean() for how in nulls.RESAMPLINGS
    )
    # The one large row stays together under random signs and keeps nearly all its length; shuffled it is scattered.
    assert flipped > 0.85 * np.linalg.norm(opposite[0]) > 1.2 * shuffled


@pytest.mark.parametrize("how", nulls.RESAMPLINGS)
@pytest.mark.parametrize("shape", [(9, 6), (6, 9), (7, 7)])
def test_largest_values_alone_are_those_of_all_in_units_of_their_root_mean_square(how, shape):
    weight = np.random.default_rng(7).standard_normal(shape)
    largest = nulls.resample_largest(np.random.default_rng(8), weight, how, 12)
    values = nulls.resample_values(np.random.default_rng(8), weight, how, 12)
    root_mean_square = np.sqrt((values**2).sum(axis=1) / (shape[0] * (shape[1] - 1)))
    # Eigenvalues of a Gram matrix of norm below 100 are good to 1e-13; its root is taken of values above 1.
    np.testing.assert_allclose(largest, values[:, 0] / root_mean_square, rtol=1e-12)
    np.testing.assert_array_equal(nulls.resample_largest(np.random.default_rng(8), 0 * weight, how, 2), 0)


def test_unknown_nulls_are_refused_with_the_nearest_name():
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="did you mean 'uniform'"):
        nulls.draw_values(rng, "unifrom", 4, 4, 1)
    with pytest.raises(UsageError, match="allowed: normal, uniform, shuffle, signflip"):
        nulls.resample_values(rng, np.eye(3), "bootstrap", 1)
