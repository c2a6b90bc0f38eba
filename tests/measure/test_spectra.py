"""Spectra: a prescribed spectrum is found again, and what leaves a measure unchanged does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from sottovoce.measure import spectra

# Singular values of matrices of size one in float64, a few roundings of 1e-16 for each of their entries.
ROUNDING = 1e-12

singular_values = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5).map(lambda s: np.sort(s)[::-1])
seeds = st.integers(0, 2**32 - 1)


def orthonormal(rng, n_rows, n_columns):
    return np.linalg.qr(rng.standard_normal((n_rows, n_columns)))[0]


def prescribed(rng, s, n_inputs=7, n_outputs=6):
    """Build a matrix with these singular values whose rows sum to zero, so that centering leaves it."""
    V = rng.standard_normal((n_outputs, len(s)))
    V = np.linalg.qr(V - V.mean(axis=0))[0]
    return orthonormal(rng, n_inputs, len(s)) * s @ V.T


@settings(deadline=None, max_examples=50)
@given(singular_values, seeds)
def test_a_prescribed_spectrum_is_found_again(s, seed):
    W = prescribed(np.random.default_rng(seed), s)
    found = spectra.singular_values(W)
    np.testing.assert_allclose(found[: len(s)], s, rtol=0, atol=ROUNDING * s[0])
    np.testing.assert_allclose(found[len(s) :], 0, atol=ROUNDING * s[0])
    ratio = spectra.explained_variance_ratio(W)
    np.testing.assert_allclose(ratio[: len(s)], s**2 / (s**2).sum(), atol=ROUNDING)


def test_ratios_are_those_of_a_principal_component_analysis_of_the_output_neurons():
    W = np.random.default_rng(0).standard_normal((9, 6)) + 3
    expected = PCA().fit(W.T).explained_variance_ratio_
    np.testing.assert_allclose(spectra.explained_variance_ratio(W), expected, atol=ROUNDING)


@settings(deadline=None, max_examples=50)
@given(seeds, st.floats(-3, 3), st.floats(-10, 10))
def test_ratios_ignore_rotation_order_scale_and_what_all_neurons_share(seed, exponent, shift):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((5, 8))
    ratio = spectra.explained_variance_ratio(W)
    shared = shift * rng.standard_normal((5, 1))
    for changed in (orthonormal(rng, 5, 5) @ W, W[:, rng.permutation(8)], -W * 10**exponent, W + shared):
        np.testing.assert_allclose(spectra.explained_variance_ratio(changed), ratio, atol=ROUNDING * 100)


def test_singular_values_follow_the_scale_and_ignore_rotations_on_either_side():
    rng = np.random.default_rng(1)
    W = rng.standard_normal((5, 8))
    turned = orthonormal(rng, 5, 5) @ W @ orthonormal(rng, 8, 8)
    np.testing.assert_allclose(spectra.singular_values(-3 * turned), 3 * spectra.singular_values(W), atol=ROUNDING)


def test_leading_axes_are_batches():
    W = np.random.default_rng(2).standard_normal((3, 2, 5, 4))
    s = spectra.singular_values(W)
    for function, values in (
        (spectra.explained_variance_ratio, W),
        (spectra.centered, W),
        (spectra.participation_ratio, s),
        (spectra.stable_rank, s),
        (lambda v: spectra.count_above(v, 1.5), s),
    ):
        together = function(values)
        for index in np.ndindex(3, 2):
            np.testing.assert_allclose(together[index], function(values[index]), atol=ROUNDING)


@settings(deadline=None, max_examples=50)
@given(singular_values, st.floats(1e-3, 1e3))
def test_ranks_lie_between_one_and_the_number_of_directions(s, scale):
    participation, stable = spectra.participation_ratio(s), spectra.stable_rank(s)
    # Stable rank is the smaller: its denominator replaces each s^2 by the largest.
    assert 1 - ROUNDING <= stable <= participation * (1 + ROUNDING)
    assert participation <= len(s) * (1 + ROUNDING)
    assert spectra.participation_ratio(scale * s) == pytest.approx(participation)
    assert spectra.stable_rank(scale * s) == pytest.approx(stable)


def test_known_ranks():
    assert spectra.participation_ratio(np.full(4, 0.3)) == pytest.approx(4)
    assert spectra.participation_ratio(np.array([2.0, 0, 0])) == 1
    assert spectra.participation_ratio(np.array([2.0, 1.0])) == pytest.approx(25 / 17)
    assert spectra.stable_rank(np.array([2.0, 1.0])) == pytest.approx(1.25)
    W = np.random.default_rng(3).standard_normal((5, 8))
    expected = np.linalg.norm(W) ** 2 / np.linalg.norm(W, 2) ** 2
    assert spectra.stable_rank(spectra.singular_values(W)) == pytest.approx(expected)


def test_an_edge_itself_is_not_above_it():
    assert spectra.count_above(np.array([3.0, 2.0, 2.0, 1.0]), 2.0) == 1
