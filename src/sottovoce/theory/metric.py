"""Slope and curvature of the distillation objectives in the logits, on any subset of them (docs/theory.md, section 9).

On jax, as `theory.tangent` is.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from sottovoce.theory.linear import check_objective

Apply = Callable[[Any, Array], Array]
Scalar = float | Float[Array, ""]


def metric_root(
    targets: Float[Array, "sample logit"],
    objective: str,
    temperature: Scalar = 1.0,
    mask: Bool[Array, " logit"] | None = None,
) -> Float[Array, "sample logit logit"]:
    """Return B with ``B B^T`` the second derivative of the objective in the student's logits, at the teacher's.

    For "mse", the mean over k logits, ``H = 2/k``. For "kl" with p the teacher's softmax, ``H = (diag p - p p^T) / T^2
    = B B^T`` with ``B = diag(sqrt p) (1 - sqrt(p) sqrt(p)^T) / T``, since that bracket is a projector. Logits that are
    not distilled have p = 0, or H = 0, and rows and columns of zeros.

    Args:
        targets: the teacher's logits.
        objective: "mse" or "kl".
        temperature: T, of the softmaxes of "kl".
        mask: which logits are distilled; None: all.

    Returns:
        One matrix per sample.

    Raises:
        UsageError: unknown objective.
    """
    check_objective(objective)
    kept = _mask(mask, targets)
    identity = jnp.eye(targets.shape[1], dtype=targets.dtype)
    if objective == "mse":
        return jnp.broadcast_to(identity * kept * jnp.sqrt(2 / jnp.sum(kept)), (*targets.shape, targets.shape[1]))
    root = jnp.sqrt(_softmax(targets / temperature, kept))
    return root[:, :, None] * (identity - root[:, :, None] * root[:, None, :]) / temperature


def descent(
    student: Float[Array, "*batch logit"],
    teacher: Float[Array, "*batch logit"],
    objective: str,
    temperature: Scalar = 1.0,
    mask: Bool[Array, " logit"] | None = None,
) -> Float[Array, "*batch logit"]:
    """Return minus the objective's derivative in the student's logits, per sample.

    Args:
        student: the student's logits.
        teacher: the teacher's.
        objective: "mse" or "kl".
        temperature: of the softmaxes of "kl".
        mask: which logits are distilled; None: all.

    Returns:
        Where the student's logits are drawn; zero for logits that are not distilled.

    Raises:
        UsageError: unknown objective.
    """
    check_objective(objective)
    kept = _mask(mask, teacher)
    if objective == "mse":
        return 2 * jnp.where(kept, teacher - student, 0) / jnp.sum(kept)
    return (_softmax(teacher / temperature, kept) - _softmax(student / temperature, kept)) / temperature


def quadratic_form(
    apply: Apply,
    base: PyTree,
    change: PyTree,
    inputs: Float[Array, "sample input"],
    *,
    objective: str,
    temperature: Scalar = 1.0,
    mask: Bool[Array, " logit"] | None = None,
) -> Float[Array, ""]:
    """Return ``1/n |B^T J change|^2``: the inner product of Theorem 1, to leading order and per unit of rate.

    It is what a student that starts at the base gains along a teacher's small change, since its first gradient is
    ``-J^T B B^T J change / n`` (docs/theory.md, section 9); never negative.

    Args:
        apply: maps (parameters, inputs) to logits.
        base: parameters that student and teacher started from.
        change: the teacher's change.
        inputs: the student's inputs.
        objective: "mse" or "kl".
        temperature: of the softmaxes of "kl".
        mask: which of the logits are distilled; None: all.

    Returns:
        The form's value.

    Raises:
        UsageError: unknown objective.
    """
    logits, slope = jax.jvp(lambda p: apply(p, inputs), (base,), (change,))
    weighed = jnp.einsum("nji,nj->ni", metric_root(logits, objective, temperature, mask), slope)
    return jnp.sum(weighed**2) / inputs.shape[0]


def _mask(mask: Array | None, logits: Array) -> Array:
    return jnp.ones(logits.shape[-1], bool) if mask is None else mask


def _softmax(logits: Array, kept: Array) -> Array:
    # A large finite number, not -inf: masked entries must leave neither value nor derivative non-finite.
    return jax.nn.softmax(jnp.where(kept, logits, -1e30))
