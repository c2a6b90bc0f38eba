"""Edges, quantiles and thresholds of noise, against published values, simulation and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from sottovoce.errors import UsageError
from sottovoce.theory import random_matrix as rm

SIDES = st.integers(2, 2000)


def noise_values(rng, draws, rows, columns):
    return np.linalg.svd(rng.standard_normal((draws, rows, columns)), compute_uv=False)


@pytest.mark.parametrize(("rows", "columns"), [(300, 300), (300, 100), (60, 240)])
def test_bulk_ends_at_the_edges(rows, columns):
    values = noise_values(np.random.default_rng(0), 4, rows, columns)
    lower, upper = rm.marchenko_pastur_edges(rows, columns)
    n, p = max(rows, columns), min(rows, columns)
    # The squared largest value is off its edge by a Tracy-Widom variable (sd 1.27, mean -1.2) times this width.
    width = (np.sqrt(n) + np.sqrt(p)) * (1 / np.sqrt(n) + 1 / np.sqrt(p)) ** (1 / 3)
    assert np.abs(values[:, 0] ** 2 - upper**2).max() < 6 * width
    if n > p:
        # At the lower edge the same, with the difference of the roots.
        width = (np.sqrt(n) - np.sqrt(p)) * (1 / np.sqrt(p) - 1 / np.sqrt(n)) ** (1 / 3)
        assert np.abs(values[:, -1] ** 2 - lower**2).max() < 6 * width
    else:
        assert lower == 0


@pytest.mark.parametrize(("rows", "columns"), [(400, 400), (400, 100), (100, 250)])
def test_half_of_the_bulk_lies_below_the_median(rows, columns):
    values = noise_values(np.random.default_rng(1), 4, rows, columns)
    # Eigenvalues are rigid: their number below a point varies by about log(p), not sqrt(p); five are generous.
    share = (values < rm.marchenko_pastur_median(rows, columns)).mean()
    assert share == pytest.approx(0.5, abs=5 / min(rows, columns))


def test_median_of_square_noise_is_that_of_the_quarter_circle():
    median = rm.marchenko_pastur_median(100, 100) / 10
    below, _ = integrate.quad(lambda x: np.sqrt(4 - x**2) / np.pi, 0, median)
    assert below == pytest.approx(0.5, abs=1e-9)


def test_quantiles_of_tracy_widom_are_the_published_ones():
    # Bornemann (2010) and Bejan (2005), tables for beta = 1; the last digit is theirs.
    for probability, quantile in ((0.90, 0.4501), (0.95, 0.9793), (0.99, 2.0234), (0.5, -1.2686)):
        assert rm.tracy_widom_quantile(probability) == pytest.approx(quantile, abs=6e-5)


def test_moments_of_tracy_widom_are_the_published_ones():
    s = np.linspace(-8, 8, 321)
    cdf = np.array([rm.tracy_widom_cdf(x) for x in s])
    mean = 8 - integrate.simpson(cdf, x=s)
    variance = 64 - 2 * integrate.simpson(s * cdf, x=s) - mean**2
    # Mean -1.2065335746 and variance 1.6077810346 (Bornemann 2010); what lies beyond 8 in either direction has mass
    # below 1e-8, and Simpson's rule at this step is finer.
    assert mean == pytest.approx(-1.2065335746, abs=1e-6)
    assert variance == pytest.approx(1.6077810346, abs=1e-6)


def test_quantile_inverts_the_determinant_and_bends_with_the_narrowing():
    for probability in (0.01, 0.5, 0.95, 0.999):
        assert rm.tracy_widom_cdf(rm.tracy_widom_quantile(probability)) == pytest.approx(probability, abs=1e-8)
    # A narrower law has its upper quantile further down.
    assert rm.tracy_widom_quantile(0.95, 0.1) < rm.tracy_widom_quantile(0.95) < rm.tracy_widom_quantile(0.95, -0.1)


@pytest.mark.parametrize("estimated", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(50, 50), (60, 20)])
def test_normal_noise_exceeds_the_quantile_as_often_as_stated(rows, columns, estimated):
    draws = 4000
    values = noise_values(np.random.default_rng(2), draws, rows, columns)
    scale = np.sqrt((values**2).sum(axis=1) / (rows * columns)) if estimated else 1.0
    edge = rm.largest_value_quantile(0.95, rows, columns, estimated=estimated)
    # Four binomial standard errors, and 0.3 % for the finite size.
    tolerance = 4 * np.sqrt(0.05 * 0.95 / draws) + 0.003
    assert (values[:, 0] / scale > edge).mean() == pytest.approx(0.05, abs=tolerance)


def test_kurtosis_moves_the_edge():
    rng, draws, side = np.random.default_rng(3), 4000, 48
    signs = rng.choice([-1.0, 1.0], size=(draws, side, side))
    top = np.linalg.eigvalsh(signs @ signs.swapaxes(1, 2))[:, -1] ** 0.5
    # Random signs have the least kurtosis there is, -2. Their rate, with the shift, is 5 % to 1.5 % at this size;
    # without the shift it is below 1 %.
    rate = (top > rm.largest_value_quantile(0.95, side, side, excess_kurtosis=-2.0)).mean()
    assert rate == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / draws) + 0.015)
    assert (top > rm.largest_value_quantile(0.95, side, side)).mean() < 0.02


@pytest.mark.parametrize(("rows", "columns"), [(256, 256), (300, 120), (120, 300)])
@pytest.mark.parametrize("relative", [0.5, 1.5, 2.5])
def test_an_added_direction_shows_where_the_formula_says(rows, columns, relative):
    rng, draws, scale = np.random.default_rng(4), 6, 0.3
    strength = relative * rm.detectability_threshold(rows, columns, scale)
    top = []
    for _ in range(draws):
        u, v = rng.standard_normal(rows), rng.standard_normal(columns)
        signal = strength * np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))
        top.append(np.linalg.norm(signal + scale * rng.standard_normal((rows, columns)), 2))
    expected = rm.visible_value(strength, rows, columns, scale)
    # A visible value fluctuates by about one scale; one that is not sits within a scale of the edge at these sizes.
    assert np.mean(top) == pytest.approx(expected, abs=scale * (4 / np.sqrt(draws) if relative > 1 else 1))
    assert (relative > 1) == (expected > rm.marchenko_pastur_edges(rows, columns, scale).upper)


@given(SIDES, SIDES)
@settings(deadline=None)
def test_the_visible_value_starts_at_the_edge_and_rises(rows, columns):
    threshold = rm.detectability_threshold(rows, columns)
    edge = rm.marchenko_pastur_edges(rows, columns).upper
    just_above, above = (rm.visible_value(factor * threshold, rows, columns) for factor in (1 + 1e-6, 1.1))
    assert just_above == pytest.approx(edge, rel=1e-9)
    assert above > just_above
    assert rm.visible_value(threshold * 0.999, rows, columns) == edge


@given(SIDES, SIDES, st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_sides_may_be_exchanged_and_everything_is_in_units_of_the_scale(rows, columns, scale):
    for quantity in (
        lambda *a: rm.marchenko_pastur_edges(*a).upper,
        lambda *a: rm.largest_value_quantile(0.95, *a, excess_kurtosis=-1.2),
        rm.detectability_threshold,
        rm.hard_threshold,
    ):
        assert quantity(rows, columns, scale) == pytest.approx(scale * quantity(columns, rows, 1.0), rel=1e-12)


def test_hard_threshold_is_the_published_one():
    # Gavish and Donoho (2014): 4/sqrt(3) and 2.858 for square matrices; their table of omega at aspect 0.5.
    assert rm.hard_threshold(100, 100) == pytest.approx(40 / np.sqrt(3), rel=1e-12)
    assert rm.hard_threshold(1000, 1000) / rm.marchenko_pastur_median(1000, 1000) == pytest.approx(2.858, abs=5e-4)
    assert rm.hard_threshold(200, 100) / rm.marchenko_pastur_median(200, 100) == pytest.approx(2.1711, abs=5e-4)


def test_noise_shrinks_on_its_smaller_side():
    noise = rm.Noise(30, 90, excess_kurtosis=-1.2)
    assert noise.edge(5) == rm.marchenko_pastur_edges(90, 25).upper
    expected = rm.largest_value_quantile(0.95, 90, 25, excess_kurtosis=-1.2, estimated=True)
    assert noise.level_edge(5, 0.05, estimated=True) == expected
    assert noise.median() == rm.marchenko_pastur_median(90, 30)


def test_refuses_empty_noise_and_impossible_levels():
    for call in (
        lambda: rm.marchenko_pastur_edges(0, 3),
        lambda: rm.marchenko_pastur_median(3, 0),
        lambda: rm.Noise(3, 3).edge(3),
        lambda: rm.tracy_widom_quantile(0.0),
        lambda: rm.largest_value_quantile(1.0, 3, 3),
    ):
        with pytest.raises(UsageError):
            call()
