"""Reference -> teacher -> students and cross-models, for one member, as one pure function of its index."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key, UInt8

from sottovoce.data.inputs import ROWS_AT_ONCE, distillation_inputs
from sottovoce.networks.initialization import Architecture, draw_heads, initialize
from sottovoce.networks.mlp import Network, accuracy
from sottovoce.streams import Stream, member_key, partner
from sottovoce.training.loop import train, weighted_mean
from sottovoce.training.objectives import OBJECTIVES, cross_entropy

Start = TypeVar("Start", bound=Any)


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
        objectives: objective of each student.
        cross_model: for each student, whether it starts from another member's reference.
        fresh_heads: whether students start with freshly drawn heads on the reference's trunk, as in the script behind
            the post's Figure 3.
        inputs: kind of distillation inputs, a key of `data.inputs.KINDS`.
        n_inputs: how many distillation inputs.
        teacher_epochs: passes of the teacher over the training images.
        student_epochs: passes of the students over the distillation inputs.
        batch_size: samples per step, teacher and students.
    """

    architecture: Architecture
    objectives: tuple[str, ...]
    cross_model: tuple[bool, ...]
    fresh_heads: bool
    inputs: str
    n_inputs: int
    teacher_epochs: int
    student_epochs: int
    batch_size: int


class Knobs(NamedTuple):
    """Traced settings: changing one compiles nothing.

    Attributes:
        seed: the configuration's seed.
        masks: which logits each student is distilled on.
        teacher_rate: Adam's learning rate for the teacher.
        student_rate: Adam's learning rate for the students.
        temperature: temperature of the softmaxes in the objective "kl".
    """

    seed: Int[Array, ""]
    masks: Bool[Array, "student logit"]
    teacher_rate: Float[Array, ""]
    student_rate: Float[Array, ""]
    temperature: Float[Array, ""]


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


def logit_masks(architecture: Architecture, students: tuple[Student, ...]) -> Bool[Array, "student logit"]:
    """Return for each student which logits (class logits first) it is distilled on."""
    logit = jnp.arange(architecture.n_class + architecture.n_aux)
    aux = logit - architecture.n_class
    rows = [(aux < s.n_aux) & ((aux >= 0) | s.all_logits) for s in students]
    return jnp.stack(rows)


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
    reference = _reference(protocol, knobs, member)
    teacher, teacher_loss = train_teacher(protocol, knobs, images, reference, member)
    starts = student_starts(protocol, knobs, reference, member)
    data = distillation_set(protocol, images, teacher, member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member))
    batches_key = member_key(knobs.seed, Stream.STUDENT_BATCHES, member)
    students, student_loss = distill(protocol, knobs, data, starts, batches_key)
    networks = (reference, teacher, *students)
    test_images = images.scaled(images.test_pixels)
    scores = jnp.stack([accuracy(network, test_images, images.test_labels) for network in networks])
    return Member(reference, teacher, students, scores, teacher_loss, student_loss)


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
        optimizer=optax.adam(knobs.teacher_rate),
        epochs=protocol.teacher_epochs,
        batch_size=protocol.batch_size,
    )


def distillation_set(
    protocol: Protocol, images: Images, teacher: Network, key: Key[Array, ""]
) -> tuple[Float[Array, "sample input"], Float[Array, "sample logit"]]:
    """Return the distillation inputs that a key gives, and all of the teacher's logits on them, computed once."""
    shape = (protocol.n_inputs, protocol.architecture.n_inputs)
    inputs = distillation_inputs(protocol.inputs, key, shape, images.scaled(images.train_pixels))
    return inputs, jax.lax.map(lambda row: teacher(row[None])[0], inputs, batch_size=ROWS_AT_ONCE)


def distill(
    protocol: Protocol,
    knobs: Knobs,
    data: tuple[Float[Array, "sample input"], Float[Array, "sample logit"]],
    starts: tuple[Start, ...],
    key: Key[Array, ""],
    *,
    optimizer: optax.GradientTransformation | None = None,
    apply: Callable[[Start, Array], Array] = lambda student, inputs: student(inputs),
) -> tuple[tuple[Start, ...], Float[Array, "epoch student"]]:
    """Return all students of one teacher, trained side by side on the same batches, and their losses by epoch.

    Args:
        protocol: the program's static settings.
        knobs: its traced settings.
        data: distillation inputs and the teacher's logits on them; a batch is gathered once for all students.
        starts: what each student starts from: a network, or any parameters that `apply` takes.
        key: gives the order of the inputs in each epoch.
        optimizer: None: Adam at the students' rate.
        apply: maps a student and inputs to all logits.

    Returns:
        The trained students, and the mean loss of each epoch and student.
    """
    names = list(OBJECTIVES)
    objectives = jnp.asarray([names.index(name) for name in protocol.objectives])

    def distance(student: Start, mask: Array, objective: Array, batch: tuple[Array, Array]) -> Array:
        samples, targets = batch
        logits = apply(student, samples)
        return jax.lax.switch(objective, list(OBJECTIVES.values()), logits, targets, mask, knobs.temperature)

    def loss(students: Start, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        distances = jax.vmap(distance, in_axes=(0, 0, 0, None))(students, knobs.masks, objectives, batch)
        losses = jax.vmap(weighted_mean, in_axes=(0, None))(distances, weights)
        return jnp.sum(losses), losses

    # Students side by side on one axis: a program of the same size however many there are.
    stacked, losses = train(
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts),
        loss,
        data,
        key,
        optimizer=optimizer or optax.adam(knobs.student_rate),
        epochs=protocol.student_epochs,
        batch_size=protocol.batch_size,
    )
    return tuple(jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(len(starts))), losses


def student_starts(protocol: Protocol, knobs: Knobs, reference: Network, member: Int[Array, ""]) -> tuple[Network, ...]:
    """Return each student's initial network: its own member's reference, or for a cross-model the partner's."""
    other = _reference(protocol, knobs, partner(member))
    starts = tuple(other if crossed else reference for crossed in protocol.cross_model)
    if not protocol.fresh_heads:
        return starts
    keys = jax.random.split(member_key(knobs.seed, Stream.FRESH_HEADS, member))
    heads = draw_heads(protocol.architecture, keys[0], keys[1])
    return tuple(eqx.tree_at(lambda n: (n.class_head, n.aux_head), start, heads) for start in starts)


def _reference(protocol: Protocol, knobs: Knobs, member: int | Int[Array, ""]) -> Network:
    return initialize(protocol.architecture, member_key(knobs.seed, Stream.INITIALIZATION, member))
