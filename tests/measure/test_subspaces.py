"""Subspaces: prescribed angles found again, what leaves a measure unchanged, and nulls by exhaustion and by draws."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.measure import subspaces
from sottovoce.theory import linear

# Products of orthonormal matrices of a dozen rows in float64.
ROUNDING = 1e-12
# Five standard errors: one false alarm in 1.7 million.
ERRORS = 5

seeds = st.integers(0, 2**32 - 1)
angles = st.lists(st.floats(0, np.pi / 2), min_size=1, max_size=4).map(np.sort)


def at_angles(rng, theta, dim=11):
    """Build two subspaces with these principal angles, in random bases of a randomly turned space."""
    r = len(theta)
    turned = subspaces.random_basis(rng, dim, dim)
    one, orthogonal = turned[:, :r], turned[:, r : 2 * r]
    other = one * np.cos(theta) + orthogonal * np.sin(theta)
    return one @ subspaces.random_basis(rng, r, r), other @ subspaces.random_basis(rng, r, r)


@settings(deadline=None, max_examples=50)
@given(angles, seeds)
def test_prescribed_angles_are_found_again(theta, seed):
    one, other = at_angles(np.random.default_rng(seed), theta)
    np.testing.assert_allclose(subspaces.principal_angles(one, other), theta, atol=ROUNDING)
    assert subspaces.overlap(one, other) == pytest.approx((np.cos(theta) ** 2).mean(), abs=ROUNDING)


def test_a_tiny_angle_keeps_its_digits_beside_a_large_one():
    one, other = at_angles(np.random.default_rng(0), np.array([1e-9, 1.4]))
    # The cosine differs from 1 by 5e-19, less than a rounding.
    np.testing.assert_allclose(subspaces.principal_angles(one, other), [1e-9, 1.4], rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 4), st.integers(1, 6))
def test_measures_ignore_basis_common_rotation_and_order(seed, rank, other_rank):
    rng = np.random.default_rng(seed)
    one, other = (subspaces.random_basis(rng, 9, r) for r in (rank, other_rank))
    turn = subspaces.random_basis(rng, 9, 9)
    within, within_other = (subspaces.random_basis(rng, r, r) for r in (rank, other_rank))
    expected = subspaces.overlap(one, other)
    for a, b in ((one @ within, other @ within_other), (turn @ one, turn @ other), (other, one)):
        assert subspaces.overlap(a, b) == pytest.approx(expected, abs=ROUNDING)
        np.testing.assert_allclose(
            subspaces.principal_angles(a, b), subspaces.principal_angles(one, other), atol=ROUNDING
        )
    # The two definitions of the overlap.
    cosines = np.cos(subspaces.principal_angles(one, other)) ** 2
    assert expected == pytest.approx(cosines.mean(), abs=ROUNDING)
    assert -ROUNDING <= expected <= 1 + ROUNDING


def test_a_subspace_overlaps_wholly_with_what_holds_it_and_not_with_what_is_orthogonal():
    basis = subspaces.random_basis(np.random.default_rng(0), 8, 8)
    assert subspaces.overlap(basis[:, :2], basis[:, :5]) == pytest.approx(1)
    assert subspaces.overlap(basis[:, :2], basis[:, 2:5]) == pytest.approx(0, abs=ROUNDING)


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(-3, 3))
def test_energy_ignores_scale_input_rotation_and_basis_and_adds_up(seed, exponent):
    rng = np.random.default_rng(seed)
    update, basis = rng.standard_normal((7, 9)), subspaces.random_basis(rng, 9, 9)
    energy = subspaces.captured_energy(update, basis[:, :3])
    turned = subspaces.random_basis(rng, 7, 7) @ update * 10**exponent
    assert subspaces.captured_energy(turned, basis[:, :3] @ subspaces.random_basis(rng, 3, 3)) == pytest.approx(energy)
    assert energy + subspaces.captured_energy(update, basis[:, 3:]) == pytest.approx(1)
    assert subspaces.captured_energy(update @ basis[:, :3] @ basis[:, :3].T, basis[:, :3]) == pytest.approx(1)


def test_no_update_has_no_energy_to_share():
    nothing, basis = np.zeros((3, 4)), np.eye(4)[:, :1]
    assert np.isnan(subspaces.captured_energy(nothing, basis))
    assert np.isnan(subspaces.shuffled_energy_mean(nothing, basis))
    assert np.isnan(subspaces.random_energies(np.random.default_rng(0), nothing, 1, 2)).all()


def test_parts_on_and_off_a_subspace_are_those_of_the_projector():
    rng = np.random.default_rng(1)
    change, columns = rng.standard_normal((6, 8)), rng.standard_normal((8, 3))
    basis = subspaces.column_basis(columns)
    P = columns @ np.linalg.solve(columns.T @ columns, columns.T)
    np.testing.assert_allclose(subspaces.projected(change, basis), change @ P, atol=ROUNDING)


@pytest.mark.parametrize("objective", ["mse", "kl"])
def test_span_of_columns_is_that_of_the_linear_theory(objective):
    W2 = np.random.default_rng(2).standard_normal((12, 7))
    Z = W2[:, -4:]
    basis = subspaces.column_basis(Z if objective == "mse" else Z - Z.mean(axis=1, keepdims=True))
    assert basis.shape == (12, 4 if objective == "mse" else 3)
    np.testing.assert_allclose(basis @ basis.T, linear.aux_projector(W2, 4, objective), atol=ROUNDING)


def test_dependent_columns_span_what_there_is():
    columns = np.random.default_rng(3).standard_normal((6, 2))
    assert subspaces.column_basis(np.column_stack([columns, columns.sum(axis=1), 0 * columns])).shape == (6, 2)
    assert subspaces.column_basis(np.zeros((6, 2))).shape == (6, 0)


@pytest.mark.parametrize("shape", [(6, 2), (2, 6)])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_direction_counts_from_rounding_of_the_largest_on(shape, scale):
    rounding = max(shape) * np.finfo(np.float64).eps
    for size, rank in ((0.99, 1), (1.01, 2)):
        columns = np.zeros(shape)
        columns[0, 0], columns[1, 1] = scale, size * rounding * scale
        assert subspaces.column_basis(columns).shape == (shape[0], rank)


def test_a_basis_of_float32_is_computed_in_float64():
    columns = np.random.default_rng(4).standard_normal((6, 2)).astype(np.float32)
    np.testing.assert_array_equal(subspaces.column_basis(columns), subspaces.column_basis(columns.astype(np.float64)))


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_the_strongest_directions_of_a_planted_update(seed):
    rng = np.random.default_rng(seed)
    left, right = subspaces.random_basis(rng, 10, 3), subspaces.random_basis(rng, 8, 3)
    update = left * np.array([5.0, 4.0, 0.1]) @ right.T
    for side, planted in (("input", left), ("output", right)):
        found = subspaces.update_basis(update, 2, side)
        assert subspaces.overlap(found, planted[:, :2]) == pytest.approx(1)
        # The strongest first.
        assert abs(found[:, 0] @ planted[:, 0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: subspaces.update_basis(np.eye(3, 4), 4), "rank is 4; allowed: 1 to 3"),
        (lambda: subspaces.update_basis(np.eye(3), 0), "rank is 0"),
        (lambda: subspaces.update_basis(np.eye(3), 1, "outptu"), "did you mean 'output'"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, part):
    with pytest.raises(UsageError, match=part):
        call()


@pytest.mark.parametrize(("dim", "rank", "other_rank"), [(5, 1, 1), (12, 2, 5), (12, 5, 2), (9, 9, 3)])
def test_random_subspaces_have_the_exact_mean_and_variance(dim, rank, other_rank):
    draws, rng = 4000, np.random.default_rng(4)
    fixed = subspaces.random_basis(rng, dim, other_rank)
    against_fixed = [subspaces.overlap(subspaces.random_basis(rng, dim, rank), fixed) for _ in range(draws)]
    by_corner = (np.cos(subspaces.random_angles(rng, dim, rank, other_rank, draws)) ** 2).mean(axis=1)
    mean = subspaces.random_overlap_mean(dim, rank, other_rank)
    variance = subspaces.random_overlap_variance(dim, rank, other_rank)
    for overlaps in (np.array(against_fixed), by_corner):
        assert overlaps.mean() == pytest.approx(mean, abs=ERRORS * np.sqrt(variance / draws) + ROUNDING)
        # Kurtosis of these laws is below 9, so a variance has a relative standard error below sqrt(8 / draws).
        assert overlaps.var() == pytest.approx(variance, rel=ERRORS * np.sqrt(8 / draws), abs=ROUNDING)


def test_one_random_direction_has_the_beta_law():
    overlaps = np.cos(subspaces.random_angles(np.random.default_rng(5), 12, 1, 5, 4000)) ** 2
    # The bound on the p-value is the chance of a false alarm at this seed.
    assert stats.kstest(overlaps[:, 0], stats.beta(5 / 2, 7 / 2).cdf).pvalue > 1e-4


def test_random_angles_come_sorted_within_a_quarter_turn():
    found = subspaces.random_angles(np.random.default_rng(6), 6, 2, 4, 50)
    assert found.shape == (50, 2)
    assert (np.diff(found, axis=1) >= 0).all()
    assert ((found >= 0) & (found <= np.pi / 2)).all()


def test_energy_on_random_subspaces_has_the_exact_mean_whatever_the_spectrum():
    rng, draws = np.random.default_rng(7), 4000
    update = rng.standard_normal((6, 9)) * np.arange(1, 10)
    drawn = subspaces.random_energies(rng, update, 2, draws)
    # An energy is a mean of overlaps of single directions, weighted by their share, so its variance is at most theirs.
    bound = np.sqrt(subspaces.random_overlap_variance(9, 2, 1) / draws)
    assert drawn.mean() == pytest.approx(2 / 9, abs=ERRORS * bound)
    # Its variance is wider the fewer directions hold the update: 2 b (tr G^2 - 1 / d), docs/theory.md, section 11.
    values = np.linalg.svd(update, compute_uv=False) ** 2
    spread = (values**2).sum() / values.sum() ** 2 - 1 / 9
    variance = 2 * 2 * 7 / (9 * 8 * 11) * spread
    assert drawn.var() == pytest.approx(variance, rel=ERRORS * np.sqrt(8 / draws))
    basis = subspaces.random_basis(np.random.default_rng(8), 9, 2)
    one = subspaces.random_energies(np.random.default_rng(8), update, 2, 1)[0]
    assert one == pytest.approx(subspaces.captured_energy(update, basis))


@settings(deadline=None, max_examples=10)
@given(seeds, st.floats(0, 3))
def test_shuffled_means_are_those_over_every_permutation(seed, common):
    rng = np.random.default_rng(seed)
    # All five coordinates share a mean, which every permutation keeps.
    one, other = (subspaces.column_basis(rng.standard_normal((5, r)) + common) for r in (2, 3))
    update = rng.standard_normal((4, 5)) + common
    orders = [list(order) for order in permutations(range(5))]
    overlaps = [subspaces.overlap(one[order], other) for order in orders]
    energies = [subspaces.captured_energy(update, one[order]) for order in orders]
    assert subspaces.shuffled_overlap_mean(one, other) == pytest.approx(np.mean(overlaps), abs=ROUNDING)
    assert subspaces.shuffled_energy_mean(update, one) == pytest.approx(np.mean(energies), abs=ROUNDING)


def test_shuffling_knows_what_a_common_mean_explains_and_random_subspaces_do_not():
    rng = np.random.default_rng(9)
    one, other = (subspaces.column_basis(rng.standard_normal((40, 1)) + 3) for _ in range(2))
    assert subspaces.overlap(one, other) > 0.7
    assert subspaces.shuffled_overlap_mean(one, other) > 0.7
    assert subspaces.random_overlap_mean(40, 1, 1) == 1 / 40
