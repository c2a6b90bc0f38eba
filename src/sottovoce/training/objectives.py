"""The objectives of distillation: distances between the logits of student and teacher over a mask of logits.

Each function returns one value per sample. Means over samples are taken per member, so that a member trained in an
ensemble equals the same member trained alone.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

LogitDistance = Callable[[Array, Array, Array, Array], Array]

# The value of logits outside the mask: finite instead of -inf, so that it makes neither value nor gradient non-finite.
_FAR_BELOW = -1e30


def cross_entropy(logits: Float[Array, "sample logit"], labels: Int[Array, " sample"]) -> Float[Array, " sample"]:
    """Return the cross-entropy of integer labels in nats, the loss of the teacher."""
    log_probabilities = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0]


def kl(
    student: Float[Array, "sample logit"],
    teacher: Float[Array, "sample logit"],
    mask: Bool[Array, " logit"],
    temperature: Float[Array, ""],
) -> Float[Array, " sample"]:
    """Return KL(teacher || student) in nats of the softmaxes over the masked logits (Cloud et al., section on MNIST).

    The divergence is invariant to a shift common to all logits in the mask; for a single logit it is identically zero.
    """
    log_p = _masked_log_softmax(teacher / temperature, mask)
    log_q = _masked_log_softmax(student / temperature, mask)
    return jnp.sum(jnp.where(mask, jnp.exp(log_p) * (log_p - log_q), 0.0), axis=1)


def mse(
    student: Float[Array, "sample logit"],
    teacher: Float[Array, "sample logit"],
    mask: Bool[Array, " logit"],
    temperature: Float[Array, ""],  # noqa: ARG001 - one signature for all objectives
) -> Float[Array, " sample"]:
    """Return the mean squared difference of the masked logits."""
    return jnp.sum(jnp.where(mask, (student - teacher) ** 2, 0.0), axis=1) / jnp.sum(mask)


def centered_mse(
    student: Float[Array, "sample logit"],
    teacher: Float[Array, "sample logit"],
    mask: Bool[Array, " logit"],
    temperature: Float[Array, ""],  # noqa: ARG001 - one signature for all objectives
) -> Float[Array, " sample"]:
    """Return the mean squared difference of the masked logits after subtracting each sample's mean over the mask.

    This is `mse` minus the square of the mean difference. Like `kl` it is invariant to a shift common to all logits in
    the mask, and `kl` times the squared temperature tends to half of it at high temperature. For a single logit it is
    zero.
    """
    n_logits = jnp.sum(mask)
    difference = jnp.where(mask, student - teacher, 0.0)
    mean = jnp.sum(difference, axis=1, keepdims=True) / n_logits
    return jnp.sum(jnp.where(mask, (difference - mean) ** 2, 0.0), axis=1) / n_logits


def hard(
    student: Float[Array, "sample logit"],
    teacher: Float[Array, "sample logit"],
    mask: Bool[Array, " logit"],
    temperature: Float[Array, ""],  # noqa: ARG001 - one signature for all objectives
) -> Float[Array, " sample"]:
    """Return the cross-entropy in nats over the masked logits, with the teacher's largest masked logit as the label.

    This is the limit of `kl` if only the teacher's temperature goes to zero. For a single logit it is zero.
    """
    label = jnp.argmax(jnp.where(mask, teacher, -jnp.inf), axis=1)
    return cross_entropy(jnp.where(mask, student, _FAR_BELOW), label)


OBJECTIVES: dict[str, LogitDistance] = {"kl": kl, "mse": mse, "centered_mse": centered_mse, "hard": hard}


def _masked_log_softmax(logits: Array, mask: Array) -> Array:
    return jax.nn.log_softmax(jnp.where(mask, logits, _FAR_BELOW), axis=1)
