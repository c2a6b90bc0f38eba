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
from sottovoce.experiments.prediction.config import PREDICTORS, SELF_CONSISTENT, WEIGHT_IMAGES, Resolved
from sottovoce.experiments.prediction.expansion import Expansion, relinearizing
from sottovoce.experiments.protocol.program import images_of, member_program
from sottovoce.measure import heads
from sottovoce.networks.base import accuracy
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream
from sottovoce.theory import predictors, tangent
from sottovoce.training import axes
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.ensemble import for_members, run_members, sharded
from sottovoce.training.optimizers import flow_time, optimizer
from sottovoce.training.program import DistillationSet, Member, MemberProgram, Setting
from sottovoce.training.students import Student

# More steps than any training has.
_NEVER = 2**31 - 1


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


class Draw(NamedTuple):
    """One draw of what students are distilled on: the inputs with the teacher's logits, and the key of their order."""

    data: DistillationSet
    order: Key[Array, ""]


class Kernels(NamedTuple):
    """Students predicted by linearized training on one draw of inputs and batches.

    Attributes:
        linearized: class logits on the test images of the network linearized at the reference, trained as the student
            is.
        at_reference: logits of the network itself at the parameters where training of `linearized` ends.
        at_teacher: the same with the network linearized at the teacher, though training starts at the reference.
        accuracies: accuracies of `at_reference` and `at_teacher` on the `WEIGHT_IMAGES`.
    """

    linearized: Float[Array, "student sample class"]
    at_reference: Float[Array, "student sample class"]
    at_teacher: Float[Array, "student sample class"]
    accuracies: Float[Array, "2 student"]


class Predicted(NamedTuple):
    """Class logits on the test images, predicted for each student; test labels have no part in them.

    Attributes:
        first_update: logits of the network linearized at the reference, after the first gradient step alone.
        kernel_regression: logits of the network linearized at the reference, fitted by kernel regression.
        finite_time: logits of the network linearized at the reference, after gradient flow for the time that the
            optimizer's steps amount to.
        relinearized: logits of the network itself, trained as the student is but linearized anew once per epoch.
        retrained: no prediction, but another student of the same teacher, on other inputs in another order.
        own: predictions by the student's own inputs and batches.
        independent: predictions by the inputs and batches of `retrained`, of which the student has none.
        accuracies: accuracies of reference and teacher on the `WEIGHT_IMAGES`.
    """

    first_update: Float[Array, "student sample class"]
    kernel_regression: Float[Array, "student sample class"]
    finite_time: Float[Array, "student sample class"]
    relinearized: Float[Array, "student sample class"]
    retrained: Float[Array, "student sample class"]
    own: Kernels
    independent: Kernels
    accuracies: Float[Array, "2"]


def predict_members(prediction: PredictionProgram, members: Sequence[int], reference: MLP, teacher: MLP) -> Predicted:
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
def _predict_sharded(prediction: PredictionProgram, members: Array, reference: MLP, teacher: MLP) -> PyTree:
    return sharded(partial(predict_member, prediction))(members, reference, teacher)


def predict_member(prediction: PredictionProgram, member: Int[Array, ""], reference: MLP, teacher: MLP) -> Predicted:
    """Predict the students of one member; arguments as for `predict_members`, of this member alone."""
    program, test = prediction.member, prediction.member.test_images()
    # Streams of their own for the second draw: with the student's keys it would be the student's inputs and batches.
    own, independent = (
        Draw(distillation_set(program, teacher, program.key(inputs, member)), program.key(batches, member))
        for inputs, batches in (
            (Stream.DISTILLATION_INPUTS, Stream.STUDENT_BATCHES),
            (Stream.REPLICATE_INPUTS, Stream.REPLICATE_BATCHES),
        )
    )
    first, regression, finite = _displacements(prediction, reference, own.data.samples)
    start = reference.class_logits(test)
    read = jax.vmap(lambda network: network.class_logits(test))
    # A change of parameters moves the linearized network's logits by the product of the Jacobian with this change.
    expand = jax.vmap(lambda change: start + jax.jvp(lambda n: n.class_logits(test), (reference,), (change,))[1])
    starts = axes.repeat(reference, len(prediction.objectives))
    images = program.images.scaled(program.images.train_pixels[-WEIGHT_IMAGES:])
    score = jax.vmap(lambda network: accuracy(network, images, program.images.train_labels[-WEIGHT_IMAGES:]))

    def train(draw: Draw, bases: Sequence[MLP], every: Sequence[int]) -> list[MLP]:
        # One program trains at all bases; no training has so many steps that `_NEVER` would move its base.
        linearized = partial(train_linearized, program, draw.data, draw.order, reference)
        return axes.unstack(axes.map_over_leading_axis(linearized)(axes.stack(bases), jnp.asarray(every)))

    def kernels(at_reference: MLP, at_teacher: MLP) -> Kernels:
        return Kernels(
            linearized=expand(jax.tree.map(jnp.subtract, at_reference, starts)),
            at_reference=read(at_reference),
            at_teacher=read(at_teacher),
            accuracies=jnp.stack([score(at_reference), score(at_teacher)]),
        )

    each_epoch = program.protocol.student_batches()
    *by_own, relinearized = train(own, (reference, teacher, reference), (_NEVER, _NEVER, each_epoch))
    by_independent = train(independent, (reference, teacher), (_NEVER, _NEVER))
    return Predicted(
        first_update=expand(first),
        kernel_regression=expand(regression),
        finite_time=expand(finite),
        relinearized=read(relinearized),
        retrained=read(distill(program, independent.data, starts, independent.order)[0]),
        own=kernels(*by_own),
        independent=kernels(*by_independent),
        accuracies=score(axes.stack([reference, teacher])),
    )


def train_linearized(
    setting: Setting,
    data: DistillationSet,
    order: Key[Array, ""],
    reference: MLP,
    base: MLP,
    every: int | Int[Array, ""] | None = None,
) -> MLP:
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
        apply=lambda expansion, x: tangent.linearized(MLP.__call__, expansion.base)(expansion.network, x),
        wrap=partial(relinearizing, every=every),
    )
    return expansion.network


def _displacements(prediction: PredictionProgram, reference: MLP, samples: tuple[Array, Array]) -> tuple[MLP, MLP, MLP]:
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


def _aux_logits(network: MLP, inputs: Array) -> Array:
    return network.aux_head(network.hidden(inputs), network.precision)


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train the given members and predict their students.

    Args:
        config: a resolved configuration.
        members: the members' indices.

    Returns:
        By member: `reference_accuracy`, `teacher_accuracy` and `diverged`. By member, objective and n_aux:
        `student_accuracy`. By member, predictor, objective and n_aux: the predicted `accuracy`, and `correlation` and
        `size` of the predicted change of class logits on the test images against the true change; `size` is the ratio
        of their lengths. By member, self-consistent predictor (`interpolation`), objective and n_aux: `weight` of the
        teacher's kernel.
    """
    return results_of(config, members, train(config, members))


def students_of(config: Resolved) -> tuple[Student, ...]:
    """Return one student for each objective and number of auxiliary logits."""
    return tuple(Student(f"{objective} {k}", objective, k) for objective, k in _pairs(config))


def train(config: Resolved, members: Sequence[int]) -> Member:
    """Train the given members."""
    return run_members(member_program(config, students_of(config), n_aux=config.n_aux_built), members)


def results_of(config: Resolved, members: Sequence[int], trained: Member) -> xr.Dataset:
    """Return what `simulate` describes of trained members."""
    pairs = _pairs(config)
    # The program that trains the students predicts them, so that both have the same settings and draws.
    program = member_program(config, students_of(config), n_aux=config.n_aux_built)
    prediction = PredictionProgram(program, tuple(objective for objective, _ in pairs), config.directions)
    predicted = predict_members(prediction, members, trained.reference, trained.teacher)
    labeled = images_of(config)
    scored = [_scores(pairs, labeled, trained, predicted, i) for i in range(len(members))]
    scores, weights = (np.stack(arrays) for arrays in zip(*scored, strict=True))
    shape = (len(config.objectives), len(config.n_aux))
    by_student = ("member", "objective", "n_aux")
    variables = {
        name: (("member", "predictor", *by_student[1:]), scores[..., i].reshape(*scores.shape[:2], *shape))
        for i, name in enumerate(("accuracy", "correlation", "size"))
    }
    return xr.Dataset(
        {
            **variables,
            "weight": (("member", "interpolation", *by_student[1:]), weights.reshape(*weights.shape[:2], *shape)),
            "student_accuracy": (by_student, trained.accuracy[:, 2:].reshape(-1, *shape)),
            "reference_accuracy": ("member", trained.accuracy[:, 0]),
            "teacher_accuracy": ("member", trained.accuracy[:, 1]),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={
            "member": list(members),
            "predictor": list(PREDICTORS),
            "interpolation": list(SELF_CONSISTENT),
            "objective": list(config.objectives),
            "n_aux": list(config.n_aux),
        },
    )


def _pairs(config: Resolved) -> list[tuple[str, int]]:
    return [(objective, k) for objective in config.objectives for k in config.n_aux]


# Outside of `_scores`, so that it is compiled once and not for every member.
_class_logits = jax.jit(MLP.class_logits)


def _scores(
    pairs: list[tuple[str, int]], images: LabeledImages, trained: Member, predicted: Predicted, i: int
) -> tuple[np.ndarray, np.ndarray]:
    """Score the i-th member.

    Returns:
        Scores by predictor, student, and accuracy, correlation and size; and weights of the teacher's kernel by
        self-consistent predictor and student.
    """
    reference, teacher, *students = (
        jax.tree.map(lambda v: v[i], network) for network in (trained.reference, trained.teacher, *trained.students)
    )
    test = jnp.asarray(images.test_images)
    start, taught, *true = (np.asarray(_class_logits(network, test)) for network in (reference, teacher, *students))
    C, Z = np.asarray(reference.class_head.weight), np.asarray(reference.aux_head.weight)
    gram = np.stack([predictors.head_gram(start, taught, C, Z[:, :k], objective) for objective, k in pairs])
    given: Predicted = jax.tree.map(lambda values: values[i], predicted)
    logits = given._asdict() | {
        "head_gram": gram,
        "linearized": given.own.linearized,
        "linearized_independent": given.independent.linearized,
        "reference_kernel": given.own.at_reference,
        "teacher_kernel": given.own.at_teacher,
    }
    weights = []
    for name, kernels in zip(SELF_CONSISTENT, (given.own, given.independent), strict=True):
        counted = (*kernels.accuracies.astype(np.float64), *given.accuracies.astype(np.float64))
        weight = predictors.self_consistent_share(*counted)
        # A student's weight applies to all its samples and classes, for which the two new axes stand.
        change = weight[:, None, None] * (kernels.at_teacher - kernels.at_reference)
        logits[name] = kernels.at_reference + change
        weights.append(weight)
    scores = [
        [
            (heads.accuracy(z, images.test_labels), *heads.agreement(z, student, start))
            for z, student in zip(logits[name], true, strict=True)
        ]
        for name in PREDICTORS
    ]
    return np.array(scores), np.array(weights)
