"""Products of a batch's rows with weights, by precision, with gradients in the layout that a CPU multiplies fastest."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

Rows = Float[Array | np.ndarray, "sample input"]
Weights = Float[Array | np.ndarray, "input output"]

# Of outputs: up to so many, their derivatives are cheaper to turn over than the inputs.
NARROW = 64

_full = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


def float32(x: Rows, weight: Weights) -> Float[Array, "sample output"]:
    """Return `x @ weight` in full float32, also where an accelerator would round the operands by itself."""
    return _on_cpu(x, weight) if jax.default_backend() == "cpu" else _full(x, weight)


def bfloat16(x: Rows, weight: Weights) -> Float[Array, "sample output"]:
    """Return `x @ weight` with operands rounded to bfloat16, summed in float32."""
    rounded = (x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16))
    return jnp.matmul(*rounded, preferred_element_type=jnp.float32)


PRODUCTS: dict[str, Callable[..., Array]] = {
    "float32": float32,
    "tensorfloat32": partial(jnp.matmul, precision=jax.lax.Precision.DEFAULT),
    "bfloat16": bfloat16,
}


@jax.custom_jvp
def _on_cpu(x: Rows, weight: Weights) -> Array:
    return _full(x, weight)


@partial(_on_cpu.defjvp, symbolic_zeros=True)
def _tangent(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Array, Any]:
    """Return the product and its tangent, written so that its transpose is the gradient we want.

    The gradient of the weights sums over the rows of both factors, a layout for which the CPU backend has no fast
    product. Here one factor is transposed in memory first (the barrier keeps the compiler from folding that back in):
    the inputs, once for all that read the same batch, or narrow outputs.
    """
    (x, weight), (dx, dweight) = primals, tangents
    terms = []
    if not isinstance(dx, SymbolicZero):
        terms.append(_full(dx, weight))
    if not isinstance(dweight, SymbolicZero):
        turned = jax.lax.optimization_barrier
        narrow = weight.shape[1] <= NARROW
        terms.append(_full(x, turned(dweight.T).T) if narrow else _full(turned(x.T).T, dweight))
    return _on_cpu(x, weight), sum(terms[1:], start=terms[0])
