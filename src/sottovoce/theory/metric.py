"""First and second derivatives of the distillation objectives with respect to the logits (docs/theory.md, section 9).

The objective is "mse", the mean over logits, or "kl" with softmaxes at a temperature T. `mask` says which logits are
distilled; None: all. An unknown objective raises `UsageError`. Like `theory.tangent`, this module computes with jax.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from sottovoce.theory.linear import check_objective

Apply = Callable[[Any, Array], Array]
Scalar = float | Float[Array, ""]
Inputs = Float[Array, "sample input"]
Logits = Float[Array, "*batch logit"]
Mask = Bool[Array, " logit"] | None


def metric_root(
    targets: Float[Array, "sample logit"], objective: str, temperature: Scalar = 1.0, mask: Mask = None
) -> Float[Array, "sample logit logit"]:
    """Return per sample a root B of the objective's Hessian ``H = B B^T`` in the student's logits, at the teacher's.

    For "mse" over k logits ``H = 2/k``. For "kl" with p the teacher's softmax, ``H = (diag p - p p^T) / T^2 = B B^T``
    with ``B = diag(sqrt p) (1 - sqrt(p) sqrt(p)^T) / T``, since the bracket is a projector. Rows and columns of logits
    that are not distilled are zero.
    """
    check_objective(objective)
    distilled = _mask(mask, targets)
    identity = jnp.eye(targets.shape[1], dtype=targets.dtype)
    if objective == "mse":
        root = identity * distilled * jnp.sqrt(2 / jnp.sum(distilled))
        return jnp.broadcast_to(root, (*targets.shape, targets.shape[1]))
    root = jnp.sqrt(_softmax(targets / temperature, distilled))
    return root[:, :, None] * (identity - root[:, :, None] * root[:, None, :]) / temperature


def descent(student: Logits, teacher: Logits, objective: str, temperature: Scalar = 1.0, mask: Mask = None) -> Logits:
    """Return the negative gradient of the objective in the student's logits; zero for logits that are not distilled."""
    check_objective(objective)
    distilled = _mask(mask, teacher)
    if objective == "mse":
        return 2 * jnp.where(distilled, teacher - student, 0) / jnp.sum(distilled)
    return (_softmax(teacher / temperature, distilled) - _softmax(student / temperature, distilled)) / temperature


def quadratic_form(
    apply: Apply,
    base: PyTree,
    change: PyTree,
    inputs: Inputs,
    *,
    objective: str,
    temperature: Scalar = 1.0,
    mask: Mask = None,
) -> Float[Array, ""]:
    """Return ``1/n |B^T J change|^2``, the inner product of Theorem 1 to leading order, per unit of learning rate.

    It is the inner product of a student's first step from the base with a small `change` of the teacher from that base,
    and is never negative (docs/theory.md, section 9). `apply` maps (parameters, inputs) to logits.
    """
    logits, slope = jax.jvp(lambda p: apply(p, inputs), (base,), (change,))
    # With the root of the Hessian the form is a sum of squares, which rounding cannot make negative.
    weighted = jnp.einsum("nji,nj->ni", metric_root(logits, objective, temperature, mask), slope)
    return jnp.sum(weighted**2) / inputs.shape[0]


def _mask(mask: Array | None, logits: Array) -> Array:
    return jnp.ones(logits.shape[-1], bool) if mask is None else mask


def _softmax(logits: Array, distilled: Array) -> Array:
    # A large finite number instead of -inf, so that masked entries make neither value nor derivative non-finite.
    return jax.nn.softmax(jnp.where(distilled, logits, -1e30))
