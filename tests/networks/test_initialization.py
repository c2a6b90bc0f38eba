"""Initialization: the promised distributions, and nothing that depends on how many auxiliary columns are built."""

from dataclasses import replace
from functools import cache

import jax
import numpy as np
import pytest
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.networks.initialization import Architecture, draw_heads, initialize

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


@pytest.mark.parametrize("scheme", ["normal", "uniform"])
def test_how_many_auxiliary_columns_are_built_changes_nothing_else(scheme):
    few, many = (draw(replace(SMALL, scheme=scheme, n_aux=n), KEY) for n in (13, 27))
    for part in ("trunk", "class_head"):
        for a, b in zip(jax.tree.leaves(getattr(few, part)), jax.tree.leaves(getattr(many, part)), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(few.aux_head.weight, many.aux_head.weight[:, :13])
    np.testing.assert_array_equal(few.aux_head.bias, many.aux_head.bias[:13])


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


@pytest.mark.parametrize("scheme", ["normal", "uniform"])
def test_no_two_layers_columns_or_biases_are_alike(scheme):
    network = draw(replace(SMALL, scheme=scheme), KEY)
    layers = [*network.trunk, network.class_head, network.aux_head]
    columns = np.hstack([np.asarray(layer.weight) for layer in layers])
    assert len(np.unique(columns)) == columns.size
    if scheme == "uniform":
        biases = np.concatenate([np.asarray(layer.bias) for layer in layers])
        assert len(np.unique(biases)) == biases.size
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(network))
    assert [layer.weight.shape for layer in network.trunk] == [(8, 8), (8, 8)]


def test_fresh_heads_do_not_depend_on_how_many_are_built():
    keys = jax.random.split(KEY)
    draw_both = jax.jit(draw_heads, static_argnums=0)
    (class_few, aux_few), (class_many, aux_many) = (draw_both(replace(SMALL, n_aux=n), *keys) for n in (2, 9))
    np.testing.assert_array_equal(class_few.weight, class_many.weight)
    np.testing.assert_array_equal(aux_few.weight, aux_many.weight[:, :2])


def test_an_unknown_scheme_is_refused():
    with pytest.raises(UsageError, match="initialization is 'nromal'; allowed: normal, uniform; did you mean 'normal'"):
        initialize(replace(SMALL, scheme="nromal"), KEY)
