"""Sharing: which block of the initialization carries transfer?

Question: how much accuracy does a student lose if a layer of the trunk, the class head or the auxiliary head does not
    start from the teacher's initialization?
Setting: the transfer protocol with one student per combination of shared and replaced blocks. A shared block starts
    from the reference's. A replaced block starts from an independent draw, from the trained teacher's block, or from
    the reference's or the trained teacher's block plus sigma times a fresh draw. Blocks can be frozen. All students of
    a member share one teacher and one set of inputs.
Expected: by the post, the trunk and both heads must be shared: the trunk, because directions are learned relative to
    it; the heads, because the auxiliary head determines the directions that distillation writes to, and the class head
    reads them.
Runtime: 2^blocks students, where `transfer` has 4; about a minute for digits, 85 epochs of one network per member for
    MNIST.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.config import ResolvedProtocol
from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.experiments.protocol.quantities import SHARED, distillation_units
from sottovoce.lab.checks import Among, Positive, several
from sottovoce.lab.quantities import Quantity

REPLACEMENTS = ("independent", "perturbed", "teacher", "teacher_perturbed")

STATES = ("shared", "replaced")

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        **SHARED,
        "accuracy": Quantity("test accuracy of the student"),
        "final_loss": Quantity("student's mean training loss of the last epoch", distillation_units),
        "reference_accuracy": Quantity("test accuracy of the reference"),
        "teacher_accuracy": Quantity("test accuracy of the teacher"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the factorial.

    Attributes:
        blocks: blocks that are factors: conv_0, ..., trunk_0, trunk_1, ..., class_head, aux_head. If the student's
            trunk differs from the teacher's, only blocks of equal shape in both.
        replacement: start of a replaced block: independent, a fresh draw of the initialization; perturbed, the
            reference's block plus sigma times a fresh draw; teacher, the trained teacher's block; teacher_perturbed,
            the trained teacher's block plus sigma times a fresh draw.
        sigma: size of the perturbation, relative to a draw of the block's initialization.
        frozen: blocks that are not trained in any student.
    """

    blocks: Annotated[tuple[str, ...], several("block")] = ("trunk_0", "trunk_1", "class_head", "aux_head")
    replacement: Annotated[str, Among(REPLACEMENTS)] = "independent"
    sigma: Positive = 1.0
    frozen: tuple[str, ...] = ()

    own_smoke: ClassVar[Mapping[str, Any]] = {"blocks": ("trunk_0", "class_head")}

    def resolve(self) -> "Resolved":
        """Return the configuration with every field set and checked."""
        return self.resolved(Resolved)


class Resolved(ResolvedProtocol, Config):
    """A configuration of which every field is set."""

    def n_students(self) -> int:
        """Return the number of students that each teacher has."""
        # `distilled` names one kind of student, which every combination of blocks has.
        return 2 ** len(self.blocks)

    def check(self) -> None:
        """Refuse a configuration with which no student can be trained, or no block can be shared.

        Raises:
            UsageError: a field has a value that is not allowed.
        """
        super().check()
        known = self.student_blocks()
        for name in ("blocks", "frozen"):
            for block in getattr(self, name):
                Among(known).check(name, block)
        # A block that the teacher does not have in this shape cannot start from the teacher's initialization.
        shared = self.shared_blocks()
        for block in self.blocks:
            if block not in shared:
                raise UsageError(
                    f"blocks is {self.blocks!r}; allowed: {', '.join(shared)}, for the teacher has no {block} of this "
                    "shape that the students could share"
                )
        # The class head gets no gradient from auxiliary logits, so at least one other block has to be trained.
        if set(self.frozen) >= set(known) - {"class_head"}:
            raise UsageError(f"frozen is {self.frozen}; allowed: fewer blocks, or distillation has nothing to train")
