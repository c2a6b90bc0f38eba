"""The protocol of a member (reference, teacher, students and cross-models) as a pure function of the member's index."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from sottovoce.networks.base import Network, correct
from sottovoce.networks.initialization import draw_heads
from sottovoce.streams import Stream
from sottovoce.training import axes
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.loop import Training, train, weighted_mean
from sottovoce.training.objectives import cross_entropy
from sottovoce.training.optimizers import optimizer
from sottovoce.training.program import Member, MemberProgram, Setting
from sottovoce.training.students import Sources, SourceWeights, with_shared_blocks


class InitialNetworks(NamedTuple):
    """The networks drawn for a member: its reference, its partner, and one that replaces or perturbs single blocks."""

    reference: Network
    partner: Network
    fresh: Network


def run_member(program: MemberProgram, member: Int[Array, ""]) -> Member:
    """Train one member's teacher and all its students.

    Every random number is derived from (seed, stream, member), so the result is the same in any ensemble.
    """
    initial = initial_networks(program, member)
    labels, batches = program.images.train_labels, program.key(Stream.TEACHER_BATCHES, member)
    if program.protocol.unrelated_teacher:
        # Mapped over the two teachers, so that their training is compiled once.
        train_on = axes.map_over_leading_axis(lambda own: train_teacher(program, initial.reference, own, batches))
        both, losses = train_on(jnp.stack([labels, unrelated_labels(program, member)]))
        teachers = axes.unstack(both)
    else:
        teacher, loss = train_teacher(program, initial.reference, labels, batches)
        teachers, losses = [teacher], loss[None]
    starts = student_starts(program, student_sources(program, initial, teachers[0], member), member)
    data = distillation_set(program, logits_of(teachers), program.key(Stream.DISTILLATION_INPUTS, member))
    students, student_loss = distill(program, data, starts, program.key(Stream.STUDENT_BATCHES, member))
    classified = _correct(program, (initial.reference, *teachers), students)
    return Member(
        reference=initial.reference,
        teacher=teachers[0],
        students=students,
        correct=classified,
        accuracy=classified.mean(axis=1),
        teacher_loss=losses.T,
        student_loss=student_loss.T,
    )


def unrelated_labels(program: MemberProgram, member: Int[Array, ""]) -> Int[Array, " sample"]:
    """Return the training labels in random order, from which an unrelated teacher learns nothing about the images."""
    return jax.random.permutation(program.key(Stream.UNRELATED_LABELS, member), program.images.train_labels)


def logits_of(teachers: Sequence[Network]) -> Callable[[Array], Array]:
    """Return the logits of one teacher as a function of inputs, or of several, `(sample, teacher, logit)`."""
    if len(teachers) == 1:
        return teachers[0]
    return lambda inputs: jnp.stack([teacher(inputs) for teacher in teachers], axis=1)


def train_teacher(
    program: MemberProgram,
    reference: Network,
    labels: Int[Array, " sample"],
    key: Key[Array, ""],
    *,
    loop: Callable[..., tuple[Any, Any]] = train,
) -> tuple[Network, PyTree]:
    """Return a copy of the reference trained on labels through its class logits only, and its loss by epoch.

    Args:
        program: settings and images of the member.
        reference: the network before training.
        labels: labels of the training images.
        key: key for the order of the images in each epoch.
        loop: a function of the arguments of `loop.train`, which may return other results with the network.
    """
    protocol, traced, images = program.protocol, program.traced, program.images

    def loss(network: Network, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        pixels, labels = batch
        value = weighted_mean(cross_entropy(network.class_logits(images.scaled(pixels)), labels), weights)
        return value, value

    training = Training(
        loss,
        data=(images.train_pixels, labels),
        optimizer=optimizer(protocol.teacher_optimizer, traced.teacher_rate, traced.teacher_decay),
        epochs=protocol.teacher_epochs,
        batch_size=protocol.batch_size,
        steps=protocol.teacher_steps,
    )
    return loop(reference, training, key)


def initial_networks(setting: Setting, member: Int[Array, ""]) -> InitialNetworks:
    """Return the member's reference, its partner, and a fresh draw, all of the same scheme."""
    return _draw(setting, setting.protocol.architecture, (Stream.INITIALIZATION, Stream.PARTNER), member)


def student_sources(setting: Setting, initial: InitialNetworks, teacher: Network, member: Int[Array, ""]) -> Sources:
    """Return the networks whose weighted sums the students start from, with the students' trunk.

    Both heads, and each layer that the teacher's trunk also has under the same name and in the same shape, are taken
    from the reference (or partner, or teacher) itself. All other layers are drawn from separate random streams. Draws
    of two shapes from the same key contain the same numbers in different positions, so with the same stream a student
    would share numbers with a reference although their layers are independent by definition.

    If the students' trunk is the teacher's, the sources are the given networks.
    """
    architecture = setting.protocol.student_architecture
    if architecture is None:
        return Sources(initial.reference, initial.partner, initial.fresh, teacher)
    drawn = _draw(setting, architecture, (Stream.STUDENT_TRUNK, Stream.PARTNER_STUDENT_TRUNK), member)
    start = with_shared_blocks(drawn.reference, initial.reference)
    partner_start = with_shared_blocks(drawn.partner, initial.partner)
    return Sources(start, partner_start, drawn.fresh, with_shared_blocks(start, teacher))


def student_starts(setting: Setting, sources: Sources, member: Int[Array, ""]) -> Network:
    """Return the students' initial networks on a leading axis.

    Each block is the sum of the sources' blocks with the student's weights. Fresh heads replace both heads of the sum.
    """
    columns = list(zip(*(getattr(sources, name).blocks().values() for name in SourceWeights._fields), strict=True))

    def start(weights: Float[Array, "block source"]) -> Network:
        # Explicit sums instead of a matrix product, which an accelerator may round: a start from a single network must
        # equal that network bit for bit on every device.
        def total(own: Float[Array, " source"], first: Array, *others: Array) -> Array:
            return sum(own[i] * leaf for i, leaf in enumerate(others, 1)) + own[0] * first

        pairs = zip(weights, columns, strict=True)
        blocks = [jax.tree.map(partial(total, own), *column) for own, column in pairs]
        return sources.reference.with_blocks(blocks)

    starts = jax.vmap(start)(setting.traced.students.starts)
    if not setting.protocol.fresh_heads:
        return starts
    keys = jax.random.split(setting.key(Stream.FRESH_HEADS, member))
    heads = _scaled(draw_heads(setting.protocol.architecture, keys[0], keys[1]), setting.traced.gain)
    n_students = len(setting.traced.students.starts)
    return eqx.tree_at(lambda n: (n.class_head, n.aux_head), starts, axes.repeat(heads, n_students))


def _draw(
    setting: Setting,
    architecture: Any,
    streams: tuple[Stream, Stream],
    member: Int[Array, ""],
) -> InitialNetworks:
    """Return networks of an architecture: the reference and its partner, each from its stream, and a fresh draw."""
    # The three draws share one program, because compiling a draw takes longer than drawing.
    draw = axes.map_over_leading_axis(architecture.draw)
    drawn = draw(jnp.stack([setting.key(stream, member) for stream in (*streams, Stream.PERTURBATION)]))
    return InitialNetworks(*axes.unstack(_scaled(drawn, setting.traced.gain)))


def _correct(program: MemberProgram, others: Sequence[Network], students: Network) -> Bool[Array, "role test"]:
    """Return which test images the reference, the teachers and then each of the stacked students classify right."""
    test_images = program.test_images()
    score = axes.map_over_leading_axis(lambda network: correct(network, test_images, program.images.test_labels))
    if program.protocol.student_architecture is None:
        # All networks are stacked along one axis, so that the size of the program does not depend on their number.
        return score(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), axes.stack(others), students))
    return jnp.concatenate([score(axes.stack(others)), score(students)])


def _scaled(drawn: PyTree, gain: Float[Array, ""] | float) -> PyTree:
    return jax.tree.map(lambda leaf: gain * leaf, drawn)
