"""The perceptron against NumPy, and its parts against each other."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.networks.mlp import Linear, Network, accuracy

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
    return parameters, Network(tuple(trunk), class_head, aux_head, activation), x


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


def test_bfloat16_rounds_the_operands_and_nothing_else():
    rng = np.random.default_rng(1)
    x, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((6, 50), (50, 4), (4,)))
    linear = Linear(jnp.asarray(W), jnp.asarray(b))
    rounded = x.astype(jnp.bfloat16).astype(np.float64) @ W.astype(jnp.bfloat16).astype(np.float64) + b
    # Products of 8-bit numbers are exact in float32; their sums of 50 terms of size one to ten round by 6e-8 of that.
    np.testing.assert_allclose(linear(jnp.asarray(x), "bfloat16"), rounded, atol=5e-5)
    full = x.astype(np.float64) @ W.astype(np.float64) + b
    np.testing.assert_allclose(linear(jnp.asarray(x)), full, atol=5e-5)
    # Operands lose up to 2^-9 of themselves: the product of 50 terms is off by about sqrt(100 / 3) 2^-9.
    assert 1e-3 < np.abs(rounded - full).max() < 0.1
    gradient = jax.grad(lambda layer: jnp.sum(layer(jnp.asarray(x), "bfloat16")))(linear)
    assert gradient.weight.dtype == jnp.float32
    np.testing.assert_allclose(gradient.weight, np.tile(x.sum(axis=0)[:, None], (1, 4)), atol=0.05)


def test_full_precision_is_asked_for_also_where_an_accelerator_would_round():
    _, network, x = draw()

    def asked(precision):
        chosen = Network(network.trunk, network.class_head, network.aux_head, "relu", precision)
        found = jax.make_jaxpr(chosen)(jnp.float32(x))
        return {str(e.params["precision"]) for e in found.eqns if e.primitive.name == "dot_general"} or {str(found)}

    assert "HIGHEST" in str(asked("float32"))
    assert "HIGHEST" not in str(asked("tensorfloat32"))
    with pytest.raises(UsageError, match=r"precision is 'float23'; allowed: .*; did you mean 'float32'"):
        asked("float23")


def test_an_unknown_activation_is_refused():
    with pytest.raises(
        UsageError, match="activation is 'rleu'; allowed: relu, gelu, tanh, linear; did you mean 'relu'"
    ):
        draw("rleu")
