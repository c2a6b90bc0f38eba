"""Predictions for one member's students as a pure function of the member's index, sharded over devices."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key, PyTree

from sottovoce.data import LabeledImages
from sottovoce.experiments.prediction.config import PREDICTORS, Resolved
from sottovoce.experiments.prediction.expansion import Expansion, relinearizing
from sottovoce.experiments.protocol.program import images_of, member_program
from sottovoce.measure import heads
from sottovoce.networks.mlp import Network
from sottovoce.streams import Stream
from sottovoce.theory import predictors, tangent
from sottovoce.training import axes
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.ensemble import for_members, run_members, sharded
from sottovoce.training.optimizers import flow_time, optimizer
from sottovoce.training.program import DistillationSet, Member, MemberProgram, Setting
from sottovoce.training.students import Student


class PredictionProgram(eqx.Module):
    """Settings and arrays from which the students of a member are predicted.

    Attributes:
        member: the program by which the member's students are trained.
        objectives: the objective of each student.
        directions: dimension of the Krylov space of kernel regression.
    """

    member: MemberProgram
    objectives: tuple[str, ...] = eqx.field(static=True)
    directions: int = eqx.field(static=True)


class Predicted(NamedTuple):
    """Class logits on the test images, predicted for each student.

    Attributes:
        first_update: logits of the network linearized at the reference, after the first gradient step alone.
        kernel_regression: logits of the network linearized at the reference, fitted by kernel regression.
        finite_time: logits of the network linearized at the reference, after gradient flow for the time that the
            optimizer's steps amount to.
        linearized: logits of the network linearized at the reference, trained as the student is.
        reference_kernel: logits of the network itself at the parameters where training of `linearized` ends.
        teacher_kernel: the same as `reference_kernel`, with the network linearized at the teacher, though training
            starts at the reference.
        relinearized: logits of the network itself, trained as the student is but linearized anew once per epoch.
        retrained: no prediction, but another student of the same teacher, on other inputs in another order.
    """

    first_update: Float[Array, "student sample class"]
    kernel_regression: Float[Array, "student sample class"]
    finite_time: Float[Array, "student sample class"]
    linearized: Float[Array, "student sample class"]
    reference_kernel: Float[Array, "student sample class"]
    teacher_kernel: Float[Array, "student sample class"]
    relinearized: Float[Array, "student sample class"]
    retrained: Float[Array, "student sample class"]


def predict_members(
    prediction: PredictionProgram, members: Sequence[int], reference: Network, teacher: Network
) -> Predicted:
    """Predict the students of the given members.

    Args:
        prediction: settings and arrays that all members share; one compilation per value of its static parts.
        members: the members' indices.
        reference: the members' references, with a leading member axis.
        teacher: the members' teachers, with a leading member axis.

    Returns:
        Predictions with a leading member axis, as NumPy arrays.
    """
    return for_members(partial(_predict_sharded, prediction), members, reference, teacher)


@jax.jit
def _predict_sharded(prediction: PredictionProgram, members: Array, reference: Network, teacher: Network) -> PyTree:
    return sharded(partial(predict_member, prediction))(members, reference, teacher)


def predict_member(
    prediction: PredictionProgram, member: Int[Array, ""], reference: Network, teacher: Network
) -> Predicted:
    """Predict the students of one member; arguments as for `predict_members`, of this member alone."""
    program, test = prediction.member, prediction.member.test_images()
    data = distillation_set(program, teacher, program.key(Stream.DISTILLATION_INPUTS, member))
    # The order of batches is the student's own, so that linearized training differs from it by linearization alone.
    order = program.key(Stream.STUDENT_BATCHES, member)
    first, regression, finite = _displacements(prediction, reference, data.samples)
    start = reference.class_logits(test)
    read = jax.vmap(lambda network: network.class_logits(test))
    # A change of parameters moves the linearized network's logits by the product of the Jacobian with this change.
    expand = jax.vmap(lambda change: start + jax.jvp(lambda n: n.class_logits(test), (reference,), (change,))[1])

    # One program trains at all three bases; no training has so many steps that the first two would move theirs.
    bases = axes.stack([reference, teacher, reference])
    every = jnp.asarray([2**31 - 1, 2**31 - 1, program.protocol.student_batches()])
    train = partial(train_linearized, program, data, order, reference)
    at_reference, at_teacher, relinearized = axes.unstack(axes.map_over_leading_axis(train)(bases, every))
    starts = axes.repeat(reference, len(prediction.objectives))
    return Predicted(
        first_update=expand(first),
        kernel_regression=expand(regression),
        finite_time=expand(finite),
        linearized=expand(jax.tree.map(jnp.subtract, at_reference, starts)),
        reference_kernel=read(at_reference),
        teacher_kernel=read(at_teacher),
        relinearized=read(relinearized),
        retrained=read(_retrained(program, member, starts, teacher)),
    )


def train_linearized(
    setting: Setting,
    data: DistillationSet,
    order: Key[Array, ""],
    reference: Network,
    base: Network,
    every: int | Int[Array, ""] | None = None,
) -> Network:
    """Train every student from the reference as the protocol does, but linearized at a base.

    Args:
        setting: settings by which the students are trained.
        data: the distillation inputs and the teacher's logits on them.
        order: key that gives the order of the inputs in each epoch.
        reference: parameters at which the students start.
        base: parameters at which the network is expanded.
        every: number of steps after which the network is expanded anew at the student; None: never.

    Returns:
        The students' parameters with a leading axis of students.
    """
    expansion, _ = distill(
        setting,
        data,
        axes.repeat(Expansion(reference, base), len(setting.traced.students.masks)),
        order,
        apply=lambda expansion, x: tangent.linearized(Network.__call__, expansion.base)(expansion.network, x),
        wrap=partial(relinearizing, every=every),
    )
    return expansion.network


def _displacements(
    prediction: PredictionProgram, reference: Network, samples: tuple[Array, Array]
) -> tuple[Network, Network, Network]:
    """Return every student's change of parameters by the first update, kernel regression and finite flow."""
    protocol, traced = prediction.member.protocol, prediction.member.traced
    # The optimizer sets the time alone: how far its steps go along the first gradient (docs/theory.md, section 10).
    trained_by = optimizer(protocol.student_optimizer, traced.student_rate, traced.student_decay)
    n_class, n_steps = protocol.architecture.n_class, protocol.student_batches_in_all()
    inputs, logits = samples
    changes_of_students = []
    # A loop, and no map over the leading axis, because objectives are static: they choose the metric on logits.
    for objective, mask in zip(prediction.objectives, traced.students.masks, strict=True):
        # Auxiliary logits alone: class logits, which no student is taught, would only add rows of zeros to the kernel.
        problem = (_aux_logits, reference, inputs, logits[:, n_class:])
        taught = {"objective": objective, "temperature": traced.temperature, "mask": mask[n_class:]}
        first = tangent.first_update(*problem, **taught)
        # Kernel regression is the limit of gradient flow for infinite time; both share one Krylov space.
        times = jnp.stack([jnp.asarray(jnp.inf), flow_time(trained_by, first.gradient, n_steps)])
        flowed = tangent.kernel_student(*problem, time=times, directions=prediction.directions, **taught).parameters
        regression, finite = axes.unstack(flowed)
        changes_of_students.append((first.step, regression, finite))
    return axes.stack(changes_of_students)


def _aux_logits(network: Network, inputs: Array) -> Array:
    return network.aux_head(network.hidden(inputs), network.precision)


def _retrained(program: MemberProgram, member: Array, starts: Network, teacher: Network) -> Network:
    """Train the students once more, on other inputs in another order."""
    # Streams of their own: with the students' keys these would be the very same students.
    data = distillation_set(program, teacher, program.key(Stream.REPLICATE_INPUTS, member))
    return distill(program, data, starts, program.key(Stream.REPLICATE_BATCHES, member))[0]


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train the given members and predict their students.

    Args:
        config: a resolved configuration.
        members: the members' indices.

    Returns:
        By member: `reference_accuracy`, `teacher_accuracy` and `diverged`. By member, objective and n_aux:
        `student_accuracy`. By member, predictor, objective and n_aux: the predicted `accuracy`, and `correlation` and
        `size` of the predicted change of class logits on the test images against the true change; `size` is the ratio
        of their lengths.
    """
    pairs = [(objective, k) for objective in config.objectives for k in config.n_aux]
    students = tuple(Student(f"{objective} {k}", objective, k) for objective, k in pairs)
    # One program trains the students and predicts them, so that both have the same settings and draws.
    program = member_program(config, students, n_aux=config.n_aux_built)
    trained = run_members(program, members)
    prediction = PredictionProgram(program, tuple(objective for objective, _ in pairs), config.directions)
    predicted = predict_members(prediction, members, trained.reference, trained.teacher)
    labeled = images_of(config)
    scores = np.stack([_scores(pairs, labeled, trained, predicted, i) for i in range(len(members))])
    shape = (len(config.objectives), len(config.n_aux))
    by_student = ("member", "objective", "n_aux")
    variables = {
        name: (("member", "predictor", *by_student[1:]), scores[..., i].reshape(*scores.shape[:2], *shape))
        for i, name in enumerate(("accuracy", "correlation", "size"))
    }
    return xr.Dataset(
        {
            **variables,
            "student_accuracy": (by_student, trained.accuracy[:, 2:].reshape(-1, *shape)),
            "reference_accuracy": ("member", trained.accuracy[:, 0]),
            "teacher_accuracy": ("member", trained.accuracy[:, 1]),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={
            "member": list(members),
            "predictor": list(PREDICTORS),
            "objective": list(config.objectives),
            "n_aux": list(config.n_aux),
        },
    )


# Outside of `_scores`, so that it is compiled once and not for every member.
_class_logits = jax.jit(Network.class_logits)


def _scores(
    pairs: list[tuple[str, int]], images: LabeledImages, trained: Member, predicted: Predicted, i: int
) -> np.ndarray:
    """Return scores of the i-th member as an array by predictor, student, and accuracy, correlation and size."""
    reference, teacher, *students = (
        jax.tree.map(lambda v: v[i], network) for network in (trained.reference, trained.teacher, *trained.students)
    )
    test = jnp.asarray(images.test_images)
    start, taught, *true = (np.asarray(_class_logits(network, test)) for network in (reference, teacher, *students))
    C, Z = np.asarray(reference.class_head.weight), np.asarray(reference.aux_head.weight)
    gram = np.stack([predictors.head_gram(start, taught, C, Z[:, :k], objective) for objective, k in pairs])
    logits = {"head_gram": gram} | {name: values[i] for name, values in predicted._asdict().items()}
    accuracy = {
        name: np.array([heads.accuracy(z, images.test_labels) for z in values]) for name, values in logits.items()
    }
    share = predictors.self_consistent_share(
        accuracy["reference_kernel"],
        accuracy["teacher_kernel"],
        heads.accuracy(start, images.test_labels),
        heads.accuracy(taught, images.test_labels),
    )
    # Accuracy is interpolated by itself: the accuracy of interpolated logits would not be self-consistent. A student's
    # share applies to all its samples and classes, for which the two new axes stand.
    for values, weight in ((accuracy, share), (logits, share[:, None, None])):
        at_reference, at_teacher = values["reference_kernel"], values["teacher_kernel"]
        values["self_consistent"] = at_reference + weight * (at_teacher - at_reference)
    return np.array(
        [
            [(accuracy[name][j], *heads.agreement(logits[name][j], z, start)) for j, z in enumerate(true)]
            for name in PREDICTORS
        ]
    )
