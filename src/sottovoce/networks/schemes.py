"""Initialization schemes: functions that draw the weights and biases of several layers, each from a key of its own."""

import math
from collections.abc import Callable, Sequence
from functools import wraps

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from sottovoce.networks.layers import Linear

Draw = Callable[[Sequence[Key[Array, ""]], Sequence[tuple[int, int]]], list[Linear]]


def normal(keys: Sequence[Key[Array, ""]], shapes: Sequence[tuple[int, int]]) -> list[Linear]:
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
    @wraps(draw)
    def scheme(keys: Sequence[Key[Array, ""]], shapes: Sequence[tuple[int, int]]) -> list[Linear]:
        return [draw(key, *shape) for key, shape in zip(keys, shapes, strict=True)]

    return scheme


@_one_by_one
def uniform(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Draw weights and biases uniformly on +-1/sqrt(fan_in), PyTorch's default, which the post's script uses."""
    weight_key, bias_key = jax.random.split(key)
    bound = fan_in**-0.5
    return Linear(
        jax.random.uniform(weight_key, (fan_in, fan_out), minval=-bound, maxval=bound),
        jax.random.uniform(bias_key, (fan_out,), minval=-bound, maxval=bound),
    )


@_one_by_one
def orthogonal(key: Key[Array, ""], fan_in: int, fan_out: int) -> Linear:
    """Draw weights with orthonormal columns (rows, if there are fewer), biases zero (Saxe et al. 2014).

    The draw is uniform over all such weights; a single column is a unit vector of uniform direction.
    """
    return Linear(jax.nn.initializers.orthogonal()(key, (fan_in, fan_out)), jnp.zeros(fan_out))
