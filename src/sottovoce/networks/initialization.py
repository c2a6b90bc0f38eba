"""Initialization schemes. Every auxiliary column has its own key, so how many are built changes nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from sottovoce.errors import UsageError, not_among
from sottovoce.networks.layers import Convolution, Linear
from sottovoce.networks.mlp import Network
from sottovoce.networks.shapes import Layer, trunk_layers


def _normal(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Weights N(0, 1/fan_in), biases zero: the scheme of Cloud et al."""
    return Linear(jax.random.normal(key, (fan_in, fan_out)) / jnp.sqrt(fan_in), jnp.zeros(fan_out))


def _uniform(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Weights and biases uniform on +-1/sqrt(fan_in): the usual default of linear layers, used by the post's script."""
    weight_key, bias_key = jax.random.split(key)
    bound = fan_in**-0.5
    return Linear(
        jax.random.uniform(weight_key, (fan_in, fan_out), minval=-bound, maxval=bound),
        jax.random.uniform(bias_key, (fan_out,), minval=-bound, maxval=bound),
    )


def _orthogonal(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Columns orthonormal (rows, where there are fewer), uniform over all such weights, biases zero (Saxe et al. 2014).

    A single column is a unit vector of uniform direction.
    """
    return Linear(jax.nn.initializers.orthogonal()(key, (fan_in, fan_out)), jnp.zeros(fan_out))


SCHEMES: dict[str, Callable[[Key[Array, ""], int, int], Linear]] = {
    "normal": _normal,
    "uniform": _uniform,
    "orthogonal": _orthogonal,
}


@dataclass(frozen=True)
class Architecture:
    """Everything that fixes the shape of a network and the distribution of its initialization.

    Attributes:
        n_inputs: pixels of an image.
        widths: units of each dense hidden layer, from the input on.
        n_class: class logits.
        n_aux: auxiliary logits that are built (a student may be distilled on fewer).
        activation: a key of `mlp.ACTIVATIONS`.
        scheme: a key of `SCHEMES`.
        precision: of products, one of `mlp.PRECISIONS`.
        orthonormal_heads: whether the columns of both heads together are made orthonormal.
        channels: output channels of each convolution below the dense layers.
    """

    n_inputs: int
    widths: tuple[int, ...]
    n_class: int
    n_aux: int
    activation: str = "relu"
    scheme: str = "normal"
    precision: str = "float32"
    orthonormal_heads: bool = False
    channels: tuple[int, ...] = ()

    def layers(self) -> dict[str, Layer]:
        """Return the shapes of the trunk's layers by name."""
        return trunk_layers(self.n_inputs, self.channels, self.widths)


def initialize(architecture: Architecture, key: Key[Array, ""]) -> Network:
    """Draw a network.

    Args:
        architecture: shape and scheme.
        key: the member's key. Trunk, class head, auxiliary head and convolutions have keys of their own, and layer l of
            the trunk or of the convolutions that key folded with l: convolutions change no draw of a layer of the same
            shape.

    Returns:
        A network whose arrays are float32.

    Raises:
        UsageError: the scheme, the activation or the precision is unknown, or more columns than the last layer has
            units are to be orthonormal.
    """
    if architecture.scheme not in SCHEMES:
        raise not_among("initialization", architecture.scheme, SCHEMES)
    trunk_key, class_key, aux_key = jax.random.split(key, 3)
    draw = SCHEMES[architecture.scheme]
    # One more than the split has given: what is drawn without convolutions stays as it is.
    convolution_key = jax.random.fold_in(key, 3)
    layers, n = tuple(architecture.layers().values()), len(architecture.channels)
    trunk = _drawn(draw, trunk_key, layers[n:])
    convolutions = tuple(Convolution(drawn.weight, drawn.bias) for drawn in _drawn(draw, convolution_key, layers[:n]))
    class_head, aux_head = draw_heads(architecture, class_key, aux_key)
    return Network(trunk, class_head, aux_head, architecture.activation, architecture.precision, convolutions)


def _drawn(
    draw: Callable[[Key[Array, ""], int, int], Linear], key: Key[Array, ""], layers: tuple[Layer, ...]
) -> tuple[Linear, ...]:
    return tuple(draw(jax.random.fold_in(key, i), layer.fan_in, layer.fan_out) for i, layer in enumerate(layers))


def draw_heads(architecture: Architecture, class_key: Key[Array, ""], aux_key: Key[Array, ""]) -> tuple[Linear, Linear]:
    """Draw a class head and an auxiliary head.

    Auxiliary column j depends on its own folded key only. Made orthonormal, it is what the class columns and the
    auxiliary columns before it leave of the drawn one, at length one: it still does not depend on how many are built.
    A linear student whose trunk alone moves then learns nothing of the classes, P C = 0 (docs/theory.md, section 2).

    Args:
        architecture: shape and scheme.
        class_key: the class head's key.
        aux_key: the auxiliary head's key.

    Returns:
        Class head and auxiliary head.

    Raises:
        UsageError: more columns than the last layer has units are to be orthonormal.
    """
    draw = SCHEMES[architecture.scheme]
    hidden = architecture.widths[-1]
    column_keys = jax.vmap(lambda j: jax.random.fold_in(aux_key, j))(jnp.arange(architecture.n_aux))
    columns = jax.vmap(lambda key: draw(key, hidden, 1))(column_keys)
    aux_head = Linear(columns.weight[:, :, 0].T, columns.bias[:, 0])
    class_head = draw(class_key, hidden, architecture.n_class)
    if not architecture.orthonormal_heads:
        return class_head, aux_head
    n_columns = architecture.n_class + architecture.n_aux
    if n_columns > hidden:
        raise UsageError(f"orthonormal_heads asks for {n_columns} columns; allowed: at most {hidden}, the hidden units")
    Q, R = jnp.linalg.qr(jnp.concatenate([class_head.weight, aux_head.weight], axis=1))
    # Gram and Schmidt's signs: every column keeps a part of the drawn one, not of its negative.
    class_weight, aux_weight = jnp.split(Q * jnp.sign(jnp.diagonal(R)), [architecture.n_class], axis=1)
    return Linear(class_weight, class_head.bias), Linear(aux_weight, aux_head.bias)
