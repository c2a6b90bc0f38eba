"""Reference -> teacher -> students and cross-models, for one member, as one pure function of its index."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from sottovoce.networks.initialization import Architecture, draw_heads, initialize
from sottovoce.networks.mlp import Network, accuracy
from sottovoce.streams import Stream, member_key, partner
from sottovoce.training import devices
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.loop import train, weighted_mean
from sottovoce.training.objectives import cross_entropy
from sottovoce.training.optimizers import optimizer
from sottovoce.training.program import Images, Knobs, Member, Protocol
from sottovoce.training.students import blocks_of, with_blocks, with_shared_blocks


def run_member(protocol: Protocol, knobs: Knobs, images: Images, member: Int[Array, ""]) -> Member:
    """Train one member's teacher and all its students.

    Every random number comes from (seed, stream, member), so the result is the same in any ensemble.

    Args:
        protocol: the program's static settings.
        knobs: its traced settings.
        images: training and test images.
        member: the member's index.

    Returns:
        The member's networks, accuracies and losses.
    """
    reference, other, fresh = references(protocol, knobs, member)
    teacher, teacher_loss = train_teacher(protocol, knobs, images, reference, member)
    sources = student_sources(protocol, knobs, (reference, other, fresh, teacher), member)
    starts = student_starts(protocol, knobs, sources, member)
    inputs_key = member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member)
    data = distillation_set(protocol, knobs, images, teacher, inputs_key)
    order = member_key(knobs.seed, Stream.STUDENT_BATCHES, member)
    students, losses = distill(protocol, knobs, data, starts, order)
    scores = _scores(protocol, images, (reference, teacher, students))
    n_students = len(knobs.students.masks)
    each = tuple(jax.tree.map(lambda leaf, i=i: leaf[i], students) for i in range(n_students))
    return Member(reference, teacher, each, scores, teacher_loss, losses.T)


def train_teacher(
    protocol: Protocol,
    knobs: Knobs,
    images: Images,
    reference: Network,
    member: Int[Array, ""],
    *,
    loop: Callable[..., tuple[Any, Any]] = train,
) -> tuple[Network, PyTree]:
    """Return a copy of the reference trained on labels through its class logits only, and its loss by epoch.

    Args:
        protocol: the program's static settings.
        knobs: its traced settings.
        images: training and test images.
        reference: the member's.
        member: its index.
        loop: `loop.train`, or what takes its arguments and leaves something else beside the trained network.
    """

    def loss(network: Network, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        pixels, labels = batch
        value = weighted_mean(cross_entropy(network.class_logits(images.scaled(pixels)), labels), weights)
        return value, value

    return loop(
        reference,
        loss,
        (images.train_pixels, images.train_labels),
        member_key(knobs.seed, Stream.TEACHER_BATCHES, member),
        optimizer=optimizer(protocol.teacher_optimizer, knobs.teacher_rate, knobs.teacher_decay),
        epochs=protocol.teacher_epochs,
        batch_size=protocol.batch_size,
        steps=protocol.teacher_steps,
    )


def references(protocol: Protocol, knobs: Knobs, member: Int[Array, ""]) -> tuple[Network, Network, Network]:
    """Return the member's reference, its partner's, and a fresh draw of the same scheme."""
    own, other = (member_key(knobs.seed, Stream.INITIALIZATION, i) for i in (member, partner(member)))
    fresh = member_key(knobs.seed, Stream.PERTURBATION, member)
    return _drawn(protocol.architecture, knobs, (own, other, fresh))


def student_sources(
    protocol: Protocol, knobs: Knobs, networks: tuple[Network, Network, Network, Network], member: Int[Array, ""]
) -> tuple[Network, Network, Network, Network]:
    """Return the networks that students' starts are sums of, with the students' trunk.

    A layer that the teacher's trunk has too, under the same name and in the same shape, is the reference's own (the
    partner's, the teacher's), and so are both heads. Others have a stream to themselves: draws of two shapes from one
    key hold the same numbers in other places, and a student would share in disguise what it is said not to share.

    Args:
        protocol: the program's static settings.
        knobs: its traced settings.
        networks: in the order of `Source`: the reference, its partner's, the fresh draw and the teacher.
        member: the member's index.

    Returns:
        Networks in the same order; the same ones where the students' trunk is the teacher's.
    """
    if protocol.student_architecture is None:
        return networks
    reference, other, _, teacher = networks
    own, others = (member_key(knobs.seed, Stream.STUDENT_TRUNK, i) for i in (member, partner(member)))
    fresh = member_key(knobs.seed, Stream.PERTURBATION, member)
    mine, theirs, fresh = _drawn(protocol.student_architecture, knobs, (own, others, fresh))
    start = with_shared_blocks(mine, reference)
    return start, with_shared_blocks(theirs, other), fresh, with_shared_blocks(start, teacher)


def student_starts(protocol: Protocol, knobs: Knobs, sources: tuple[Network, ...], member: Int[Array, ""]) -> Network:
    """Return the students' initial networks on a leading axis.

    Each block is the sum of the sources' blocks (in the order of `Source`) with the student's weights. Fresh heads
    replace both heads as they are.
    """
    weights = knobs.students.starts

    def mixed(index: int, *blocks: PyTree) -> PyTree:
        # Sums, not a product: a start from one network is that network bit for bit on every device.
        def total(*leaves: Array) -> Array:
            shaped = weights[:, index].reshape(*weights[:, index].shape, *(1,) * leaves[0].ndim)
            return sum(shaped[:, i] * leaf for i, leaf in enumerate(leaves[1:], 1)) + shaped[:, 0] * leaves[0]

        return jax.tree.map(total, *blocks)

    columns = zip(*(blocks_of(network) for network in sources), strict=True)
    starts = with_blocks(sources[0], [mixed(i, *blocks) for i, blocks in enumerate(columns)])
    if not protocol.fresh_heads:
        return starts
    keys = jax.random.split(member_key(knobs.seed, Stream.FRESH_HEADS, member))
    heads = _scaled(draw_heads(protocol.architecture, keys[0], keys[1]), knobs.gain)
    repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(weights), *leaf.shape)), heads)
    return eqx.tree_at(lambda n: (n.class_head, n.aux_head), starts, repeated)


def _drawn(
    architecture: Architecture, knobs: Knobs, keys: tuple[Key[Array, ""], Key[Array, ""], Key[Array, ""]]
) -> tuple[Network, Network, Network]:
    # One program for the three: drawing is quick, compiling it is not.
    drawn = _scaled(jax.vmap(lambda key: initialize(architecture, key))(jnp.stack(keys)), knobs.gain)
    first, second, third = (jax.tree.map(lambda leaf, i=i: leaf[i], drawn) for i in range(len(keys)))
    return first, second, third


def _scores(protocol: Protocol, images: Images, networks: tuple[Network, Network, Network]) -> Float[Array, " role"]:
    """Return the test accuracies of reference, teacher and the students on their leading axis."""
    reference, teacher, students = networks
    test_images = images.scaled(images.test_pixels)
    score = devices.across(lambda network: accuracy(network, test_images, images.test_labels))
    if protocol.student_architecture is None:
        # Tested along one axis: a program of the same size however many students there are.
        tested = jax.tree.map(lambda r, t, s: jnp.concatenate([r[None], t[None], s]), reference, teacher, students)
        return score(tested)
    return jnp.concatenate([score(jax.tree.map(lambda *pair: jnp.stack(pair), reference, teacher)), score(students)])


def _scaled(drawn: PyTree, gain: Float[Array, ""] | float) -> PyTree:
    return jax.tree.map(lambda leaf: gain * leaf, drawn)
