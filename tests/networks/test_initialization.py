"""Initialization: the promised distributions, and nothing that depends on how many auxiliary columns are built."""

from dataclasses import replace
from functools import cache
from operator import attrgetter

import jax
import numpy as np
import pytest
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.networks.initialization import Architecture, draw_heads, initialize
from sottovoce.parts import INITIALIZATIONS as SCHEMES

SMALL = Architecture(n_inputs=8, widths=(8, 8), n_class=10, n_aux=13)
WIDE = Architecture(n_inputs=300, widths=(200, 200), n_class=100, n_aux=100)
KEY = jax.random.key(3)


draw = jax.jit(initialize, static_argnums=0)


@cache
def blocks(scheme):
    network = draw(replace(WIDE, scheme=scheme), KEY)
    return {
        "trunk_0": network.trunk[0],
        "trunk_1": network.trunk[1],
        "class": network.class_head,
        "aux": network.aux_head,
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_how_many_auxiliary_columns_are_built_changes_nothing_else(scheme):
    few, many = (draw(replace(SMALL, scheme=scheme, n_aux=n), KEY) for n in (13, 27))
    for part in ("trunk", "class_head"):
        for a, b in zip(jax.tree.leaves(getattr(few, part)), jax.tree.leaves(getattr(many, part)), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(few.aux_head.weight, many.aux_head.weight[:, :13])
    np.testing.assert_array_equal(few.aux_head.bias, many.aux_head.bias[:13])


def test_layers_are_drawn_together_with_the_numbers_of_each_drawn_alone():
    # The convolution, the two dense layers and the class head have four sizes, of which the draw takes the largest.
    shape = replace(SMALL, n_inputs=16, widths=(8, 6), channels=(4,))
    network = draw(shape, KEY)
    trunk_key, class_key, _ = jax.random.split(KEY, 3)
    alone = [
        (network.convolutions[0], jax.random.fold_in(jax.random.fold_in(KEY, 3), 0)),
        (network.trunk[0], jax.random.fold_in(trunk_key, 0)),
        (network.trunk[1], jax.random.fold_in(trunk_key, 1)),
        (network.class_head, class_key),
    ]
    for layer, key in alone:
        expected = jax.random.normal(key, layer.weight.shape) / np.sqrt(np.float32(layer.weight.shape[0]))
        np.testing.assert_array_max_ulp(layer.weight, np.asarray(expected), maxulp=2)


@pytest.mark.parametrize("block", ["trunk_0", "trunk_1", "class", "aux"])
def test_normal_weights_have_variance_one_over_fan_in(block):
    layer = blocks("normal")[block]
    z = np.asarray(layer.weight, np.float64).ravel() * np.sqrt(layer.weight.shape[0])
    # Standard errors of mean and variance of n standard normal numbers, five of each.
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)
    # Uniform when the law holds: below 1e-4 in one seed of ten thousand.
    assert stats.kstest(z, "norm").pvalue > 1e-4
    np.testing.assert_array_equal(layer.bias, 0)


@pytest.mark.parametrize("block", ["trunk_0", "trunk_1", "class", "aux"])
def test_uniform_weights_and_biases_fill_their_bounds(block):
    layer = blocks("uniform")[block]
    for values in (layer.weight, layer.bias):
        u = np.asarray(values, np.float64).ravel() * np.sqrt(layer.weight.shape[0])
        assert np.abs(u).max() <= 1
        assert stats.kstest(u, stats.uniform(-1, 2).cdf).pvalue > 1e-4


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_two_layers_columns_or_biases_are_alike(scheme):
    network = draw(replace(SMALL, n_inputs=16, widths=(8, 8), channels=(4, 8), scheme=scheme), KEY)
    layers = [*network.hidden_layers(), network.class_head, network.aux_head]
    columns = np.concatenate([np.ravel(layer.weight) for layer in layers])
    assert len(np.unique(columns)) == columns.size
    if scheme == "uniform":
        biases = np.concatenate([np.asarray(layer.bias) for layer in layers])
        assert len(np.unique(biases)) == biases.size
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(network))
    assert [layer.weight.shape for layer in network.trunk] == [(8, 8), (8, 8)]


@pytest.mark.parametrize("block", ["trunk_0", "trunk_1", "class"])
def test_orthogonal_columns_are_orthonormal(block):
    layer = blocks("orthogonal")[block]
    W = np.asarray(layer.weight, np.float64)
    # Sums of 300 products of float32 numbers below one.
    np.testing.assert_allclose(W.T @ W, np.eye(W.shape[1]), atol=1e-5)
    np.testing.assert_array_equal(layer.bias, 0)


def test_orthogonal_weights_with_fewer_rows_have_orthonormal_rows_and_single_columns_length_one():
    architecture = Architecture(n_inputs=8, widths=(20,), n_class=4, n_aux=50, scheme="orthogonal")
    network = draw(architecture, KEY)
    W = np.asarray(network.trunk[0].weight, np.float64)
    np.testing.assert_allclose(W @ W.T, np.eye(8), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(network.aux_head.weight, axis=0), 1, atol=1e-6)


def test_orthogonal_weights_prefer_no_direction():
    keys = jax.random.split(KEY, 2000)
    first = np.asarray(jax.vmap(lambda key: SCHEMES["orthogonal"]([key], [(3, 3)])[0].weight)(keys), np.float64)
    # Uniform over rotations and reflections: every entry has mean 0 and variance 1/3, known to sqrt(1/3/2000) and, as
    # its fourth moment is 1/5, to sqrt((1/5 - 1/9)/2000); five of each.
    assert np.abs(first.mean(axis=0)).max() < 5 * (1 / 3 / 2000) ** 0.5
    assert np.abs((first**2).mean(axis=0) - 1 / 3).max() < 5 * ((1 / 5 - 1 / 9) / 2000) ** 0.5
    assert abs(np.mean(np.linalg.det(first) > 0) - 0.5) < 5 * 0.5 / 2000**0.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_orthonormal_heads_are_gram_and_schmidts_of_the_drawn_ones(scheme):
    plain = replace(SMALL, widths=(8, 40), scheme=scheme)
    drawn, network = draw(plain, KEY), draw(replace(plain, orthonormal_heads=True), KEY)
    Q = []
    for column in np.hstack([drawn.class_head.weight, drawn.aux_head.weight]).T.astype(np.float64):
        left = column - sum((column @ q) * q for q in Q)
        Q.append(left / np.linalg.norm(left))
    W = np.hstack([network.class_head.weight, network.aux_head.weight])
    # Nearly dependent columns lose up to 1/sin(angle) of float32's 6e-8; of 23 in 40 dimensions less than 100.
    np.testing.assert_allclose(W, np.transpose(Q), atol=2e-5)
    for block in ("trunk", "class_head.bias", "aux_head.bias"):
        before, after = (attrgetter(block)(n) for n in (drawn, network))
        jax.tree.map(np.testing.assert_array_equal, before, after)
    fewer = draw(replace(plain, orthonormal_heads=True, n_aux=5), KEY)
    np.testing.assert_allclose(fewer.aux_head.weight, network.aux_head.weight[:, :5], atol=2e-5)


def test_more_orthonormal_columns_than_units_are_refused():
    with pytest.raises(UsageError, match="asks for 23 columns; allowed: at most 8, the hidden units"):
        initialize(replace(SMALL, orthonormal_heads=True), KEY)


def test_fresh_heads_do_not_depend_on_how_many_are_built():
    keys = jax.random.split(KEY)
    draw_both = jax.jit(draw_heads, static_argnums=0)
    (class_few, aux_few), (class_many, aux_many) = (draw_both(replace(SMALL, n_aux=n), *keys) for n in (2, 9))
    np.testing.assert_array_equal(class_few.weight, class_many.weight)
    np.testing.assert_array_equal(aux_few.weight, aux_many.weight[:, :2])


def test_perceptrons_are_drawn_as_they_have_always_been():
    # A failure changes every result that is saved: then each experiment's version has to rise.
    trunk_key, class_key, _ = jax.random.split(KEY, 3)
    network = draw(SMALL, KEY)
    for i, layer in enumerate(network.trunk):
        expected = jax.random.normal(jax.random.fold_in(trunk_key, i), (8, 8)) / np.sqrt(8)
        # Divided inside and outside of a program: one rounding of numbers below two.
        np.testing.assert_allclose(layer.weight, expected, atol=2e-7)
    np.testing.assert_allclose(network.class_head.weight, jax.random.normal(class_key, (8, 10)) / np.sqrt(8), atol=2e-7)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_convolutions_change_no_draw_of_a_layer_of_the_same_shape(scheme):
    # 8 x 8 pixels become 2 x 2 with 16 channels: 64 inputs again.
    plain = replace(SMALL, n_inputs=64, scheme=scheme)
    before, after = draw(plain, KEY), draw(replace(plain, channels=(3, 16)), KEY)
    for part in ("trunk", "class_head", "aux_head"):
        jax.tree.map(np.testing.assert_array_equal, getattr(before, part), getattr(after, part))
    assert [layer.weight.shape for layer in after.convolutions] == [(9, 3), (27, 16)]
    deeper = draw(replace(plain, channels=(3, 16, 5)), KEY)
    jax.tree.map(np.testing.assert_array_equal, deeper.convolutions[:2], after.convolutions)


def test_convolutions_are_drawn_as_they_have_always_been():
    network = draw(Architecture(n_inputs=256, widths=(8,), n_class=2, n_aux=1, channels=(3, 5)), KEY)
    key = jax.random.fold_in(KEY, 3)
    for i, layer in enumerate(network.convolutions):
        shape = layer.weight.shape
        expected = jax.random.normal(jax.random.fold_in(key, i), shape) / np.sqrt(shape[0])
        np.testing.assert_allclose(layer.weight, expected, rtol=1e-6)


def test_convolutions_have_the_distribution_of_their_patches():
    shape = replace(SMALL, n_inputs=64, channels=(200, 300))
    normal, uniform, orthogonal = (draw(replace(shape, scheme=scheme), KEY).convolutions for scheme in SCHEMES)
    for fan_in, layer in zip((9, 1800), normal, strict=True):
        z = np.asarray(layer.weight, np.float64).ravel() * np.sqrt(fan_in)
        assert abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)
        np.testing.assert_array_equal(layer.bias, 0)
    for fan_in, layer in zip((9, 1800), uniform, strict=True):
        for values in (layer.weight, layer.bias):
            u = np.asarray(values, np.float64).ravel() * np.sqrt(fan_in)
            assert stats.kstest(u, stats.uniform(-1, 2).cdf).pvalue > 1e-4
    # Their keys are their own: the first 1800 numbers of two draws from one key would be the same.
    beside = np.ravel(draw(shape, KEY).trunk[0].weight)[:1800]
    assert abs(np.corrcoef(beside, np.ravel(normal[0].weight))[0, 1]) < 5 / 1800**0.5
    first, second = (np.asarray(layer.weight, np.float64) for layer in orthogonal)
    np.testing.assert_allclose(first @ first.T, np.eye(9), atol=1e-5)
    np.testing.assert_allclose(second.T @ second, np.eye(300), atol=1e-5)


def test_an_unknown_scheme_is_refused():
    with pytest.raises(
        UsageError, match="initialization is 'nromal'; allowed: normal, uniform, orthogonal; did you mean 'normal'"
    ):
        initialize(replace(SMALL, scheme="nromal"), KEY)
