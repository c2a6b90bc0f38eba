"""Distillation of a teacher's students: their inputs and targets, their losses, and the joint training run of all."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from sottovoce.data.inputs import input_rows
from sottovoce.data.kinds import ROWS_AT_ONCE
from sottovoce.training import axes
from sottovoce.training.loop import Loss, Training, train, weighted_mean
from sottovoce.training.optimizers import optimizer
from sottovoce.training.program import DistillationSet, MemberProgram, Setting
from sottovoce.training.students import Students

# On a CPU groups of up to this many students, all of one size, take each step together and read its batch once. Larger
# groups would take longer to compile and no longer fit into the caches.
MOST_IN_STEP = 5

Apply = Callable[[Any, Array], Array]
Wrap = Callable[[optax.GradientTransformation], optax.GradientTransformation]


def _call(student: Callable[[Array], Array], inputs: Array) -> Array:
    return student(inputs)


def distillation_set(program: MemberProgram, teacher: Callable[[Array], Array], key: Key[Array, ""]) -> DistillationSet:
    """Return the distillation inputs drawn from a key, with the logits on these inputs.

    `teacher` maps inputs to the teacher's logits, or to those of several teachers (`protocol.logits_of`). Inputs and
    logits are computed once for all students and epochs. Fresh inputs are an exception: they are drawn batch by batch,
    and are never in memory all together.
    """
    protocol, images = program.protocol, program.images
    shape = (protocol.n_inputs, protocol.architecture.n_inputs)
    row = input_rows(protocol.inputs, key, shape, images.train_pixels, program.traced.inputs, images.scaled)
    samples = jnp.arange(protocol.n_inputs)

    def drawn(samples: Array, step: Array) -> tuple[Array, Array]:
        epoch_key = jax.random.fold_in(key, step // protocol.student_batches())
        inputs = jax.vmap(lambda i: row(epoch_key, i))(samples)
        return inputs, teacher(inputs)

    if protocol.fresh_inputs:
        return DistillationSet(samples, drawn)
    inputs = jax.lax.map(lambda i: row(key, i), samples, batch_size=ROWS_AT_ONCE)
    return DistillationSet((inputs, jax.lax.map(lambda x: teacher(x[None])[0], inputs, batch_size=ROWS_AT_ONCE)))


def distill(
    setting: Setting,
    data: DistillationSet,
    starts: PyTree,
    key: Key[Array, ""],
    *,
    apply: Apply = _call,
    wrap: Wrap = lambda optimizer: optimizer,
) -> tuple[PyTree, Float[Array, "student epoch"]]:
    """Return all students of one teacher, trained on the same batches, and their mean losses by epoch.

    Args:
        setting: the settings of the member's training.
        data: the distillation inputs and the teacher's, or both teachers', logits on these inputs.
        starts: the students before training, on a leading axis: networks, or other pytrees that `apply` accepts.
        key: key for the order of the inputs in each epoch.
        apply: maps a student and inputs to all logits.
        wrap: turns the optimizer of a network into an optimizer of the pytrees that `apply` accepts.
    """
    protocol, students = setting.protocol, setting.traced.students

    def train_group(starts: PyTree, students: Students) -> tuple[PyTree, Array]:
        group = axes.unstack(students)
        own_losses = [student_loss(setting, student, apply) for student in group]

        def loss(students: tuple[PyTree, ...], batch: PyTree, weights: Array) -> tuple[Array, Array]:
            # The gradient of the sum with respect to a student is the gradient of that student's own loss.
            values = jnp.stack([own(one, batch, weights)[0] for own, one in zip(own_losses, students, strict=True)])
            return jnp.sum(values), values

        training = Training(
            loss,
            data=data.samples,
            optimizer=_partwise([wrap(student_optimizer(setting, student)) for student in group]),
            epochs=protocol.student_epochs,
            batch_size=protocol.batch_size,
            steps=protocol.student_steps,
            transform_batch=data.transform_batch,
        )
        trained, losses = train(tuple(axes.unstack(starts)), training, key)
        return axes.stack(trained), losses.T

    n_students = len(students.masks)
    most = MOST_IN_STEP if jax.default_backend() == "cpu" else 1
    group_size = max(n for n in range(1, most + 1) if n_students % n == 0)
    groups = jax.tree.map(lambda leaf: leaf.reshape(-1, group_size, *leaf.shape[1:]), (starts, students))
    results = axes.map_over_leading_axis(train_group)(*groups)
    return jax.tree.map(lambda leaf: leaf.reshape(n_students, *leaf.shape[2:]), results)


def student_loss(setting: Setting, student: Students, apply: Apply = _call) -> Loss:
    """Return the distillation loss of one student, given the student's arrays without the leading axis.

    The loss takes batches of pairs of inputs and the logits on these inputs of the teacher, or of both teachers.
    """

    def loss(network: PyTree, batch: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        inputs, logits = batch
        # With an unrelated teacher the logits have an axis of teachers, from which each student takes its own's.
        targets = logits[:, student.teachers] if logits.ndim == 3 else logits
        arguments = (apply(network, inputs), targets, student.masks, setting.traced.temperature)
        # A switch, because the objective is traced: sweeps over objectives compile once.
        value = weighted_mean(jax.lax.switch(student.objectives, setting.protocol.objectives, *arguments), weights)
        return value, value

    return loss


def student_optimizer(setting: Setting, student: Students) -> optax.GradientTransformation:
    """Return the optimizer of one student, given the student's arrays without the leading axis."""
    traced = setting.traced
    chosen = optimizer(setting.protocol.student_optimizer, traced.student_rate, traced.student_decay)

    def trained_only(updates: Any, _parameters: Any) -> Any:
        blocks = zip(updates.blocks().values(), student.trained, strict=True)
        return updates.with_blocks([jax.tree.map(lambda u, w=weight: u * w, block) for block, weight in blocks])

    return optax.chain(chosen, optax.stateless(trained_only))


def _partwise(transformations: Sequence[optax.GradientTransformation]) -> optax.GradientTransformation:
    """Return a transformation of a tuple that applies one of the given transformations to each part."""

    def init(params: Any) -> Any:
        return tuple(transformation.init(part) for transformation, part in zip(transformations, params, strict=True))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        parts = zip(transformations, updates, state, params, strict=True)
        updates, state = zip(*(one.update(update, own, part) for one, update, own, part in parts), strict=True)
        return updates, state

    return optax.GradientTransformation(init, update)
