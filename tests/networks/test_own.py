"""Own networks: their blocks, the fields that they are given, and the built-in perceptron by this other route."""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import numpy as np
import pytest
from jaxtyping import Array

from sottovoce import parts
from sottovoce.experiments.alignment import experiment as alignment
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.networks.initialization import Architecture, initialize
from sottovoce.networks.mlp import MLP
from sottovoce.networks.own import OwnArchitecture, OwnNetwork
from sottovoce.networks.shapes import HEADS


class Layered(eqx.Module):
    """A module with a list of layers, a function, a number and a field without arrays."""

    layers: list[eqx.nn.Linear]
    activation: Callable[[Array], Array]
    slope: float
    class_head: eqx.nn.Linear
    aux_head: eqx.nn.Linear
    nothing: None = None

    def __init__(self, key, n_inputs, n_class, n_aux, width=4, activation="tanh"):
        keys = jax.random.split(key, 4)
        self.layers = [eqx.nn.Linear(n_inputs, width, key=keys[0]), eqx.nn.Linear(width, width, key=keys[1])]
        self.activation = parts.ACTIVATIONS[activation]
        self.slope = 0.5
        self.class_head = eqx.nn.Linear(width, n_class, key=keys[2])
        self.aux_head = eqx.nn.Linear(width, n_aux, key=keys[3])

    def hidden(self, x):
        for layer in self.layers:
            x = self.slope * self.activation(jax.vmap(layer)(x))
        return x

    def class_logits(self, x):
        return jax.vmap(self.class_head)(self.hidden(x))

    def aux_logits(self, x):
        return jax.vmap(self.aux_head)(self.hidden(x))


LAYERED = OwnArchitecture(Layered, 5, 3, 2)


@pytest.fixture
def network() -> OwnNetwork:
    return LAYERED.draw(jax.random.key(0))


def test_blocks_are_the_fields_that_hold_arrays(network):
    assert tuple(network.blocks()) == LAYERED.block_names() == ("layers", *HEADS)
    assert len(network.trunk_blocks()) == 1
    assert [leaf.shape for leaf in jax.tree.leaves(network.trunk_blocks())] == [(4, 5), (4,), (4, 4), (4,)]
    assert all(eqx.is_array(leaf) for leaf in jax.tree.leaves(network))


def test_blocks_are_replaced_in_their_order(network):
    other = LAYERED.draw(jax.random.key(1))
    blocks = {**network.blocks(), "class_head": other.blocks()["class_head"]}
    mixed = network.with_blocks(list(blocks.values()))
    x = jax.random.normal(jax.random.key(2), (7, 5))
    np.testing.assert_array_equal(mixed.class_logits(x), jax.vmap(other.module.class_head)(network.module.hidden(x)))
    np.testing.assert_array_equal(mixed(x)[:, 3:], network(x)[:, 3:])
    trunk = network.with_trunk(other.trunk_blocks())
    np.testing.assert_array_equal(trunk.module.hidden(x), other.module.hidden(x))
    np.testing.assert_array_equal(trunk.module.aux_head.weight, network.module.aux_head.weight)
    assert jax.tree.structure(network.with_blocks(list(network.blocks().values()))) == jax.tree.structure(network)


def test_logits_are_the_modules_class_logits_first(network):
    x = jax.random.normal(jax.random.key(2), (7, 5))
    logits, module = network(x), network.module
    assert isinstance(module, Layered)
    np.testing.assert_array_equal(logits[:, :3], module.class_logits(x))
    np.testing.assert_array_equal(logits[:, 3:], module.aux_logits(x))
    np.testing.assert_array_equal(network.class_logits(x), module.class_logits(x))


def test_sizes_are_counted_without_drawing():
    shape = LAYERED.shape()
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(shape))
    assert LAYERED.n_weights() == (5 + 1) * 4 + (4 + 1) * (4 + 3 + 2)
    # At least the outputs of the two layers and the heads, for either kind of logits.
    assert LAYERED.n_values() >= 2 * (4 + 4) + 3 + 2


def test_fields_reach_the_function_that_takes_them(own_parts):
    parts.register_network("layered")(Layered)
    config = transfer.Config(dataset="digits", network="layered", width=6, activation="relu").resolve()
    architecture = config.own_architecture()
    assert architecture.settings == (("width", 6), ("activation", "relu"))
    module = architecture.draw(jax.random.key(0)).module
    assert module.class_head.in_features == 6
    assert module.activation is parts.ACTIVATIONS["relu"]


class Wrapped(eqx.Module):
    """The built-in perceptron, drawn from the same key, its layers as the fields of a module of someone's own."""

    trunk: tuple
    class_head: object
    aux_head: object

    def __init__(self, key, n_inputs, n_class, n_aux, width, depth):
        mlp = initialize(Architecture(n_inputs, (width,) * depth, n_class, n_aux), key)
        self.trunk, self.class_head, self.aux_head = mlp.trunk, mlp.class_head, mlp.aux_head

    def mlp(self) -> MLP:
        return MLP(self.trunk, self.class_head, self.aux_head, "relu")

    def class_logits(self, x):
        return self.mlp().class_logits(x)

    def aux_logits(self, x):
        mlp = self.mlp()
        return mlp.aux_head(mlp.hidden(x), mlp.precision)


# Both heads of the perceptron are one product, and the module's are two, whose sums may be rounded in another order.
ROUNDING = 1e-5
# Of 355 test images two near ties may fall the other way.
TIES = 2.5 / 355


@pytest.fixture
def wrapped(own_parts):
    parts.register_network("wrapped")(Wrapped)


def test_a_perceptron_as_an_own_network_is_trained_like_the_built_in_one(wrapped, smoke):
    expected = smoke("transfer")
    found = transfer.simulate(replace(transfer.Config.smoke(), network="wrapped").resolve(), (0, 1))
    assert found.sizes == expected.sizes
    np.testing.assert_allclose(found["final_loss"], expected["final_loss"], rtol=ROUNDING)
    np.testing.assert_allclose(found["accuracy"], expected["accuracy"], atol=TIES)
    assert (found["correct"] != expected["correct"]).sum() <= 2 * found.sizes["role"]


def test_its_overlaps_and_interventions_are_the_built_in_ones(wrapped):
    """With fresh inputs and perturbed starts, under interventions that read the trunk, the class head and all."""
    few = replace(
        alignment.Config.smoke(),
        interventions=("step_projection", "held", "decay"),
        fresh_inputs=True,
        perturbation=0.3,
        student_optimizer="momentum",
        student_learning_rate=2e-3,
    )
    expected, found = (alignment.simulate(replace(few, network=name).resolve(), (0,)) for name in ("mlp", "wrapped"))
    for name in ("auxiliary_loss", "class_loss"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4)
    np.testing.assert_allclose(found["cosine"], expected["cosine"], atol=1e-4)
    np.testing.assert_allclose(found["accuracy"], expected["accuracy"], atol=TIES)
