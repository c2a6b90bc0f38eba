"""Reference -> teacher -> students and cross-models, for one member, as one pure function of its index."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from sottovoce.networks.initialization import Architecture, draw_heads, initialize
from sottovoce.networks.mlp import Network, accuracy
from sottovoce.streams import Stream, partner
from sottovoce.training import axes
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.loop import Training, train, weighted_mean
from sottovoce.training.objectives import cross_entropy
from sottovoce.training.optimizers import optimizer
from sottovoce.training.program import Member, MemberProgram, Setting
from sottovoce.training.students import Sources, SourceWeights, blocks_of, with_blocks, with_shared_blocks


class InitialNetworks(NamedTuple):
    """What is drawn for a member before anything is trained.

    Attributes:
        reference: the member's own draw.
        partner: the reference of the member's partner.
        fresh: a draw of the same scheme that nobody else starts from.
    """

    reference: Network
    partner: Network
    fresh: Network


def run_member(program: MemberProgram, member: Int[Array, ""]) -> Member:
    """Train one member's teacher and all its students.

    Every random number comes from (seed, stream, member), so the result is the same in any ensemble.

    Args:
        program: settings and images.
        member: the member's index.

    Returns:
        The member's networks, accuracies and losses.
    """
    initial = initial_networks(program, member)
    teacher, teacher_loss = train_teacher(program, initial.reference, member)
    starts = student_starts(program, student_sources(program, initial, teacher, member), member)
    data = distillation_set(program, teacher, program.key(Stream.DISTILLATION_INPUTS, member))
    students, student_loss = distill(program, data, starts, program.key(Stream.STUDENT_BATCHES, member))
    return Member(
        reference=initial.reference,
        teacher=teacher,
        students=tuple(axes.unstack(students)),
        accuracy=_accuracies(program, initial.reference, teacher, students),
        teacher_loss=teacher_loss,
        student_loss=student_loss.T,
    )


def train_teacher(
    program: MemberProgram, reference: Network, member: Int[Array, ""], *, loop: Callable[..., tuple[Any, Any]] = train
) -> tuple[Network, PyTree]:
    """Return a copy of the reference trained on labels through its class logits only, and its loss by epoch.

    Args:
        program: settings and images.
        reference: the member's.
        member: its index.
        loop: `loop.train`, or what takes its arguments and leaves something else beside the trained network.
    """
    protocol, traced, images = program.protocol, program.traced, program.images

    def loss(network: Network, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        pixels, labels = batch
        value = weighted_mean(cross_entropy(network.class_logits(images.scaled(pixels)), labels), weights)
        return value, value

    training = Training(
        loss,
        data=(images.train_pixels, images.train_labels),
        optimizer=optimizer(protocol.teacher_optimizer, traced.teacher_rate, traced.teacher_decay),
        epochs=protocol.teacher_epochs,
        batch_size=protocol.batch_size,
        steps=protocol.teacher_steps,
    )
    return loop(reference, training, program.key(Stream.TEACHER_BATCHES, member))


def initial_networks(setting: Setting, member: Int[Array, ""]) -> InitialNetworks:
    """Return the member's reference, its partner's, and a fresh draw of the same scheme."""
    return _draw(setting, setting.protocol.architecture, Stream.INITIALIZATION, member)


def student_sources(setting: Setting, initial: InitialNetworks, teacher: Network, member: Int[Array, ""]) -> Sources:
    """Return the networks that students' starts are sums of, with the students' trunk.

    A layer that the teacher's trunk has too, under the same name and in the same shape, is the reference's own (the
    partner's, the teacher's), and so are both heads. Other layers have a stream to themselves: draws of two shapes from
    one key hold the same numbers in other places, so a student would share numbers with a reference whose layer it is
    said not to share.

    Args:
        setting: the settings of the member's training.
        initial: the member's initial networks.
        teacher: its teacher.
        member: the member's index.

    Returns:
        The same networks where the students' trunk is the teacher's.
    """
    architecture = setting.protocol.student_architecture
    if architecture is None:
        return Sources(initial.reference, initial.partner, initial.fresh, teacher)
    drawn = _draw(setting, architecture, Stream.STUDENT_TRUNK, member)
    start = with_shared_blocks(drawn.reference, initial.reference)
    return Sources(
        reference=start,
        partner=with_shared_blocks(drawn.partner, initial.partner),
        fresh=drawn.fresh,
        teacher=with_shared_blocks(start, teacher),
    )


def student_starts(setting: Setting, sources: Sources, member: Int[Array, ""]) -> Network:
    """Return the students' initial networks on a leading axis.

    Each block is the sum of the sources' blocks with the student's weights. Fresh heads replace both heads as they are.
    """
    weights = setting.traced.students.starts

    def mixed(index: int, *blocks: PyTree) -> PyTree:
        # Sums, not a product: a start from one network is that network bit for bit on every device.
        def total(*leaves: Array) -> Array:
            shaped = weights[:, index].reshape(*weights[:, index].shape, *(1,) * leaves[0].ndim)
            return sum(shaped[:, i] * leaf for i, leaf in enumerate(leaves[1:], 1)) + shaped[:, 0] * leaves[0]

        return jax.tree.map(total, *blocks)

    columns = zip(*(blocks_of(getattr(sources, name)) for name in SourceWeights._fields), strict=True)
    starts = with_blocks(sources.reference, [mixed(i, *blocks) for i, blocks in enumerate(columns)])
    if not setting.protocol.fresh_heads:
        return starts
    keys = jax.random.split(setting.key(Stream.FRESH_HEADS, member))
    heads = _scaled(draw_heads(setting.protocol.architecture, keys[0], keys[1]), setting.traced.gain)
    return eqx.tree_at(lambda n: (n.class_head, n.aux_head), starts, axes.repeat(heads, len(weights)))


def _draw(setting: Setting, architecture: Architecture, stream: Stream, member: Int[Array, ""]) -> InitialNetworks:
    """Return networks of an architecture: the member's and its partner's from a stream, and a fresh one."""
    own, partners, fresh = (
        setting.key(stream, member),
        setting.key(stream, partner(member)),
        setting.key(Stream.PERTURBATION, member),
    )
    # One program for the three: drawing is quick, compiling it is not.
    drawn = jax.vmap(lambda key: initialize(architecture, key))(jnp.stack([own, partners, fresh]))
    return InitialNetworks(*axes.unstack(_scaled(drawn, setting.traced.gain)))


def _accuracies(
    program: MemberProgram, reference: Network, teacher: Network, students: Network
) -> Float[Array, " role"]:
    """Return the test accuracies of reference, teacher and the students on their leading axis."""
    test_images = program.test_images()
    score = axes.map_over_leading_axis(lambda network: accuracy(network, test_images, program.images.test_labels))
    if program.protocol.student_architecture is None:
        # Tested along one axis: a program of the same size however many students there are.
        tested = jax.tree.map(lambda r, t, s: jnp.concatenate([r[None], t[None], s]), reference, teacher, students)
        return score(tested)
    return jnp.concatenate([score(axes.stack([reference, teacher])), score(students)])


def _scaled(drawn: PyTree, gain: Float[Array, ""] | float) -> PyTree:
    return jax.tree.map(lambda leaf: gain * leaf, drawn)
