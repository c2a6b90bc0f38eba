"""Distillation inputs: their law, their key, their limits."""

import jax
import numpy as np
import pytest
from scipy import stats

from sottovoce.data.inputs import KINDS, distillation_inputs
from sottovoce.errors import UsageError

IMAGES = jax.numpy.arange(30.0).reshape(6, 5)
LAWS = {"uniform": stats.uniform(-1, 2).cdf, "normal": stats.norm.cdf}


def draw(kind: str, seed: int = 0, shape: tuple[int, int] = (6, 5)) -> jax.Array:
    return distillation_inputs(kind, jax.random.key(seed), shape, IMAGES)


@pytest.mark.parametrize("kind", LAWS)
def test_drawn_kinds_follow_their_law(kind: str):
    sample = np.asarray(draw(kind, shape=(400, 100)), np.float64)
    # Kolmogorov-Smirnov over 40,000 values: a right sampler fails one key in a million, and the key is fixed.
    assert stats.kstest(sample.ravel(), LAWS[kind]).pvalue > 1e-6
    # Columns are independent: each of the 4950 correlations is about N(0, 1/400); 6 standard errors.
    correlation = np.corrcoef(sample, rowvar=False)[np.triu_indices(100, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(400)


def test_uniform_noise_stays_on_its_interval():
    sample = draw("uniform", shape=(400, 100))
    assert sample.min() >= -1
    assert sample.max() < 1


def test_images_are_the_first_as_given():
    np.testing.assert_array_equal(draw("images", shape=(4, 5)), np.arange(20.0).reshape(4, 5))
    np.testing.assert_array_equal(draw("images"), IMAGES)
    np.testing.assert_array_equal(draw("images", seed=1), draw("images", seed=2))


@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_type_are_as_promised(kind: str):
    sample = draw(kind, shape=(3, 5))
    assert (sample.shape, sample.dtype) == ((3, 5), np.float32)


@pytest.mark.parametrize("kind", LAWS)
def test_the_key_alone_decides(kind: str):
    np.testing.assert_array_equal(draw(kind, seed=3), draw(kind, seed=3))
    assert not np.array_equal(draw(kind, seed=3), draw(kind, seed=4))


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_and_batched_over_members_they_are_the_same(kind: str):
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(lambda key: distillation_inputs(kind, key, (6, 5), IMAGES)))(keys)
    alone = [distillation_inputs(kind, key, (6, 5), IMAGES) for key in keys]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_more_or_other_images_than_there_are_is_refused():
    with pytest.raises(UsageError, match="7 distillation inputs asked of 6 training images"):
        draw("images", shape=(7, 5))
    with pytest.raises(UsageError, match="width 4 asked of images of 5 pixels"):
        draw("images", shape=(6, 4))


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="inputs is 'image'; allowed: uniform, normal, images; did you mean 'images'"):
        draw("image")
