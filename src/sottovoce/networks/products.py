"""Products of batches with weights by precision, with gradients in the memory layout that a CPU multiplies fastest."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

Rows = Float[Array | np.ndarray, "sample input"]
Weights = Float[Array | np.ndarray, "input output"]

# Up to this number of outputs it is cheaper to transpose the derivatives of the outputs than the inputs.
NARROW = 64

_full = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


def float32(x: Rows, weight: Weights) -> Float[Array, "sample output"]:
    """Return `x @ weight` in full float32, also on accelerators that round the operands by default."""
    return _on_cpu(x, weight) if jax.default_backend() == "cpu" else _full(x, weight)


def bfloat16(x: Rows, weight: Weights) -> Float[Array, "sample output"]:
    """Return `x @ weight` with operands rounded to bfloat16, summed in float32."""
    rounded = (x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16))
    return jnp.matmul(*rounded, preferred_element_type=jnp.float32)


def tensorfloat32(x: Rows, weight: Weights) -> Float[Array, "sample output"]:
    """Return `x @ weight` with operands rounded as an accelerator rounds them by default; a CPU does not round."""
    return jnp.matmul(x, weight, precision=jax.lax.Precision.DEFAULT)


@jax.custom_jvp
def _on_cpu(x: Rows, weight: Weights) -> Array:
    return _full(x, weight)


@partial(_on_cpu.defjvp, symbolic_zeros=True)
def _tangent(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Array, Any]:
    """Return the product and its tangent, written so that the transposed tangent map is a fast gradient.

    The gradient with respect to the weights sums over the rows of both factors, a layout for which the CPU backend has
    no fast product. One factor is therefore transposed in memory first, and an optimization barrier keeps the compiler
    from merging the transpose back into the product. The factor is the derivative of the outputs if these are narrow,
    and otherwise the inputs, whose transpose is shared by all networks that read the same batch.
    """
    (x, weight), (dx, dweight) = primals, tangents
    terms = []
    if not isinstance(dx, SymbolicZero):
        terms.append(_full(dx, weight))
    if not isinstance(dweight, SymbolicZero):
        in_memory = jax.lax.optimization_barrier
        narrow = weight.shape[1] <= NARROW
        terms.append(_full(x, in_memory(dweight.T).T) if narrow else _full(in_memory(x.T).T, dweight))
    return _on_cpu(x, weight), sum(terms[1:], start=terms[0])
