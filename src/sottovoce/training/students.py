"""The students of a teacher: the logits and initialization of each, and their encoding as arrays for the program."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from sottovoce.networks.base import Network
from sottovoce.networks.initialization import Architecture
from sottovoce.networks.own import OwnArchitecture
from sottovoce.parts import OBJECTIVES


class Sources(NamedTuple):
    """The networks whose weighted sums are the students' initial networks, with the students' trunk.

    They are the member's reference, its partner, which is an independent draw that cross-models start from, a fresh
    draw, which replaces or perturbs single blocks, and the teacher after its training.
    """

    reference: Network
    partner: Network
    fresh: Network
    teacher: Network


class SourceWeights(NamedTuple):
    """Weights of the networks in `Sources`, by the same names; their weighted sum is a student's initial block."""

    reference: float = 0.0
    partner: float = 0.0
    fresh: float = 0.0
    teacher: float = 0.0


REFERENCE, PARTNER, FRESH, TEACHER = (SourceWeights(**{name: 1.0}) for name in SourceWeights._fields)


@dataclass(frozen=True)
class Student:
    """One student of a member's teacher.

    Attributes:
        role: the student's name in results.
        n_aux: number of auxiliary logits to distill on (the first n_aux columns of the auxiliary head).
        all_logits: whether the student is distilled on the class logits as well.
        start: weights of the networks whose sum each initial block is.
        other_starts: pairs of a block (conv_0, ..., trunk_0, ..., class_head, aux_head) and the weights that it has
            instead of `start`.
        frozen: blocks that distillation does not train.
        unrelated: whether the student is distilled from the unrelated teacher, which was trained from the same
            reference on permuted labels. Such a student is the control for whatever two students share that is no
            knowledge: initialization, inputs and heads.
    """

    role: str
    objective: str
    n_aux: int
    all_logits: bool = False
    start: SourceWeights = REFERENCE
    other_starts: tuple[tuple[str, SourceWeights], ...] = ()
    frozen: tuple[str, ...] = ()
    unrelated: bool = False


class Students(NamedTuple):
    """The differences between a teacher's students, as arrays."""

    masks: Bool[Array, "student logit"]  # the logits (class logits first) that each student is distilled on
    objectives: Int[Array, " student"]  # indices in `objective_names`
    starts: Float[Array, "student block source"]  # weights in the sum that each initial block is, as in `Sources`
    trained: Float[Array, "student block"]  # 1 for blocks that distillation trains, 0 for frozen blocks
    teachers: Int[Array, " student"]  # 0 for the teacher, 1 for the unrelated one


def objective_names(students: Sequence[Student]) -> tuple[str, ...]:
    """Return the objectives that the program of these students has: the built-in ones, then the user's that they name.

    All built-in ones, so that sweeps over them compile once. Of the user's no others, so that registering one changes
    no program but those that use it.
    """
    named = (student.objective for student in students)
    return tuple(dict.fromkeys((*OBJECTIVES.built_in, *named)))


def arrays_of(
    architecture: Architecture | OwnArchitecture, students: tuple[Student, ...], perturbation: float = 0.0
) -> Students:
    """Return the arrays that describe students, all of one architecture, to the compiled protocol.

    The perturbation is the weight of the fresh draw that is added to every initial block of every student.
    """
    # In NumPy, because each operation of jax on a new shape would compile a program of its own.
    logit = np.arange(architecture.n_class + architecture.n_aux)
    first = np.array([0 if student.all_logits else architecture.n_class for student in students])
    end = np.array([architecture.n_class + student.n_aux for student in students])
    names = objective_names(students)
    blocks = architecture.block_names()
    starts = [[dict(s.other_starts).get(block, s.start) for block in blocks] for s in students]
    return Students(
        masks=jnp.asarray((first[:, None] <= logit) & (logit < end[:, None])),
        objectives=jnp.asarray([names.index(student.objective) for student in students]),
        starts=jnp.asarray(np.array(starts, np.float32) + np.float32(perturbation) * np.array(FRESH, np.float32)),
        trained=jnp.asarray([[float(block not in student.frozen) for block in blocks] for student in students]),
        teachers=jnp.asarray([int(student.unrelated) for student in students]),
    )


def with_shared_blocks(network: Network, other: Network) -> Network:
    """Return a network with the blocks of another wherever that one has a block of the same name and shapes."""
    own, others = network.blocks(), other.blocks()
    shared = {name: others[name] for name in own if name in others and _shapes(others[name]) == _shapes(own[name])}
    return network.with_blocks(list((dict(own) | shared).values()))


def _shapes(block: PyTree) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(block)]
