"""The compiled program of an experiment's members, built from the fields of its configuration."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from sottovoce.data import LabeledImages, load_dataset
from sottovoce.data.facts import facts
from sottovoce.data.kinds import Settings
from sottovoce.experiments.protocol.config import ResolvedProtocol
from sottovoce.experiments.protocol.inputs import PIXEL_RANGES
from sottovoce.lab.fields import own_parts
from sottovoce.networks.initialization import Architecture
from sottovoce.networks.own import OwnArchitecture
from sottovoce.parts import OBJECTIVES
from sottovoce.training.ensemble import run_members
from sottovoce.training.program import Images, Member, MemberProgram, Protocol, TracedSettings
from sottovoce.training.students import Student, arrays_of, objective_names


def train_members(
    config: ResolvedProtocol,
    students: tuple[Student, ...],
    *,
    n_aux: int,
    members: Sequence[int],
    fresh_heads: bool = False,
) -> Member:
    """Train members of an experiment.

    Args:
        config: a resolved configuration.
        students: the students of each teacher.
        n_aux: number of auxiliary logits that the networks have, at least as many as any student is distilled on.
        members: indices of the members.
        fresh_heads: whether students start with freshly drawn heads.

    Returns:
        `training.program.Member` with a leading member axis on every array.
    """
    return run_members(member_program(config, students, n_aux=n_aux, fresh_heads=fresh_heads), members)


def member_program(
    config: ResolvedProtocol, students: tuple[Student, ...], *, n_aux: int, fresh_heads: bool = False
) -> MemberProgram:
    """Return a member's program with its settings and images; the arguments are those of `train_members`."""
    images = images_of(config)
    protocol = replace(
        _protocol(config, n_aux=n_aux, fresh_heads=fresh_heads),
        unrelated_teacher=any(student.unrelated for student in students),
        objectives=tuple(OBJECTIVES[name] for name in objective_names(students)),
    )
    # Numbers are traced, so that a sweep over them compiles once (docs/decisions/0007-static-and-traced-fields.md).
    traced = TracedSettings(
        seed=jnp.asarray(config.seed),
        students=arrays_of(protocol.student_architecture or protocol.architecture, students, config.perturbation),
        inputs=input_settings(config),
        teacher_rate=jnp.asarray(config.learning_rate),
        student_rate=jnp.asarray(config.student_learning_rate),
        temperature=jnp.asarray(config.temperature),
        teacher_decay=jnp.asarray(config.weight_decay),
        student_decay=jnp.asarray(config.student_weight_decay),
        gain=jnp.asarray(config.gain),
    )
    return MemberProgram(protocol, traced, device_images(images))


def _protocol(config: ResolvedProtocol, *, n_aux: int, fresh_heads: bool) -> Protocol:
    """Return the static settings of a member's program."""
    architecture = replace(teacher_architecture(config), n_aux=n_aux)
    return Protocol(
        architecture=architecture,
        fresh_heads=fresh_heads,
        inputs=config.inputs,
        n_inputs=config.n_inputs,
        fresh_inputs=config.fresh_inputs,
        teacher_epochs=config.teacher_epochs,
        student_epochs=config.student_epochs,
        batch_size=config.batch_size,
        teacher_optimizer=config.optimizer,
        student_optimizer=config.student_optimizer,
        teacher_steps=config.teacher_steps,
        student_steps=config.student_steps,
        student_architecture=student_architecture(config, architecture),
        own=tuple(part.function for part in own_parts(config)),
    )


def teacher_architecture(config: ResolvedProtocol) -> Architecture | OwnArchitecture:
    """Return the architecture of a configuration's teachers."""
    known = facts(config.dataset)
    return config.own_architecture() or Architecture(
        n_inputs=known.n_pixel,
        widths=config.widths(),
        n_class=known.n_class,
        n_aux=config.n_aux_built,
        activation=config.activation,
        scheme=config.initialization,
        precision=config.precision,
        orthonormal_heads=config.orthonormal_heads,
        channels=tuple(config.channels),
    )


def student_architecture(config: ResolvedProtocol, teachers: Architecture | OwnArchitecture) -> Architecture | None:
    """Return the architecture of the students if it is another than the teachers', else None."""
    if isinstance(teachers, OwnArchitecture):
        return None
    students = replace(teachers, widths=config.student_widths(), channels=tuple(config.student_channels))
    # None where they are equal, so that such runs share one compiled program.
    return None if students == teachers else students


def device_images(images: LabeledImages) -> Images:
    """Return a dataset in the form that the compiled program takes."""
    low, high = images.pixel_range
    return Images(
        train_pixels=jnp.asarray(images.train_pixels),
        train_labels=jnp.asarray(images.train_labels),
        test_pixels=jnp.asarray(images.test_pixels),
        test_labels=jnp.asarray(images.test_labels),
        # Pixels stay bytes, and the program scales them batch by batch: a quarter of the memory that floats would take.
        low=jnp.asarray(low, dtype=jnp.float32),
        step=jnp.asarray((high - low) / images.brightest, dtype=jnp.float32),
    )


def input_settings(config: Any) -> Settings:
    """Return the parameters of the distillation inputs from the fields of a configuration."""
    return Settings(
        scale=jnp.asarray(config.inputs_scale, dtype=jnp.float32),
        shift=jnp.asarray(config.inputs_shift, dtype=jnp.float32),
        length_scale=jnp.asarray(config.inputs_length_scale, dtype=jnp.float32),
        rank=jnp.asarray(config.inputs_rank),
        alpha=jnp.asarray(config.inputs_alpha, dtype=jnp.float32),
    )


def images_of(config: ResolvedProtocol) -> LabeledImages:
    """Return the configuration's dataset in its pixel range, restricted to its classes; labels keep their numbers."""
    # Labels are not renumbered: heads have a logit for every class of the dataset, so that shapes stay the same.
    return load_dataset(config.dataset, pixel_range=PIXEL_RANGES[config.pixels]).of_classes(config.classes)
