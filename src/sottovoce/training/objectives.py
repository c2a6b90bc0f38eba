"""What a student minimizes: distances between its logits and its teacher's, over a mask of logits.

Each function returns one value per sample; means over samples are taken per member, so that a member trained in an
ensemble equals the same member trained alone.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

LogitDistance = Callable[[Array, Array, Array, Array], Array]


def cross_entropy(logits: Float[Array, "sample logit"], labels: Int[Array, " sample"]) -> Float[Array, " sample"]:
    """Return the cross-entropy of integer labels in nats (the teacher's loss)."""
    log_probabilities = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0]


def kl(
    student: Float[Array, "sample logit"],
    teacher: Float[Array, "sample logit"],
    mask: Bool[Array, " logit"],
    temperature: Float[Array, ""],
) -> Float[Array, " sample"]:
    """Return KL(teacher || student) in nats of the softmaxes over the masked logits (Cloud et al., section on MNIST).

    It is blind to a shift common to all masked logits; with a single masked logit it is identically zero.
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


OBJECTIVES: dict[str, LogitDistance] = {"kl": kl, "mse": mse}


def _masked_log_softmax(logits: Array, mask: Array) -> Array:
    # A large finite number, not -inf: masked entries must leave neither value nor gradient non-finite.
    return jax.nn.log_softmax(jnp.where(mask, logits, -1e30), axis=1)
