"""Initialization schemes. Every auxiliary column has its own key, so the number of columns changes no other draw."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from sottovoce.errors import UsageError
from sottovoce.networks.layers import Convolution, Linear
from sottovoce.networks.mlp import MLP
from sottovoce.networks.shapes import HEADS, Layer, trunk_layers
from sottovoce.parts import INITIALIZATIONS


@dataclass(frozen=True)
class Architecture:
    """All settings that determine the shape of a network and the distribution of its initialization.

    Attributes:
        widths: units of each dense hidden layer, from the input on.
        n_aux: auxiliary logits that the network has (a student may be distilled on fewer).
        activation: one of `parts.ACTIVATIONS`.
        scheme: one of `parts.INITIALIZATIONS`.
        precision: precision of matrix products, one of `parts.PRECISIONS`.
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

    def draw(self, key: Key[Array, ""]) -> MLP:
        """Draw a network from the member's key, as `initialize` does."""
        return initialize(self, key)

    def shape(self) -> MLP:
        """Return a network with the shapes and types of the arrays in place of the arrays; nothing is drawn."""
        return eqx.filter_eval_shape(self.draw, jax.random.key(0))

    def block_names(self) -> tuple[str, ...]:
        """Return the names of the networks' blocks: the layers of the trunk, then the heads."""
        return (*self.layers(), *HEADS)

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
    trunk_key, class_key, aux_key, convolution_key = (jax.random.fold_in(key, i) for i in range(4))
    draw = INITIALIZATIONS[architecture.scheme]
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
    return _with_aux_head(architecture, INITIALIZATIONS[architecture.scheme]([class_key], [shape])[0], aux_key)


def _with_aux_head(architecture: Architecture, class_head: Linear, aux_key: Key[Array, ""]) -> tuple[Linear, Linear]:
    draw = INITIALIZATIONS[architecture.scheme]
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
