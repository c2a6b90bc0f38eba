"""The objectives of distillation: distances between the logits of student and teacher over a mask of logits.

Each function returns one value per sample. Means over samples are taken per member, so that a member trained in an
ensemble equals the same member trained alone.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Logits = Float[Array, "sample logit"]
Mask = Bool[Array, " logit"]
Temperature = Float[Array, ""]
Values = Float[Array, " sample"]

# The value of logits outside the mask: finite instead of -inf, so that it makes neither value nor gradient non-finite.
_FAR_BELOW = -1e30


def cross_entropy(logits: Logits, labels: Int[Array, " sample"]) -> Values:
    """Return the cross-entropy of integer labels in nats, the loss of the teacher."""
    log_probabilities = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0]


def kl(student: Logits, teacher: Logits, mask: Mask, temperature: Temperature) -> Values:
    """Return KL(teacher || student) in nats of the softmaxes over the masked logits (Cloud et al., section on MNIST).

    The divergence is invariant to a shift common to all logits in the mask; for a single logit it is identically zero.
    """
    log_p, log_q = (
        jax.nn.log_softmax(jnp.where(mask, logits / temperature, _FAR_BELOW), axis=1) for logits in (teacher, student)
    )
    return jnp.sum(jnp.where(mask, jnp.exp(log_p) * (log_p - log_q), 0.0), axis=1)


# The objectives below take a temperature too, which they do not use, so that all have one signature.


def mse(student: Logits, teacher: Logits, mask: Mask, temperature: Temperature) -> Values:  # noqa: ARG001
    """Return the mean squared difference of the masked logits."""
    return jnp.sum(jnp.where(mask, (student - teacher) ** 2, 0.0), axis=1) / jnp.sum(mask)


def centered_mse(student: Logits, teacher: Logits, mask: Mask, temperature: Temperature) -> Values:  # noqa: ARG001
    """Return the mean squared difference of the masked logits after subtracting each sample's mean over the mask.

    This is `mse` minus the square of the mean difference. Like `kl` it is invariant to a shift common to all logits in
    the mask, and `kl` times the squared temperature tends to half of it at high temperature. For a single logit it is
    zero.
    """
    n_logits = jnp.sum(mask)
    difference = jnp.where(mask, student - teacher, 0.0)
    mean = jnp.sum(difference, axis=1, keepdims=True) / n_logits
    return jnp.sum(jnp.where(mask, (difference - mean) ** 2, 0.0), axis=1) / n_logits


def hard(student: Logits, teacher: Logits, mask: Mask, temperature: Temperature) -> Values:  # noqa: ARG001
    """Return the cross-entropy in nats over the masked logits, with the teacher's largest masked logit as the label.

    This is the limit of `kl` if only the teacher's temperature goes to zero. For a single logit it is zero.
    """
    label = jnp.argmax(jnp.where(mask, teacher, -jnp.inf), axis=1)
    return cross_entropy(jnp.where(mask, student, _FAR_BELOW), label)
