"""A teacher's students: what each is distilled on, what it starts from, and the arrays that say so to the program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from sottovoce.networks.initialization import Architecture
from sottovoce.networks.layers import Convolution, Linear
from sottovoce.networks.mlp import Network
from sottovoce.networks.shapes import HEADS, trunk_names
from sottovoce.training.objectives import OBJECTIVES


class Sources(NamedTuple):
    """The networks that students' initial networks are made of, with the students' trunk.

    Attributes:
        reference: the reference of the students' own member.
        partner: another member's reference.
        fresh: a draw of the same scheme that nobody else starts from.
        teacher: the students' teacher after its training.
    """

    reference: Network
    partner: Network
    fresh: Network
    teacher: Network


class SourceWeights(NamedTuple):
    """Weights of `Sources`, by the same names, whose sum a block of a student's initial network is."""

    reference: float = 0.0
    partner: float = 0.0
    fresh: float = 0.0
    teacher: float = 0.0


REFERENCE = SourceWeights(reference=1.0)
PARTNER = SourceWeights(partner=1.0)
FRESH = SourceWeights(fresh=1.0)
TEACHER = SourceWeights(teacher=1.0)


@dataclass(frozen=True)
class Student:
    """One student of a member's teacher.

    Attributes:
        role: its name in results.
        objective: a key of `objectives.OBJECTIVES`.
        n_aux: auxiliary logits it is distilled on (the first n_aux columns of the auxiliary head).
        all_logits: whether it is distilled on the class logits as well.
        start: weights of the networks that its initial blocks are sums of.
        other_starts: blocks (conv_0, ..., trunk_0, ..., class_head, aux_head) with other weights, each with its own.
        frozen: blocks that distillation leaves as they start.
    """

    role: str
    objective: str
    n_aux: int
    all_logits: bool = False
    start: SourceWeights = REFERENCE
    other_starts: tuple[tuple[str, SourceWeights], ...] = ()
    frozen: tuple[str, ...] = ()


class Students(NamedTuple):
    """What sets a teacher's students apart, as arrays.

    Attributes:
        masks: which logits (class logits first) each is distilled on.
        objectives: its objective's place in `objectives.OBJECTIVES`.
        starts: weights of the networks whose sum each block starts from, in the order of `SourceWeights`.
        trained: 1 for blocks that distillation trains, 0 for those it leaves as they start.
    """

    masks: Bool[Array, "student logit"]
    objectives: Int[Array, " student"]
    starts: Float[Array, "student block source"]
    trained: Float[Array, "student block"]


def arrays_of(architecture: Architecture, students: tuple[Student, ...], perturbation: float = 0.0) -> Students:
    """Return students as the compiled protocol takes them.

    Args:
        architecture: of every student.
        students: a teacher's students.
        perturbation: weight of the fresh draw that is added to every block of every start.

    Returns:
        Their arrays.
    """
    logit = jnp.arange(architecture.n_class + architecture.n_aux)
    first = jnp.asarray([0 if student.all_logits else architecture.n_class for student in students])
    end = jnp.asarray([architecture.n_class + student.n_aux for student in students])
    names = list(OBJECTIVES)
    blocks = (*architecture.layers(), *HEADS)
    starts = jnp.asarray([[dict(s.other_starts).get(block, s.start) for block in blocks] for s in students])
    return Students(
        masks=(first[:, None] <= logit) & (logit < end[:, None]),
        objectives=jnp.asarray([names.index(student.objective) for student in students]),
        starts=starts + perturbation * jnp.asarray(FRESH),
        trained=jnp.asarray([[float(block not in student.frozen) for block in blocks] for student in students]),
    )


def blocks_of(network: Network) -> tuple[Convolution | Linear, ...]:
    """Return a network's blocks: its trunk's layers in the order of `Architecture.layers`, then its heads."""
    return (*network.hidden_layers(), network.class_head, network.aux_head)


def with_blocks(network: Network, blocks: Sequence[PyTree]) -> Network:
    """Return a network with other blocks, in the order of `blocks_of`."""
    n = len(network.convolutions)
    *trunk, class_head, aux_head = blocks
    return replace(
        network, convolutions=tuple(trunk[:n]), trunk=tuple(trunk[n:]), class_head=class_head, aux_head=aux_head
    )


def with_shared_blocks(network: Network, other: Network) -> Network:
    """Return a network whose every block that another has under the same name and in the same shape is the other's.

    Args:
        network: gives the blocks that the other does not have.
        other: gives the others, among them both heads.
    """
    theirs = _named_blocks(other)

    def chosen(name: str, own: Convolution | Linear) -> Convolution | Linear:
        return theirs[name] if name in theirs and theirs[name].weight.shape == own.weight.shape else own

    return with_blocks(network, [chosen(*block) for block in _named_blocks(network).items()])


def _named_blocks(network: Network) -> dict[str, Convolution | Linear]:
    names = (*trunk_names(len(network.convolutions), len(network.trunk)), *HEADS)
    return dict(zip(names, blocks_of(network), strict=True))
