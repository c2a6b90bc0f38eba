"""Initialization schemes. Every auxiliary column has its own key, so the number of columns changes no other draw."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from sottovoce.errors import UsageError, not_among
from sottovoce.networks.layers import Convolution, Linear
from sottovoce.networks.mlp import MLP
from sottovoce.networks.shapes import Layer, trunk_layers

Draw = Callable[[Sequence[Key[Array, ""]], Sequence[tuple[int, int]]], list[Linear]]


def _normal(keys: Sequence[Key[Array, ""]], shapes: Sequence[tuple[int, int]]) -> list[Linear]:
    """Draw weights from N(0, 1/fan_in) and set biases to zero, the scheme of Cloud et al."""
    # One draw for all layers, each as long as the largest, because compiling a draw takes longer than drawing. A number
    # depends on its key and position alone, so the first ones are those of a shorter draw. In a loop, because the
    # compiler would otherwise repeat the draw in each of its uses.
    longest = max(map(math.prod, shapes))
    drawn = jax.lax.map(lambda key: jax.random.normal(key, (longest,)), jnp.stack(keys))
    return [
        Linear(row[: math.prod(shape)].reshape(shape) / jnp.sqrt(shape[0]), jnp.zeros(shape[1]))
        for row, shape in zip(drawn, shapes, strict=True)
    ]


def _one_by_one(draw: Callable[[Key[Array, ""], int, int], Linear]) -> Draw:
    return lambda keys, shapes: [draw(key, *shape) for key, shape in zip(keys, shapes, strict=True)]


@_one_by_one
def _uniform(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Draw weights and biases uniformly on +-1/sqrt(fan_in), PyTorch's default, which the post's script uses."""
    weight_key, bias_key = jax.random.split(key)
    bound = fan_in**-0.5
    return Linear(
        jax.random.uniform(weight_key, (fan_in, fan_out), minval=-bound, maxval=bound),
        jax.random.uniform(bias_key, (fan_out,), minval=-bound, maxval=bound),
    )


@_one_by_one
def _orthogonal(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Draw weights with orthonormal columns (rows, if there are fewer), biases zero (Saxe et al. 2014).

    The draw is uniform over all such weights; a single column is a unit vector of uniform direction.
    """
    return Linear(jax.nn.initializers.orthogonal()(key, (fan_in, fan_out)), jnp.zeros(fan_out))


SCHEMES: dict[str, Draw] = {"normal": _normal, "uniform": _uniform, "orthogonal": _orthogonal}


@dataclass(frozen=True)
class Architecture:
    """All settings that determine the shape of a network and the distribution of its initialization.

    Attributes:
        widths: units of each dense hidden layer, from the input on.
        n_aux: auxiliary logits that the network has (a student may be distilled on fewer).
        activation: a key of `mlp.ACTIVATIONS`.
        scheme: a key of `SCHEMES`.
        precision: precision of matrix products, one of `mlp.PRECISIONS`.
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


def initialize(architecture: Architecture, key: Key[Array, ""]) -> MLP:
    """Draw a network, whose arrays are float32, from the member's key.

    Trunk, class head, auxiliary head and convolutions have separate keys derived from it. Layer l of the trunk, or of
    the convolutions, uses the respective key folded with l, so that adding convolutions changes no draw of a layer of
    the same shape.

    Raises:
        UsageError: the scheme, the activation or the precision is unknown, or there are more columns to make
            orthonormal than units in the last hidden layer.
    """
    if architecture.scheme not in SCHEMES:
        raise not_among("initialization", architecture.scheme, SCHEMES)
    trunk_key, class_key, aux_key, convolution_key = (jax.random.fold_in(key, i) for i in range(4))
    draw = SCHEMES[architecture.scheme]
    layers, n = tuple(architecture.layers().values()), len(architecture.channels)
    keys = [jax.random.fold_in(convolution_key, i) for i in range(n)]
    keys += [jax.random.fold_in(trunk_key, i) for i in range(len(layers) - n)]
    shapes = [(layer.fan_in, layer.fan_out) for layer in layers]
    *drawn, class_head = draw([*keys, class_key], [*shapes, (architecture.widths[-1], architecture.n_class)])
    convolutions = tuple(Convolution(layer.weight, layer.bias) for layer in drawn[:n])
    heads = _with_aux_head(architecture, class_head, aux_key)
    return MLP(tuple(drawn[n:]), *heads, architecture.activation, architecture.precision, convolutions)


def draw_heads(architecture: Architecture, class_key: Key[Array, ""], aux_key: Key[Array, ""]) -> tuple[Linear, Linear]:
    """Draw a class head and an auxiliary head.

    Auxiliary column j depends only on its own folded key. If the columns are made orthonormal, column j is the
    normalized remainder of the drawn column after projecting out the class columns and the auxiliary columns before
    it, so it still does not depend on the number of auxiliary columns. With orthonormal columns P C = 0, so a linear
    student of which only the trunk is trained learns nothing about the classes (docs/theory.md, section 2).

    Raises:
        UsageError: there are more columns to make orthonormal than units in the last hidden layer.
    """
    shape = (architecture.widths[-1], architecture.n_class)
    return _with_aux_head(architecture, SCHEMES[architecture.scheme]([class_key], [shape])[0], aux_key)


def _with_aux_head(architecture: Architecture, class_head: Linear, aux_key: Key[Array, ""]) -> tuple[Linear, Linear]:
    draw = SCHEMES[architecture.scheme]
    hidden = architecture.widths[-1]
    column_keys = jax.vmap(lambda j: jax.random.fold_in(aux_key, j))(jnp.arange(architecture.n_aux))
    columns = jax.vmap(lambda key: draw([key], [(hidden, 1)])[0])(column_keys)
    aux_head = Linear(columns.weight[:, :, 0].T, columns.bias[:, 0])
    if not architecture.orthonormal_heads:
        return class_head, aux_head
    n_columns = architecture.n_class + architecture.n_aux
    if n_columns > hidden:
        raise UsageError(f"orthonormal_heads asks for {n_columns} columns; allowed: at most {hidden}, the hidden units")
    Q, R = jnp.linalg.qr(jnp.concatenate([class_head.weight, aux_head.weight], axis=1))
    # The signs of Gram-Schmidt, which qr leaves open: every column has a positive component along the drawn one.
    class_weight, aux_weight = jnp.split(Q * jnp.sign(jnp.diagonal(R)), [architecture.n_class], axis=1)
    return Linear(class_weight, class_head.bias), Linear(aux_weight, aux_head.bias)
