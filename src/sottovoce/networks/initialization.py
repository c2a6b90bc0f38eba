"""Initialization schemes. Every auxiliary column has its own key, so how many are built changes nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from sottovoce.errors import not_among
from sottovoce.networks.mlp import Linear, Network


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


SCHEMES: dict[str, Callable[[Key[Array, ""], int, int], Linear]] = {"normal": _normal, "uniform": _uniform}


@dataclass(frozen=True)
class Architecture:
    """Everything that fixes the shape of a network and the distribution of its initialization.

    Attributes:
        n_inputs: pixels of an image.
        widths: units of each hidden layer, from the input on.
        n_class: class logits.
        n_aux: auxiliary logits that are built (a student may be distilled on fewer).
        activation: a key of `mlp.ACTIVATIONS`.
        scheme: a key of `SCHEMES`.
        precision: of products, one of `mlp.PRECISIONS`.
    """

    n_inputs: int
    widths: tuple[int, ...]
    n_class: int
    n_aux: int
    activation: str = "relu"
    scheme: str = "normal"
    precision: str = "float32"


def initialize(architecture: Architecture, key: Key[Array, ""]) -> Network:
    """Draw a network.

    Args:
        architecture: shape and scheme.
        key: the member's key; layer l of the trunk uses the key folded with l.

    Returns:
        A network whose arrays are float32.

    Raises:
        UsageError: the scheme, the activation or the precision is unknown.
    """
    if architecture.scheme not in SCHEMES:
        raise not_among("initialization", architecture.scheme, SCHEMES)
    trunk_key, class_key, aux_key = jax.random.split(key, 3)
    draw = SCHEMES[architecture.scheme]
    fans = zip((architecture.n_inputs, *architecture.widths[:-1]), architecture.widths, strict=True)
    trunk = tuple(draw(jax.random.fold_in(trunk_key, i), *fan) for i, fan in enumerate(fans))
    class_head, aux_head = draw_heads(architecture, class_key, aux_key)
    return Network(trunk, class_head, aux_head, architecture.activation, architecture.precision)


def draw_heads(architecture: Architecture, class_key: Key[Array, ""], aux_key: Key[Array, ""]) -> tuple[Linear, Linear]:
    """Draw a class head and an auxiliary head; auxiliary column j depends on its own folded key only."""
    draw = SCHEMES[architecture.scheme]
    hidden = architecture.widths[-1]
    column_keys = jax.vmap(lambda j: jax.random.fold_in(aux_key, j))(jnp.arange(architecture.n_aux))
    columns = jax.vmap(lambda key: draw(key, hidden, 1))(column_keys)
    aux_head = Linear(columns.weight[:, :, 0].T, columns.bias[:, 0])
    return draw(class_key, hidden, architecture.n_class), aux_head
