"""The perceptron against NumPy, and its parts against each other."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from sottovoce.errors import UsageError
from sottovoce.networks.base import accuracy
from sottovoce.networks.layers import Convolution, Linear
from sottovoce.networks.mlp import MLP

SIZES, N_CLASS, N_AUX = (7, 9, 5), 4, 3
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "tanh": np.tanh,
    "linear": lambda x: x,
}


def draw(activation="relu"):
    rng = np.random.default_rng(0)
    sizes = [*pairwise(SIZES), (SIZES[-1], N_CLASS), (SIZES[-1], N_AUX)]
    parameters = [(rng.standard_normal(size) / np.sqrt(size[0]), rng.standard_normal(size[1])) for size in sizes]
    *trunk, class_head, aux_head = [Linear(jnp.float32(W), jnp.float32(b)) for W, b in parameters]
    x = rng.standard_normal((20, SIZES[0]))
    return parameters, MLP(tuple(trunk), class_head, aux_head, activation), x


def test_convolutions_stand_below_the_dense_layers_with_the_activation_after_each():
    rng = np.random.default_rng(2)
    _, network, _ = draw("tanh")
    shapes = ((9, 2), (18, 7))
    convolutions = tuple(
        Convolution(jnp.float32(rng.standard_normal(shape) / 3), jnp.float32(rng.standard_normal(shape[1])))
        for shape in shapes
    )
    x = jnp.float32(rng.standard_normal((6, 16)))
    # 4 x 4 pixels, then 2 x 2 x 2, then 1 x 1 x 7, which the dense layers take.
    h = jnp.tanh(convolutions[1](jnp.tanh(convolutions[0](x))))
    whole = MLP(network.trunk, network.class_head, network.aux_head, "tanh", convolutions=convolutions)
    np.testing.assert_allclose(whole(x), network(h), atol=1e-6)
    assert whole.hidden_layers() == (*convolutions, *network.trunk)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_apply_equals_numpy(activation):
    parameters, network, x = draw(activation)
    *trunk, class_head, aux_head = parameters
    h = x
    for W, b in trunk:
        h = ACTIVATIONS[activation](h @ W + b)
    y, z = (h @ W + b for W, b in (class_head, aux_head))
    # Three products of at most nine terms of size one to four: float32 leaves about 3 * 9 * 4 * 6e-8.
    close = {"atol": 1e-5, "rtol": 0}
    np.testing.assert_allclose(network.hidden(jnp.float32(x)), h, **close)
    np.testing.assert_allclose(network(jnp.float32(x)), np.hstack([y, z]), **close)
    np.testing.assert_allclose(network.class_logits(jnp.float32(x)), y, **close)


def test_accuracy_counts_the_largest_class_logit_only():
    _, network, x = draw()
    # Auxiliary logits above all class logits must not count.
    network = eqx.tree_at(lambda n: n.aux_head.bias, network, network.aux_head.bias + 100)
    inputs = jnp.float32(x)
    labels = np.argmax(np.asarray(network(inputs))[:, :N_CLASS], axis=1)
    assert accuracy(network, inputs, jnp.asarray(labels)) == 1
    labels[:5] = (labels[:5] + 1) % N_CLASS
    assert accuracy(network, inputs, jnp.asarray(labels)) == pytest.approx(0.75)


def test_a_class_that_is_not_tested_is_never_chosen():
    _, network, x = draw()
    network = eqx.tree_at(lambda n: n.class_head.bias, network, network.class_head.bias.at[1].add(100))
    inputs = jnp.float32(x)
    logits = np.array(network.class_logits(inputs))
    assert (np.argmax(logits, axis=1) == 1).all()
    labels = np.arange(len(x)) % N_CLASS
    labels[labels == 1] = 0
    logits[:, 1] = -np.inf
    expected = np.mean(np.argmax(logits, axis=1) == labels)
    assert expected > 0
    assert accuracy(network, inputs, jnp.asarray(labels)) == pytest.approx(expected)


def precisions(jaxpr):
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield str(equation.params["precision"])
        for inner in jaxprs_in_params(equation.params):
            yield from precisions(inner)


def test_full_precision_is_asked_for_also_where_an_accelerator_would_round():
    _, network, x = draw()

    convolution = Convolution(jnp.ones((9, 7)), jnp.zeros(7))

    def asked(precision):
        below = (network.trunk, network.class_head, network.aux_head, "relu", precision, (convolution,))
        return list(precisions(jax.make_jaxpr(MLP(*below))(jnp.float32(x)[:, :1]).jaxpr))

    # Of the convolution, two dense layers and the heads.
    assert len(asked("float32")) == 4
    assert all("HIGHEST" in precision for precision in asked("float32"))
    assert "HIGHEST" not in str(asked("tensorfloat32"))
    with pytest.raises(UsageError, match=r"precision is 'float23'; allowed: .*; did you mean 'float32'"):
        asked("float23")


def test_an_unknown_activation_is_refused():
    with pytest.raises(
        UsageError, match="activation is 'rleu'; allowed: relu, gelu, tanh, linear; did you mean 'relu'"
    ):
        draw("rleu")
