"""Distillation inputs: their law, their key, their limits."""

from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sottovoce.data import inputs, kinds
from sottovoce.data.facts import OF_IMAGES
from sottovoce.data.inputs import STANDARD, distillation_inputs, input_rows
from sottovoce.errors import UsageError
from sottovoce.parts import INPUTS as KINDS

SIDE = 4
RNG = np.random.default_rng(0)
# Strokes of unequal direction, so that neither the spectrum nor the mean is flat or symmetric.
IMAGES = np.cumsum(RNG.standard_normal((60, SIDE, SIDE)), axis=1).reshape(60, -1).astype(np.float32)
LAWS = {"uniform": stats.uniform(-1, 2).cdf, "normal": stats.norm.cdf}
NOISE = [kind for kind in KINDS if kind not in {"images", "permuted_images", "constant"}]
each = pytest.mark.parametrize("kind", KINDS)

_drawn = jax.jit(distillation_inputs, static_argnums=(0, 2))


def draw(kind, seed=0, n=60, images=IMAGES, width=None, **parameters):
    shape = (n, width or images.shape[1])
    return np.asarray(_drawn(kind, jax.random.key(seed), shape, images, STANDARD._replace(**parameters)))


@pytest.mark.parametrize("kind", LAWS)
def test_drawn_kinds_follow_their_law(kind: str):
    sample = draw(kind, n=400, width=100).astype(np.float64)
    # Kolmogorov-Smirnov over 40,000 values: a right sampler fails one key in a million, and the key is fixed.
    assert stats.kstest(sample.ravel(), LAWS[kind]).pvalue > 1e-6
    # Columns are independent: each of the 4950 correlations is about N(0, 1/400); 6 standard errors.
    correlation = np.corrcoef(sample, rowvar=False)[np.triu_indices(100, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(400)


def test_uniform_noise_stays_on_its_interval():
    sample = draw("uniform", n=400, width=100)
    assert sample.min() >= -1
    assert sample.max() < 1
    shifted = draw("uniform", n=400, width=100, scale=0.5, shift=0.5)
    assert 0 <= shifted.min() < 0.001
    assert 0.999 < shifted.max() <= 1


@pytest.mark.parametrize(
    ("kind", "pixels"),
    {
        "uniform": [-0.98541236, -0.95821762, 0.16285300],
        "normal": [-2.44245577, -2.03568053, 0.20554423],
        "permuted_images": [-0.22704929, 0.23067653, 1.39402342],
        "shuffled_images": [-0.54425901, 1.04251337, 1.14417565],
        "blurred": [-1.63647723, -1.51679611, -0.84670007],
        "spectrum_matched": [-4.69193220, -2.94403982, -0.53865433],
        "low_rank": [0.42165563, 0.96218073, 0.23191890],
        "mixture": [-1.03696513, -0.79540896, 0.49305704],
    }.items(),
)
def test_a_key_draws_the_same_pixels_in_every_version(kind: str, pixels: list[float]):
    # Saved runs are continued with these numbers. Sums of 16 pixels are rounded differently on other machines.
    np.testing.assert_allclose(draw(kind, n=2)[1, :3], pixels, rtol=2e-6)


def test_images_are_the_first_as_given():
    np.testing.assert_array_equal(draw("images", n=4), IMAGES[:4])
    np.testing.assert_array_equal(draw("images"), IMAGES)
    np.testing.assert_array_equal(draw("images", seed=1), draw("images", seed=2))


def test_stored_pixels_become_what_a_network_sees_and_then_the_input():
    pixels = jax.numpy.asarray(RNG.integers(0, 256, (10, 16)), dtype=np.uint8)
    seen = distillation_inputs("images", jax.random.key(0), (10, 16), pixels, STANDARD, lambda p: p / 128 - 1)
    np.testing.assert_array_equal(seen, np.asarray(pixels, np.float32) / 128 - 1)


def test_permuted_images_share_one_permutation_which_is_the_members():
    permuted = draw("permuted_images")
    columns = [np.flatnonzero((column[:, None] == IMAGES).all(axis=0)) for column in permuted.T]
    permutation = np.concatenate(columns)
    assert sorted(permutation) == list(range(SIDE**2))
    np.testing.assert_array_equal(permuted, IMAGES[:, permutation])
    assert not np.array_equal(permuted, draw("permuted_images", seed=1))
    assert not np.array_equal(permuted, IMAGES)


def test_shuffled_images_keep_each_images_histogram_and_no_place():
    shuffled = draw("shuffled_images")
    np.testing.assert_array_equal(np.sort(shuffled, axis=1), np.sort(IMAGES, axis=1))
    orders = np.argsort(shuffled, axis=1)[np.arange(60)[:, None], np.argsort(np.argsort(IMAGES, axis=1), axis=1)]
    # 60 permutations of 16 pixels: two agree with probability 60^2 / 2 / 16! < 1e-9.
    assert len(np.unique(orders, axis=0)) == 60
    # Each pixel goes to each place: 60/16 times on average, binomial with standard deviation 1.9; six of them.
    counts = np.array([np.bincount(places, minlength=16) for places in orders.T])
    assert np.abs(counts - 60 / 16).max() < 6 * 1.9


@pytest.mark.parametrize("length_scale", [0.7, 1.5])
def test_blurred_noise_has_its_correlations_and_the_variance_of_uniform_noise_at_every_pixel(length_scale):
    n, side = 3000, 12
    sample = draw("blurred", n=n, width=side**2, length_scale=length_scale).reshape(n, side, side).astype(np.float64)
    # The variance of a sample variance is at most that of normal values, 2 / n; six standard errors.
    np.testing.assert_allclose(sample.var(axis=0), 1 / 3, rtol=6 * np.sqrt(2 / n))
    center = sample[:, side // 2, side // 2]
    for down, right in ((0, 1), (1, 0), (1, 1), (2, 0), (0, 3), (2, 2)):
        other = sample[:, side // 2 + down, side // 2 + right]
        expected = np.exp(-(down**2 + right**2) / (4 * length_scale**2))
        # A sample correlation's standard error is at most 1 / sqrt(n); six of them. The formula is for an unlimited
        # image: a kernel of 1.5 pixels at 3 pixels from the border (the farthest here) loses 2 % of its square.
        assert abs(np.corrcoef(center, other)[0, 1] - expected) < 6 / np.sqrt(n) + 0.01


def test_blurred_noise_is_uniform_noise_without_a_blur_and_one_gray_under_a_long_one():
    # A neighbor weighs exp(-50) = 2e-22, below rounding.
    np.testing.assert_array_equal(draw("blurred", length_scale=0.1), draw("uniform"))
    gray = draw("blurred", length_scale=1e6)
    # Sums of 16 values below 1, each rounded to 6e-8.
    np.testing.assert_allclose(gray, np.broadcast_to(gray[:, :1], gray.shape), atol=3e-6)
    # The gray of an image is the sum of 16 values over sqrt(16).
    np.testing.assert_allclose(gray[:, 0], draw("uniform").sum(axis=1) / 4, atol=3e-6)


def spectrum(rows):
    return np.mean(np.abs(np.fft.fft2(rows.astype(np.float64).reshape(-1, SIDE, SIDE))) ** 2, axis=0) / SIDE**2


@pytest.mark.parametrize("n_image", [1, 60, 999, 1000, 1001])
def test_mean_and_spectrum_of_images_are_taken_over_each_once_whatever_the_blocks(n_image):
    images = np.cumsum(RNG.standard_normal((n_image, SIDE, SIDE)), axis=1).reshape(n_image, -1).astype(np.float32)
    source = kinds.Source(jax.random.key(0), SIDE**2, jax.numpy.asarray(images), lambda pixels: pixels, STANDARD)
    mean, power = kinds._mean_and_power(source)
    # Sums of n float32 values in blocks of 1000: relative rounding below 1000 x 6e-8, seldom above its root.
    np.testing.assert_allclose(mean, images.astype(np.float64).mean(axis=0), atol=1e-5)
    expected = spectrum(images - images.astype(np.float64).mean(axis=0))[:, : SIDE // 2 + 1]
    np.testing.assert_allclose(power, expected, rtol=1e-4, atol=1e-10)


def test_matched_noise_has_the_images_mean_and_spectrum_and_is_stationary():
    n = 4000
    sample = draw("spectrum_matched", n=n).astype(np.float64)
    expected = spectrum(IMAGES - IMAGES.mean(axis=0, dtype=np.float64))
    # A power is exponential, at self-conjugate frequencies chi-squared of one degree: relative spread at most sqrt(2).
    np.testing.assert_allclose(spectrum(sample - IMAGES.mean(axis=0)), expected, rtol=6 * np.sqrt(2 / n))
    variance = expected.mean()
    np.testing.assert_allclose(sample.mean(axis=0), IMAGES.mean(axis=0), atol=6 * np.sqrt(variance / n))
    np.testing.assert_allclose(sample.var(axis=0), variance, rtol=6 * np.sqrt(2 / n))
    # Gaussian, though the images' sums of 16 pixels and the images themselves need not be.
    assert stats.kstest((sample - IMAGES.mean(axis=0))[:, 5] / np.sqrt(variance), "norm").pvalue > 1e-6


def test_noise_matched_to_one_image_is_that_image():
    one = np.repeat(IMAGES[:1], 7, axis=0)
    # Rounding leaves a power of 1e-12 or so, the square of what is seen.
    np.testing.assert_allclose(draw("spectrum_matched", n=7, images=one), one, atol=1e-4)


@pytest.mark.parametrize("rank", [1, 3, 16])
def test_low_rank_noise_fills_one_subspace_with_the_variance_of_uniform_noise(rank):
    n = 2000
    sample = draw("low_rank", n=n, rank=rank).astype(np.float64)
    values = np.linalg.svd(sample, compute_uv=False)
    # Float32 leaves 1e-7 of the largest value in the directions beyond the rank.
    assert (values > 1e-5 * values[0]).sum() == rank
    # Squared lengths are 16 / (3 rank) times chi-squared of `rank` degrees; six standard errors.
    total = (sample**2).sum(axis=1).mean()
    assert total == pytest.approx(16 / 3, rel=6 * np.sqrt(2 / (rank * n)))
    # Within the subspace no direction is preferred: Marchenko-Pastur's edges, and as much again for small ranks.
    spread = values[:rank] ** 2 * 3 * rank / 16 / n
    assert np.abs(spread - 1).max() < 2 * (2 * np.sqrt(rank / n) + rank / n) + 4 * np.sqrt(2 / n)


def projector(sample, rank):
    directions = np.linalg.svd(sample.astype(np.float64))[2][:rank]
    return directions.T @ directions


def test_subspaces_are_nested_and_one_member_keeps_its_own():
    small, large, other = (draw("low_rank", seed=s, rank=r) for s, r in ((0, 2), (0, 5), (1, 2)))
    P2, P5 = projector(small, 2), projector(large, 5)
    np.testing.assert_allclose(P5 @ P2, P2, atol=1e-5)
    assert np.trace(P2 @ projector(other, 2)) < 1.5
    row = input_rows("low_rank", jax.random.key(0), (60, 16), jax.numpy.asarray(IMAGES), STANDARD._replace(rank=2))
    fresh = jax.vmap(partial(row, jax.random.key(9)))(np.arange(60))
    np.testing.assert_allclose(fresh @ P2, fresh, atol=1e-5)
    assert not np.allclose(fresh, small, atol=0.1)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 100, width=32))
def test_a_mixture_is_images_plus_alpha_times_uniform_noise(alpha):
    mixed = draw("mixture", alpha=alpha)
    # Two roundings of values up to alpha + 10.
    np.testing.assert_allclose(mixed, IMAGES + np.float32(alpha) * draw("uniform"), rtol=0, atol=2e-7 * (alpha + 10))


def test_constant_inputs_are_all_the_same_gray():
    np.testing.assert_array_equal(draw("constant", scale=0.25, shift=-1), np.full((60, 16), -0.75))


@each
def test_shape_and_type_are_as_promised(kind: str):
    sample = draw(kind, n=3)
    assert (sample.shape, sample.dtype) == ((3, 16), np.float32)


@each
def test_every_kind_is_scaled_then_shifted(kind):
    np.testing.assert_allclose(draw(kind, scale=3.0, shift=-0.5), 3 * draw(kind) - 0.5, atol=1e-4)


@each
def test_a_row_does_not_depend_on_how_many_there_are_nor_on_the_blocks(kind, monkeypatch):
    many = draw(kind)
    monkeypatch.setattr(inputs, "ROWS_AT_ONCE", 7)
    few = jax.jit(partial(distillation_inputs, kind), static_argnums=1)(jax.random.key(0), (20, 16), IMAGES)
    # Products of blocks of another size may round differently.
    np.testing.assert_allclose(few, many[:20], atol=1e-5)


@pytest.mark.parametrize("kind", NOISE)
def test_the_key_alone_decides(kind: str):
    np.testing.assert_array_equal(draw(kind, seed=3), draw(kind, seed=3))
    drawn, other = draw(kind, seed=3), draw(kind, seed=4)
    assert not np.isclose(drawn, other, atol=1e-6).all(axis=1).any()
    # No row is drawn twice.
    assert len(np.unique(drawn, axis=0)) == len(drawn)


@pytest.mark.parametrize("kind", NOISE)
def test_another_epochs_key_draws_other_noise(kind):
    row = jax.jit(input_rows(kind, jax.random.key(0), (60, 16), jax.numpy.asarray(IMAGES)))
    first, again, later = (row(jax.random.key(epoch), 2) for epoch in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, later, atol=1e-3)


@each
def test_compiled_and_batched_over_members_they_are_the_same(kind: str):
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(lambda key: distillation_inputs(kind, key, (6, 16), jax.numpy.asarray(IMAGES))))(keys)
    alone = np.stack([_drawn(kind, key, (6, 16), IMAGES, STANDARD) for key in keys])
    if kind in {"blurred", "spectrum_matched", "low_rank"}:
        # Products, transforms and factorizations of batches round differently.
        np.testing.assert_allclose(together, alone, atol=1e-5)
    else:
        np.testing.assert_array_equal(together, alone)


def test_parameters_are_traced():
    before = _drawn._cache_size()
    for kind in ("blurred", "low_rank", "mixture"):
        draw(kind, n=9)
        draw(kind, n=9, scale=2.0, shift=1.0, length_scale=0.4, rank=2, alpha=0.1)
    assert _drawn._cache_size() == before + 3


@pytest.mark.parametrize("kind", OF_IMAGES)
def test_more_or_other_images_than_there_are_is_refused(kind):
    with pytest.raises(UsageError, match="61 distillation inputs asked of 60 training images"):
        draw(kind, n=61)
    with pytest.raises(UsageError, match="width 4 asked of images of 16 pixels"):
        draw(kind, n=6, width=4)


@pytest.mark.parametrize("kind", ["blurred", "spectrum_matched"])
def test_images_that_are_not_square_are_refused_where_they_must_be(kind):
    with pytest.raises(UsageError, match=f"width 15; inputs={kind} needs square images"):
        draw(kind, n=6, images=IMAGES[:, :15])


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"inputs is 'image'; allowed: uniform, normal, .*did you mean 'images'"):
        draw("image")
