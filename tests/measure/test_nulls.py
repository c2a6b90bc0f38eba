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
