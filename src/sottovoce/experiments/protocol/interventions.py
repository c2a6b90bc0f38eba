"""Interventions that may stop transfer: changes to a student's targets, loss, gradient or step (docs/interventions.md).

Strengths are traced, one set per student, so that one program trains students with and without interventions. On a CPU
a projection or penalty of strength zero is not computed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from sottovoce.networks.base import Network
from sottovoce.parts import Own
from sottovoce.training.loop import Loss, weighted_mean
from sottovoce.training.objectives import cross_entropy, kl
from sottovoce.training.program import Images

ClassGradient = Callable[[Network, Int[Array, ""]], PyTree]
Scalar = float | Float[Array, ""]
# Of "targets", "gradient" or "step", its value, the student and the number of the step: the value, changed.
Change = Callable[[str, PyTree, Network, Array], PyTree]


def _unchanged(_on: str, value: PyTree, _network: Network, _step: Array) -> PyTree:
    return value


class Strengths(NamedTuple):
    """The strength of each intervention on a student; at the defaults none changes anything.

    Attributes:
        projection: share of the gradient's component along the class loss's gradient that is removed, over the trunk,
            where a step against the gradient would lower the class loss.
        step_projection: share of the component of the optimizer's step along the class loss's negative gradient that is
            removed, over the trunk, where the step would lower the class loss.
        shuffled: 1 where the class loss of both projections is that of shuffled labels, which is their control; 0 where
            it is that of the true labels.
        penalty: weight in the loss of KL(student at its start || student) over all logits, on the batch.
        penalty_until: share of the training in which the penalty has its full weight; from there the weight falls
            linearly to zero at the end.
        decay: each step also subtracts learning rate times this times every weight and bias.
        target_noise: standard deviation of Gaussian noise on the targets, in units of the standard deviation of each of
            the teacher's logits over inputs.
        mix: weight of the own teacher's logits in the targets; the partner's teacher's have the remaining weight.
        unrelated: 1 where the targets are the unrelated teacher's logits instead, 0 elsewhere.
        own: the number of the user's own intervention, counted from 1; 0 for none.
    """

    projection: Scalar = 0.0
    step_projection: Scalar = 0.0
    shuffled: Scalar = 0.0
    penalty: Scalar = 0.0
    penalty_until: Scalar = 1.0
    decay: Scalar = 0.0
    target_noise: Scalar = 0.0
    mix: Scalar = 1.0
    unrelated: Scalar = 0.0
    own: Scalar = 0.0


def own_change(parts: tuple[Own, ...], number: Scalar, key: Key[Array, ""]) -> Change:
    """Return how the user's own intervention on a student changes targets, gradients and steps.

    Args:
        parts: the user's own interventions on students of the member, counted from 1.
        number: the number of the student's; 0 for none.
        key: the member's key for its own interventions, which is folded with the number of each step.
    """

    def change(on: str, value: PyTree, network: Network, step: Array) -> PyTree:
        if all(part.on != on for part in parts):
            return value
        step_key = jax.random.fold_in(key, step)

        def branch(part: Own) -> Callable[[], PyTree]:
            return lambda: part.function(value, network, step_key) if part.on == on else value

        # A switch, because all students of a member share one program.
        return jax.lax.switch(jnp.asarray(number, int), [lambda: value, *map(branch, parts)])

    return change


class Targets(NamedTuple):
    """What the targets of a batch are made of, besides the teachers' logits.

    Attributes:
        spread: standard deviation over inputs of each logit of the own teacher.
        key: key of the noise, which is drawn afresh at every step.
        n_steps: number of steps of the whole training.
    """

    spread: Float[Array, " logit"]
    key: Key[Array, ""]
    n_steps: int


def treated_loss(
    plain: Loss,
    strengths: Strengths,
    start: Network,
    targets: Targets,
    temperature: Array,
    change: Change = _unchanged,
) -> Loss:
    """Return a student's loss with mixed and noisy targets and the penalty.

    Args:
        plain: the student's loss without interventions, on batches of inputs and targets.
        strengths: strengths of the interventions.
        start: the student before training.
        targets: what the targets are made of.
        temperature: temperature of the penalty's softmaxes.
        change: the user's own intervention on the targets, as `own_change` returns it.

    Returns:
        A loss on batches of inputs, the logits on them of the own teacher, the partner's and the unrelated one
        `(sample, teacher, logit)`, and the number of the step. It returns the value with the penalty and, for
        comparison, the value without it.
    """

    def loss(network: Network, batch: tuple[Array, Array, Array], weights: Array) -> tuple[Array, Array]:
        inputs, logits, step = batch
        own_teacher, partners_teacher, unrelated_teacher = logits[:, 0], logits[:, 1], logits[:, 2]
        # The key is folded with the step: the noise is fresh at every step and the same for every student.
        noise = strengths.target_noise * targets.spread
        noise = noise * jax.random.normal(jax.random.fold_in(targets.key, step), own_teacher.shape)
        mixed = strengths.mix * own_teacher + (1 - strengths.mix) * partners_teacher + noise
        mixed = jnp.where(strengths.unrelated > 0, unrelated_teacher, mixed)
        mixed = change("targets", mixed, network, step)
        value, _ = plain(network, (inputs, mixed), weights)

        def penalty() -> Array:
            # Over all logits: the class logits are anchored too, although the student may not be distilled on them.
            divergence = kl(network(inputs), start(inputs), jnp.ones(own_teacher.shape[1], bool), temperature)
            return penalty_weight(strengths, step, targets.n_steps) * weighted_mean(divergence, weights)

        return value + jax.lax.cond(strengths.penalty > 0, penalty, lambda: jnp.zeros(())), value

    return loss


def penalty_weight(strengths: Strengths, step: Int[Array, ""], n_steps: int) -> Float[Array, ""]:
    """Return the penalty's weight at a step, counted from zero: full at first, then falling linearly to the end."""
    # The denominator is at least one step, so that a penalty of full weight to the end divides by no zero.
    left = (1 - step / n_steps) / jnp.maximum(1 - strengths.penalty_until, 1 / n_steps)
    return strengths.penalty * jnp.minimum(left, 1)


def treated_optimizer(
    plain: optax.GradientTransformation,
    strengths: Strengths,
    rate: Array,
    class_gradient: ClassGradient,
    change: Change = _unchanged,
) -> optax.GradientTransformation:
    """Return a student's optimizer with both projections and the decay.

    Args:
        plain: the student's optimizer without interventions.
        strengths: strengths of the interventions.
        rate: the student's learning rate.
        class_gradient: returns the class loss's gradient with respect to the trunk, for a network and a step.
        change: the user's own intervention on the gradient or the step, as `own_change` returns it.
    """

    def init(network: Any) -> tuple[PyTree, Array]:
        return plain.init(network), jnp.zeros((), jnp.int32)

    def update(gradient: Any, state: tuple[PyTree, Array], network: Any) -> tuple[Any, tuple[PyTree, Array]]:
        plain_state, step = state
        # Without projections the direction is zero, and a zero direction removes nothing.
        along = jax.lax.cond(
            strengths.projection + strengths.step_projection > 0,
            lambda: class_gradient(network, step),
            lambda: jax.tree.map(jnp.zeros_like, network.trunk_blocks()),
        )
        # A step lowers the class loss where it points against the class gradient.
        against = jax.tree.map(jnp.negative, along)
        gradient = gradient.with_trunk(without_aligned(gradient.trunk_blocks(), along, strengths.projection))
        gradient = change("gradient", gradient, network, step)
        updated: tuple[Any, Any] = plain.update(gradient, plain_state, network)
        updates, plain_state = updated
        trunk = without_aligned(updates.trunk_blocks(), against, strengths.step_projection)
        changed = change("step", updates.with_trunk(trunk), network, step)
        # Last, so that the decay enters neither the optimizer's moments nor the projections.
        decayed = jax.tree.map(lambda u, leaf: u - rate * strengths.decay * leaf, changed, network)
        return decayed, (plain_state, step + 1)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


def labeled_batches(images: Images, batch_size: int, shuffled: Scalar, key: Key[Array, ""]) -> ClassGradient:
    """Return the class loss's gradient with respect to the trunk, on labeled images drawn afresh for each step.

    Args:
        images: training images, drawn with replacement.
        batch_size: number of images per step.
        shuffled: 1 to permute the labels within each batch at random, 0 to leave them.
        key: key of the draws.
    """

    def gradient(network: Network, step: Int[Array, ""]) -> PyTree:
        # Two keys, so that a control draws the images of its projection and differs from it in the labels alone.
        rows_key, labels_key = jax.random.split(jax.random.fold_in(key, step))
        rows = jax.random.randint(rows_key, (batch_size,), 0, images.train_labels.shape[0])
        labels = images.train_labels[rows]
        labels = jnp.where(shuffled > 0, jax.random.permutation(labels_key, labels), labels)
        return class_loss_and_gradient(network, images.scaled(images.train_pixels[rows]), labels)[1]

    return gradient


def class_loss_and_gradient(
    network: Network, inputs: Float[Array, "sample input"], labels: Int[Array, " sample"]
) -> tuple[Float[Array, ""], PyTree]:
    """Return the mean cross-entropy of labels in nats and its gradient with respect to the trunk."""

    def loss(trunk: PyTree) -> Array:
        return jnp.mean(cross_entropy(network.with_trunk(trunk).class_logits(inputs), labels))

    return jax.value_and_grad(loss)(network.trunk_blocks())


def without_aligned(vector: PyTree, along: PyTree, share: Scalar = 1.0) -> PyTree:
    """Return a vector minus a share of its component along another, where their inner product is positive.

    Args:
        vector: pytree of arrays.
        along: pytree of the same structure; where it is zero the vector is returned as it is.
        share: share of the component to remove; 1 makes the two orthogonal.
    """
    # The smallest normal number keeps a zero direction from dividing zero by zero.
    component = jnp.maximum(inner(vector, along), 0) / jnp.maximum(inner(along, along), jnp.finfo(jnp.float32).tiny)
    return jax.tree.map(lambda v, a: v - share * component * a, vector, along)


def inner(a: PyTree, b: PyTree) -> Float[Array, ""]:
    """Return the inner product of two pytrees of the same structure."""
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)), jnp.zeros(()))


def cosine(a: PyTree, b: PyTree) -> Float[Array, ""]:
    """Return the cosine of the angle between two pytrees of the same structure; NaN where one is zero."""
    return inner(a, b) / jnp.sqrt(inner(a, a) * inner(b, b))
