"""Shapes by hand, and those of the networks that are drawn."""

from functools import partial

import jax
import pytest

from sottovoce.networks.initialization import Architecture, initialize
from sottovoce.networks.shapes import Layer, trunk_layers


def test_shapes_by_hand():
    assert trunk_layers(784, (16, 32), (256, 128)) == {
        "conv_0": Layer(14 * 14, 9, 16),
        "conv_1": Layer(7 * 7, 9 * 16, 32),
        "trunk_0": Layer(1, 7 * 7 * 32, 256),
        "trunk_1": Layer(1, 256, 128),
    }
    assert trunk_layers(63, (), (5,)) == {"trunk_0": Layer(1, 63, 5)}
    # Once a side is one pixel it stays one.
    assert [layer.positions for layer in trunk_layers(64, (1,) * 5, (2,)).values()] == [16, 4, 1, 1, 1, 1]
    assert Layer(49, 144, 32).products == 49 * 144 * 32


@pytest.mark.parametrize("channels", [(), (3,), (3, 5, 7, 2)])
def test_drawn_networks_have_these_shapes(channels):
    architecture = Architecture(n_inputs=49, widths=(6, 4), n_class=3, n_aux=2, channels=channels)
    network = jax.eval_shape(partial(initialize, architecture), jax.random.key(0))
    drawn = [layer.weight.shape for layer in network.hidden_layers()]
    assert drawn == [(layer.fan_in, layer.fan_out) for layer in architecture.layers().values()]
    x = jax.ShapeDtypeStruct((8, 49), "float32")
    assert jax.eval_shape(lambda network, x: network(x), network, x).shape == (8, 5)
