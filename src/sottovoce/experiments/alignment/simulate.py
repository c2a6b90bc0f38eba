"""Training of one member's teachers and students, observed at checkpoints, as a pure function of the member's index."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, PyTree

from sottovoce.experiments.alignment.config import OVERLAPS, Resolved
from sottovoce.experiments.alignment.overlaps import Probe, displacement, overlaps, probe_of
from sottovoce.experiments.protocol.interventions import (
    Strengths,
    Targets,
    labeled_batches,
    own_change,
    treated_loss,
    treated_optimizer,
)
from sottovoce.experiments.protocol.program import member_program
from sottovoce.networks.base import Network, accuracy
from sottovoce.parts import Own
from sottovoce.streams import Stream
from sottovoce.training import axes
from sottovoce.training.distillation import distillation_set, student_loss, student_optimizer
from sottovoce.training.ensemble import for_members, sharded
from sottovoce.training.loop import Training, checkpoints, train_observed
from sottovoce.training.program import DistillationSet, MemberProgram
from sottovoce.training.protocol import (
    initial_networks,
    logits_of,
    student_sources,
    student_starts,
    train_teacher,
    unrelated_labels,
)
from sottovoce.training.students import PARTNER, REFERENCE, Student, Students


class ObservedProgram(eqx.Module):
    """Settings and arrays from which one member is trained and observed."""

    # Its first student is distilled on auxiliary logits alone.
    member: MemberProgram
    # Every array has a leading axis of students.
    strengths: Strengths
    # Distillation inputs, and training images, on which students are observed.
    n_probe: int = eqx.field(static=True)
    # The user's own interventions.
    own: tuple[Own, ...] = eqx.field(static=True, default=())


class Observed(NamedTuple):
    """The teacher's test accuracy, and the variables that `simulate` describes for students, at each checkpoint."""

    teacher: Float[Array, " teacher_step"]
    student: dict[str, Float[Array, "student step ..."]]


class TreatedStudent(NamedTuple):
    """A student before training, with its interventions; for several students all arrays have a leading axis."""

    start: Network
    arrays: Students
    strengths: Strengths


def observe_members(program: ObservedProgram, members: Sequence[int]) -> Observed:
    """Train the given members and observe them; the arrays are NumPy's and have a leading member axis."""
    return for_members(partial(_observe_sharded, program), members)


@jax.jit
def _observe_sharded(program: ObservedProgram, members: Array) -> Observed:
    return sharded(partial(observe_member, program))(members)


def observe_member(observed: ObservedProgram, member: Int[Array, ""]) -> Observed:
    """Train and observe one member."""
    program, test_images = observed.member, observed.member.test_images()

    def score(network: Network) -> Array:
        return accuracy(network, test_images, program.images.test_labels)

    initial = initial_networks(program, member)
    loop = partial(train_observed, observe=lambda network, _state: score(network))
    # Mapped over the three teachers, so that their training is compiled once: the member's own, the partner's, which
    # shares nothing with it, and the unrelated one, which differs from the own one in its labels alone.
    train = axes.map_over_leading_axis(partial(train_teacher, program, loop=loop))
    labels, key = program.images.train_labels, program.key(Stream.TEACHER_BATCHES, member)
    after, seen = train(
        axes.stack([initial.reference, initial.partner, initial.reference]),
        jnp.stack([labels, labels, unrelated_labels(program, member)]),
        jnp.stack([key, program.key(Stream.PARTNER_BATCHES, member), key]),
    )
    teachers = axes.unstack(after)
    teacher, partner_teacher, _ = teachers
    data = distillation_set(program, logits_of(teachers), program.key(Stream.DISTILLATION_INPUTS, member))
    probe = probe_of(
        program,
        observed.n_probe,
        member,
        teacher,
        displacement=displacement(initial.reference, teacher),
        partner_displacement=displacement(initial.partner, partner_teacher),
    )
    starts = student_starts(program, student_sources(program, initial, teacher, member), member)
    students = TreatedStudent(starts, program.traced.students, observed.strengths)
    observe = partial(_observe_student, observed, data, probe, score, member)
    # The first of the observed teachers is the member's own.
    return Observed(seen[0], axes.map_over_leading_axis(observe)(students))


def _observe_student(
    observed: ObservedProgram,
    data: DistillationSet,
    probe: Probe,
    score: Callable[[Network], Array],
    member: Array,
    student: TreatedStudent,
) -> dict[str, Array]:
    """Train one student and return its observations at each checkpoint."""
    program = observed.member
    # The unit of the noise is measured on the probe, because fresh inputs, drawn batch by batch, have no logits before.
    training = student_training(program, data, jnp.std(probe.targets, axis=0), member, student, observed.own)
    # All students are observed with the first one's mask: `student_all` too on the loss of auxiliary logits alone.
    on_aux_logits = student_loss(program, student.arrays._replace(masks=program.traced.students.masks[0]))

    def observe(network: Network, state: PyTree) -> dict[str, Array]:
        measured = overlaps(network, state, on_aux_logits, training.optimizer, student.start, probe)
        return {"student_accuracy": score(network), **measured}

    return train_observed(student.start, training, program.key(Stream.STUDENT_BATCHES, member), observe)[1]


def student_training(
    program: MemberProgram,
    data: DistillationSet,
    spread: Float[Array, " logit"],
    member: Array,
    student: TreatedStudent,
    own: tuple[Own, ...] = (),
) -> Training:
    """Return one student's training under its interventions, on batches of inputs, all teachers' logits and the step.

    Args:
        program: settings and images of the member.
        data: the distillation inputs and all teachers' logits on them.
        spread: standard deviation over inputs of each logit of the own teacher.
        member: the member's index.
        student: the student.
        own: the user's own interventions.
    """
    protocol, traced, strengths = program.protocol, program.traced, student.strengths
    targets = Targets(spread, program.key(Stream.TARGET_NOISE, member), protocol.student_batches_in_all())
    labeled_key = program.key(Stream.LABELED_BATCHES, member)
    change = own_change(own, strengths.own, program.key(Stream.OWN_INTERVENTIONS, member))
    class_gradient = labeled_batches(program.images, protocol.batch_size, strengths.shuffled, labeled_key)
    plain_loss, plain_optimizer = student_loss(program, student.arrays), student_optimizer(program, student.arrays)

    def with_step(samples: PyTree, step: Array) -> tuple[Array, Array, Array]:
        # The noise and the penalty depend on the step, which the plain loss does not see.
        inputs, logits = samples if data.transform_batch is None else data.transform_batch(samples, step)
        return inputs, logits, step

    return Training(
        treated_loss(plain_loss, strengths, student.start, targets, traced.temperature, change),
        data.samples,
        treated_optimizer(plain_optimizer, strengths, traced.student_rate, class_gradient, change),
        epochs=protocol.student_epochs,
        batch_size=protocol.batch_size,
        steps=protocol.student_steps,
        transform_batch=with_step,
    )


def strengths(config: Resolved) -> dict[str, Strengths]:
    """Return the strengths of each student's interventions, by role; plain students have none."""
    treated = {
        "projection": Strengths(projection=config.projection),
        "projection_control": Strengths(projection=config.projection, shuffled=1.0),
        "step_projection": Strengths(step_projection=config.projection),
        "step_projection_control": Strengths(step_projection=config.projection, shuffled=1.0),
        "held": Strengths(penalty=config.penalty, penalty_until=config.penalty_until),
        "decay": Strengths(decay=config.decay),
        "noisy_targets": Strengths(target_noise=config.target_noise),
        "two_teachers": Strengths(mix=config.mix),
        "unrelated": Strengths(unrelated=1.0),
        **{part.name: Strengths(own=float(number)) for number, part in enumerate(config.own_interventions(), 1)},
    }
    return {role: treated.get(role, Strengths()) for role in config.roles()}


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train the given members and observe them along their training.

    Args:
        config: a resolved configuration.
        members: the members' indices.

    Returns:
        By member and role: `accuracy` on the test images at the end of training. By member, student and step:
        `student_accuracy` on the test images; `auxiliary_loss` on held-out distillation inputs, against the own
        teacher's unmodified logits; `class_loss` on training images, in nats. By member, student, step and overlap:
        `inner`, `cosine` and `cosine_null`; inner products with the optimizer's step scale with the step's length.
        By member and teacher_step: `teacher_accuracy`. By member: `diverged`.
    """
    given = strengths(config)
    students = tuple(
        Student(
            role,
            config.objective,
            config.n_aux,
            all_logits=role == "student_all",
            start=PARTNER if role == "cross_model" else REFERENCE,
        )
        for role in given
    )
    # Strengths are traced, so that one compiled program trains students with and without interventions.
    stacked = jax.tree.map(lambda *values: jnp.asarray(values, jnp.float32), *given.values())
    program = member_program(config, students, n_aux=config.n_aux_built)
    observed = observe_members(ObservedProgram(program, stacked, config.n_probe, config.own_interventions()), members)
    protocol = program.protocol
    by_step = ("member", "student", "step")
    arrays = {
        **{name: (by_step, observed.student[name]) for name in ("student_accuracy", "auxiliary_loss", "class_loss")},
        **{name: ((*by_step, "overlap"), observed.student[name]) for name in ("inner", "cosine", "cosine_null")},
    }
    # The first and the last checkpoint of the teacher's training are the reference and the trained teacher.
    ends = [observed.teacher[:, [0, -1]], observed.student["student_accuracy"][:, :, -1]]
    # A diverged student has a loss that is not finite at the end; accuracies stay finite and do not show it.
    last = np.stack([observed.student[name][:, :, -1] for name in ("auxiliary_loss", "class_loss")])
    batch = {"batch_size": protocol.batch_size}
    return xr.Dataset(
        {
            "accuracy": (("member", "role"), np.concatenate(ends, axis=1)),
            "teacher_accuracy": (("member", "teacher_step"), observed.teacher),
            **arrays,
            "diverged": ("member", ~np.isfinite(last).all(axis=(0, 2))),
        },
        coords={
            "member": list(members),
            "role": ["reference", "teacher", *given],
            "student": list(given),
            "step": list(checkpoints(protocol.n_inputs, **batch, epochs=protocol.student_epochs,
                                     steps=protocol.student_steps)),
            "teacher_step": list(checkpoints(config.n_train(), **batch, epochs=protocol.teacher_epochs,
                                             steps=protocol.teacher_steps)),
            "overlap": list(OVERLAPS),
        },
    )  # fmt: skip
