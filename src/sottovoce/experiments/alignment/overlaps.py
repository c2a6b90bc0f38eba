"""Losses and overlaps of a student at a checkpoint of its training, on fixed samples."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from sottovoce.data.inputs import input_rows
from sottovoce.data.kinds import ROWS_AT_ONCE
from sottovoce.experiments.protocol.interventions import class_loss_and_gradient, cosine, inner
from sottovoce.networks.base import Network
from sottovoce.streams import Stream
from sottovoce.training.loop import Loss
from sottovoce.training.program import MemberProgram


class Probe(NamedTuple):
    """Fixed samples on which students are observed, and two teachers' displacements from initialization."""

    # Held-out distillation inputs, and the own teacher's logits on them.
    inputs: Float[Array, "sample input"]
    targets: Float[Array, "sample logit"]
    # Training images; their labels, and below them the same labels shuffled among the images.
    images: Float[Array, "sample input"]
    labels: Int[Array, "2 sample"]
    # A teacher's trunk after training minus the trunk before: the own teacher's, and the partner's.
    displacement: PyTree
    partner_displacement: PyTree


def probe_of(
    program: MemberProgram,
    n_probe: int,
    member: Array,
    teacher: Network,
    *,
    displacement: PyTree,
    partner_displacement: PyTree,
) -> Probe:
    """Return the fixed samples of a member together with the teachers' displacements."""
    protocol, images = program.protocol, program.images
    key = program.key(Stream.DISTILLATION_INPUTS, member)
    shape = (protocol.n_inputs, protocol.architecture.n_inputs)
    row = input_rows(protocol.inputs, key, shape, images.train_pixels, program.traced.inputs, images.scaled)
    # Held-out inputs share the member's filter, subspace or permutation with the students' inputs, but are other draws.
    drawn_with = program.key(Stream.PROBE_INPUTS, member)
    inputs = jax.lax.map(lambda i: row(drawn_with, i), jnp.arange(n_probe), batch_size=ROWS_AT_ONCE)
    # Shuffling keeps images and label frequencies, so that only the pairing of image and label is lost.
    labels, shuffle = images.train_labels[:n_probe], program.key(Stream.SHUFFLED_LABELS, member)
    return Probe(
        inputs=inputs,
        targets=teacher(inputs),
        images=images.scaled(images.train_pixels[:n_probe]),
        labels=jnp.stack([labels, jax.random.permutation(shuffle, labels)]),
        displacement=displacement,
        partner_displacement=partner_displacement,
    )


def overlaps(
    network: Network,
    state: PyTree,
    on_aux_logits: Loss,
    optimizer: optax.GradientTransformation,
    start: Network,
    probe: Probe,
) -> dict[str, Array]:
    """Return losses and, in the order of `alignment.config.OVERLAPS`, inner products and cosines with their nulls.

    Args:
        network: a student at a checkpoint of its training.
        state: the state of the student's optimizer.
        on_aux_logits: the distillation loss on auxiliary logits.
        optimizer: the student's own optimizer.
        start: the student before training.
        probe: the samples and displacements that it is compared with.

    Returns:
        `auxiliary_loss` and `class_loss` (nats), scalars; `inner`, `cosine` and `cosine_null`, one entry per overlap.
        A cosine is NaN where one of its two vectors is zero.
    """
    samples = (probe.inputs, probe.targets), jnp.ones(len(probe.inputs))
    (aux_loss, _), gradient = jax.value_and_grad(on_aux_logits, has_aux=True)(network, *samples)
    # True and shuffled labels together, as rows of `probe.labels`: both gradients are on the same images.
    class_losses, slopes = jax.vmap(partial(class_loss_and_gradient, network, probe.images))(probe.labels)
    class_down, null_down = (jax.tree.map(lambda leaf, i=i: -leaf[i], slopes) for i in range(2))
    # The optimizer's state is read but not advanced: an observation must not change the training that it observes.
    parameters: Any = network
    updates: Any = optimizer.update(gradient, state, parameters)[0]
    down, step = jax.tree.map(jnp.negative, gradient.trunk_blocks()), updates.trunk_blocks()
    # Each entry: the student's vector, the vector it is compared with, and the null of the latter.
    comparisons = [
        (down, class_down, null_down),
        (down, probe.displacement, probe.partner_displacement),
        (step, class_down, null_down),
        (step, probe.displacement, probe.partner_displacement),
        (displacement(start, network), probe.displacement, probe.partner_displacement),
    ]
    return {
        "auxiliary_loss": aux_loss,
        "class_loss": class_losses[0],
        "inner": jnp.stack([inner(vector, other) for vector, other, _ in comparisons]),
        "cosine": jnp.stack([cosine(vector, other) for vector, other, _ in comparisons]),
        "cosine_null": jnp.stack([cosine(vector, null) for vector, _, null in comparisons]),
    }


def displacement(before: Network, after: Network) -> PyTree:
    """Return the difference of two trunks, the later one minus the earlier."""
    return jax.tree.map(jnp.subtract, after.trunk_blocks(), before.trunk_blocks())
