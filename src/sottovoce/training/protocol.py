"""Reference -> teacher -> students and cross-models, for one member, as one pure function of its index."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree, UInt8

from sottovoce.data.inputs import ROWS_AT_ONCE, distillation_inputs
from sottovoce.networks.initialization import Architecture, draw_heads, initialize
from sottovoce.networks.mlp import Network, accuracy
from sottovoce.streams import Stream, member_key, partner
from sottovoce.training import devices
from sottovoce.training.loop import train, weighted_mean
from sottovoce.training.objectives import OBJECTIVES, cross_entropy
from sottovoce.training.optimizers import optimizer


@dataclass(frozen=True)
class Student:
    """One student of a member's teacher.

    Attributes:
        role: its name in results.
        objective: a key of `objectives.OBJECTIVES`.
        n_aux: auxiliary logits it is distilled on (the first n_aux columns of the auxiliary head).
        all_logits: whether it is distilled on the class logits as well.
        cross_model: whether it starts from another member's reference instead of its teacher's.
    """

    role: str
    objective: str
    n_aux: int
    all_logits: bool = False
    cross_model: bool = False


@dataclass(frozen=True)
class Protocol:
    """Everything that shapes the program of a member; one compilation per value.

    Attributes:
        architecture: shape and initialization of every network.
        fresh_heads: whether students start with freshly drawn heads on the reference's trunk, as in the script behind
            the post's Figure 3.
        inputs: kind of distillation inputs, a key of `data.inputs.KINDS`.
        n_inputs: how many distillation inputs.
        teacher_epochs: passes of the teacher over the training images.
        student_epochs: passes of the students over the distillation inputs.
        batch_size: samples per step, teacher and students.
        teacher_optimizer: the teacher's, a key of `optimizers.OPTIMIZERS`.
        student_optimizer: the students'.
        teacher_steps: batches at which the teacher's last epoch is cut short; None: not at all.
        student_steps: the same for the students.
    """

    architecture: Architecture
    fresh_heads: bool
    inputs: str
    n_inputs: int
    teacher_epochs: int
    student_epochs: int
    batch_size: int
    teacher_optimizer: str = "adam"
    student_optimizer: str = "adam"
    teacher_steps: int | None = None
    student_steps: int | None = None


class Students(NamedTuple):
    """What sets a teacher's students apart, as arrays.

    Attributes:
        masks: which logits (class logits first) each is distilled on.
        objectives: its objective's place in `objectives.OBJECTIVES`.
        crossed: whether it starts from another member's reference.
    """

    masks: Bool[Array, "student logit"]
    objectives: Int[Array, " student"]
    crossed: Bool[Array, " student"]


class Knobs(NamedTuple):
    """Traced settings: changing one compiles nothing.

    Attributes:
        seed: the configuration's seed.
        students: what each student is distilled on, how, and from where.
        teacher_rate: learning rate of the teacher's optimizer.
        student_rate: learning rate of the students' optimizer.
        temperature: temperature of the softmaxes in the objective "kl".
        perturbation: the students' starts are the reference plus this many times a fresh draw of its scheme.
        teacher_decay: weight decay of the teacher's optimizer.
        student_decay: weight decay of the students' optimizer.
        gain: factor on every initial weight and bias.
    """

    seed: Int[Array, ""]
    students: Students
    teacher_rate: Float[Array, ""]
    student_rate: Float[Array, ""]
    temperature: Float[Array, ""]
    perturbation: Float[Array, ""]
    teacher_decay: Float[Array, ""] | float = 0.0
    student_decay: Float[Array, ""] | float = 0.0
    gain: Float[Array, ""] | float = 1.0


class Images(NamedTuple):
    """Labeled images as the device keeps them: bytes, a quarter of what floats take, scaled batch by batch.

    Attributes:
        train_pixels: training images, one flattened per row.
        train_labels: their classes.
        test_pixels: held-out images.
        test_labels: their classes.
        low: what pixel 0 becomes.
        step: what one unit of a pixel adds.
    """

    train_pixels: UInt8[Array, "sample input"]
    train_labels: Int[Array, " sample"]
    test_pixels: UInt8[Array, "test input"]
    test_labels: Int[Array, " test"]
    low: Float[Array, ""]
    step: Float[Array, ""]

    def scaled(self, pixels: UInt8[Array, "sample input"]) -> Float[Array, "sample input"]:
        """Return pixels as a network sees them."""
        return self.low + self.step * pixels


class Member(NamedTuple):
    """What one member's run leaves.

    Attributes:
        reference: the network at initialization.
        teacher: the reference trained on labels through its class logits.
        students: one network per student, in the protocol's order.
        accuracy: test accuracy of reference, teacher and each student.
        teacher_loss: mean training loss of each epoch, nats.
        student_loss: mean distillation loss of each epoch and student.
    """

    reference: Network
    teacher: Network
    students: tuple[Network, ...]
    accuracy: Float[Array, " role"]
    teacher_loss: Float[Array, " epoch"]
    student_loss: Float[Array, "epoch student"]


def arrays_of(architecture: Architecture, students: tuple[Student, ...]) -> Students:
    """Return students as the compiled protocol takes them."""
    logit = jnp.arange(architecture.n_class + architecture.n_aux)
    first = jnp.asarray([0 if student.all_logits else architecture.n_class for student in students])
    end = jnp.asarray([architecture.n_class + student.n_aux for student in students])
    names = list(OBJECTIVES)
    return Students(
        masks=(first[:, None] <= logit) & (logit < end[:, None]),
        objectives=jnp.asarray([names.index(student.objective) for student in students]),
        crossed=jnp.asarray([student.cross_model for student in students]),
    )


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
    starts = student_starts(protocol, knobs, reference, other, fresh, member)
    students, student_loss = distill(protocol, knobs, images, teacher, starts, member)
    n_students = len(knobs.students.crossed)
    networks = (reference, teacher, *(jax.tree.map(lambda leaf, i=i: leaf[i], students) for i in range(n_students)))
    test_images = images.scaled(images.test_pixels)
    scores = jnp.stack([accuracy(network, test_images, images.test_labels) for network in networks])
    return Member(reference, teacher, networks[2:], scores, teacher_loss, student_loss)


def train_teacher(
    protocol: Protocol, knobs: Knobs, images: Images, reference: Network, member: Int[Array, ""]
) -> tuple[Network, Float[Array, " epoch"]]:
    """Return a copy of the reference trained on labels through its class logits only, and its loss by epoch."""

    def loss(network: Network, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        pixels, labels = batch
        value = weighted_mean(cross_entropy(network.class_logits(images.scaled(pixels)), labels), weights)
        return value, value

    return train(
        reference,
        loss,
        (images.train_pixels, images.train_labels),
        member_key(knobs.seed, Stream.TEACHER_BATCHES, member),
        optimizer=optimizer(protocol.teacher_optimizer, knobs.teacher_rate, knobs.teacher_decay),
        epochs=protocol.teacher_epochs,
        batch_size=protocol.batch_size,
        steps=protocol.teacher_steps,
    )


def distill(
    protocol: Protocol, knobs: Knobs, images: Images, teacher: Network, starts: Network, member: Int[Array, ""]
) -> tuple[Network, Float[Array, "epoch student"]]:
    """Return all students of one teacher, trained on the same batches, and their losses by epoch.

    Students stand on a leading axis, in and out. The teacher's logits are computed once for all students and epochs.
    """
    inputs_key = member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member)
    shape = (protocol.n_inputs, protocol.architecture.n_inputs)
    inputs = distillation_inputs(protocol.inputs, inputs_key, shape, images.scaled(images.train_pixels))
    targets = jax.lax.map(lambda row: teacher(row[None])[0], inputs, batch_size=ROWS_AT_ONCE)

    def one(start: Network, which: Students) -> tuple[Network, Array]:
        def loss(student: Network, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
            samples, targets = batch
            arguments = (student(samples), targets, which.masks, knobs.temperature)
            value = weighted_mean(jax.lax.switch(which.objectives, list(OBJECTIVES.values()), *arguments), weights)
            return value, value

        return train(
            start,
            loss,
            (inputs, targets),
            member_key(knobs.seed, Stream.STUDENT_BATCHES, member),
            optimizer=optimizer(protocol.student_optimizer, knobs.student_rate, knobs.student_decay),
            epochs=protocol.student_epochs,
            batch_size=protocol.batch_size,
            steps=protocol.student_steps,
        )

    students, losses = devices.across(one)(starts, knobs.students)
    return students, losses.T


def references(protocol: Protocol, knobs: Knobs, member: Int[Array, ""]) -> tuple[Network, Network, Network]:
    """Return the member's reference, its partner's, and a fresh draw of the same scheme to perturb starts with."""
    keys = jnp.stack(
        [
            member_key(knobs.seed, Stream.INITIALIZATION, member),
            member_key(knobs.seed, Stream.INITIALIZATION, partner(member)),
            member_key(knobs.seed, Stream.PERTURBATION, member),
        ]
    )
    # One program for the three: drawing is quick, compiling it is not.
    drawn = _scaled(jax.vmap(lambda key: initialize(protocol.architecture, key))(keys), knobs.gain)
    own, other, fresh = (jax.tree.map(lambda leaf, i=i: leaf[i], drawn) for i in range(len(keys)))
    return own, other, fresh


def student_starts(
    protocol: Protocol, knobs: Knobs, reference: Network, other: Network, fresh: Network, member: Int[Array, ""]
) -> Network:
    """Return the students' initial networks on a leading axis.

    Each is its own member's reference, or for a cross-model the partner's, perturbed by `knobs.perturbation` times the
    fresh draw. Fresh heads replace both heads as they are.
    """
    crossed = knobs.students.crossed

    def start(own: Array, others: Array, noise: Array) -> Array:
        chosen = jnp.where(crossed.reshape(-1, *(1,) * own.ndim), others, own)
        return chosen + knobs.perturbation * noise

    starts = jax.tree.map(start, reference, other, fresh)
    if not protocol.fresh_heads:
        return starts
    keys = jax.random.split(member_key(knobs.seed, Stream.FRESH_HEADS, member))
    heads = _scaled(draw_heads(protocol.architecture, keys[0], keys[1]), knobs.gain)
    repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(crossed), *leaf.shape)), heads)
    return eqx.tree_at(lambda n: (n.class_head, n.aux_head), starts, repeated)


def _scaled(drawn: PyTree, gain: Float[Array, ""] | float) -> PyTree:
    return jax.tree.map(lambda leaf: gain * leaf, drawn)
