"""Sharing: which block of the initialization carries transfer?

Question: what does a student lose if the trunk's layers, the class head or the auxiliary head do not start as the
    teacher's did?
Setting: the transfer protocol with one student per combination of blocks; each block is the reference's own ("shared")
    or replaced: by an independent draw, by the trained teacher's block, or by either's - the reference's before
    training, the teacher's after - perturbed by sigma times a draw. Blocks can be frozen. All students of a member
    share one teacher and one set of inputs.
Expected: by the post, the trunk and both heads must be shared: the trunk, since directions are learned relative to it,
    the heads, since the auxiliary head writes the directions that the class head reads.
Runtime: 2^blocks students where `transfer` has 4; digits about a minute, MNIST 85 network-epochs a member.
"""

from dataclasses import dataclass
from typing import Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.distillation import DistillationConfig

REPLACEMENTS = ("independent", "perturbed", "teacher", "teacher_perturbed")

STATES = ("shared", "replaced")


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the factorial.

    Attributes:
        blocks: which blocks are factors: conv_0, ..., trunk_0, trunk_1, ..., class_head, aux_head. Of a trunk that
            differs from the teacher's, only what both have.
        replacement: what a block that is not shared starts from: independent, a fresh draw of its scheme; perturbed,
            the reference plus sigma times a fresh draw; teacher, the teacher's block after its training;
            teacher_perturbed, the same plus sigma times a fresh draw.
        sigma: size of the perturbation, relative to the block's initialization.
        frozen: blocks that no student trains.
    """

    blocks: tuple[str, ...] = ("trunk_0", "trunk_1", "class_head", "aux_head")
    replacement: str = "independent"
    sigma: float = 1.0
    frozen: tuple[str, ...] = ()

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return 2 ** len(self.blocks)

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        known = self.student_blocks()
        for name in ("blocks", "frozen"):
            for block in getattr(self, name):
                if block not in known:
                    raise not_among(name, block, known)
        shared = self.shared_blocks()
        for block in self.blocks:
            if block not in shared:
                raise UsageError(
                    f"blocks is {self.blocks!r}; allowed: {', '.join(shared)}, for the teacher has no {block} of this "
                    "shape that the students could share"
                )
        if not self.blocks or len(set(self.blocks)) < len(self.blocks):
            raise UsageError(f"blocks is {self.blocks}; allowed: one block or more, none twice")
        if set(self.frozen) >= set(known) - {"class_head"}:
            raise UsageError(f"frozen is {self.frozen}; allowed: fewer blocks, or distillation has nothing to train")
        if self.replacement not in REPLACEMENTS:
            raise not_among("replacement", self.replacement, REPLACEMENTS)
        if not 0 < self.sigma < float("inf"):
            raise UsageError(f"sigma is {self.sigma}; allowed: a positive number")

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(
            dataset="digits",
            members=2,
            width=16,
            teacher_epochs=2,
            student_epochs=1,
            n_inputs=256,
            blocks=("trunk_0", "class_head"),
        )
