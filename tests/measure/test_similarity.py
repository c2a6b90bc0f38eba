"""CKA: its invariances, Gram matrices written out as the second route, and no similarity where there is none."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.errors import UsageError
from sottovoce.measure.similarity import linear_cka, shuffled_cka_mean

both = pytest.mark.parametrize("debiased", [False, True])
seeds = st.integers(0, 2**32 - 1)


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def related(rng, n=20, p=6, q=4):
    x = rng.standard_normal((n, p))
    return x, x[:, :q] + 0.5 * rng.standard_normal((n, q))


def gram_cka(x, y, debiased):
    """The definition with Gram matrices over samples: Kornblith et al. 2019, and Song et al. 2012 for the debiased."""
    n = len(x)

    def hsic(K, L):
        if not debiased:
            H = np.eye(n) - 1 / n
            return np.trace(K @ H @ L @ H) / (n - 1) ** 2
        K, L, one = K - np.diag(np.diag(K)), L - np.diag(np.diag(L)), np.ones(n)
        totals = (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
        return (np.trace(K @ L) + totals - 2 * (one @ K @ L @ one) / (n - 2)) / (n * (n - 3))

    K, L = x @ x.T, y @ y.T
    return hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L))


@both
@settings(deadline=None, max_examples=30)
@given(seed=seeds, shift=st.floats(-5, 5))
def test_features_give_what_gram_matrices_give(debiased, seed, shift):
    x, y = related(np.random.default_rng(seed))
    # The Gram route does not center the features and loses digits to the shift: squares up to 6 x 25 of size 20.
    assert linear_cka(x + shift, y, debiased=debiased) == pytest.approx(gram_cka(x + shift, y, debiased), abs=1e-9)


@both
@settings(deadline=None, max_examples=30)
@given(seed=seeds, exponent=st.floats(-4, 4))
def test_rotations_shifts_scales_and_the_order_of_samples_do_not_matter(debiased, seed, exponent):
    rng = np.random.default_rng(seed)
    x, y = related(rng)
    expected = linear_cka(x, y, debiased=debiased)
    order = rng.permutation(len(x))
    for a, b in (
        (x @ rotation(rng, 6), y @ rotation(rng, 4)),
        (x * 10**exponent, -y),
        (x + rng.standard_normal(6), y),
        (x[order], y[order]),
        (y, x),
    ):
        assert linear_cka(a, b, debiased=debiased) == pytest.approx(expected, abs=1e-10)


@both
def test_features_are_like_themselves_and_not_like_a_rescaled_half(debiased):
    x, _ = related(np.random.default_rng(0))
    assert linear_cka(x, x, debiased=debiased) == pytest.approx(1)
    # A map that is no rotation changes the alignment: CKA is not invariant to all invertible maps.
    assert linear_cka(x, x * np.array([9, 1, 1, 1, 1, 1]), debiased=debiased) < 0.9


def test_independent_features_have_no_debiased_similarity_and_a_large_plain_one():
    n, p, repeats = 60, 50, 200
    rng = np.random.default_rng(1)
    pairs = [(rng.standard_normal((n, p)), rng.standard_normal((n, p))) for _ in range(repeats)]
    debiased = np.array([linear_cka(x, y, debiased=True) for x, y in pairs])
    plain = np.array([linear_cka(x, y) for x, y in pairs])
    # Five standard errors of a mean of 200. The ratio of unbiased estimates is odd in x's sign-symmetric numerator,
    # whose denominator varies little, so its own bias is far below.
    assert abs(debiased.mean()) < 5 * debiased.std() / np.sqrt(repeats)
    # Marchenko-Pastur: participation ratios of p n / (p + n) directions over n - 1 samples, 0.46; the exact shuffled
    # mean is that of each pair.
    assert plain.mean() == pytest.approx(p * n / (p + n) / (n - 1), abs=0.02)
    exact = np.array([shuffled_cka_mean(x, y) for x, y in pairs])
    assert abs((plain - exact).mean()) < 5 * (plain - exact).std() / np.sqrt(repeats)


def test_shuffled_means_are_those_over_every_pairing():
    x, y = related(np.random.default_rng(2), n=6, p=3, q=2)
    orders = [list(order) for order in permutations(range(6))]
    plain = np.mean([linear_cka(x, y[order]) for order in orders])
    assert shuffled_cka_mean(x, y) == pytest.approx(plain, abs=1e-12)
    assert np.mean([linear_cka(x, y[order], debiased=True) for order in orders]) == pytest.approx(0, abs=1e-12)


@both
def test_what_does_not_vary_is_like_nothing(debiased):
    x, _ = related(np.random.default_rng(3))
    assert np.isnan(linear_cka(x, np.full((20, 3), 0.1), debiased=debiased))


@pytest.mark.parametrize(("n", "debiased"), [(1, False), (3, True)])
def test_too_few_samples_are_refused(n, debiased):
    with pytest.raises(UsageError, match=f"features have {n} samples; allowed: {4 if debiased else 2} or more"):
        linear_cka(np.ones((n, 2)), np.ones((n, 2)), debiased=debiased)
