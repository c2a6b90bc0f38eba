"""Transfer: does a student taught auxiliary logits on noise classify digits?

Question: how accurate on labels are students that never saw a label, an image or a class logit?
Setting: Cloud et al. 2025 (arXiv 2507.14805), the MNIST experiment: a reference, the teacher trained from it, a
    student on the auxiliary logits, a control on all logits, and both again from another initialization. Beside Cloud's
    six networks, the causal control: a student of an unrelated teacher, which was trained from the same reference on
    permuted labels.
Expected: reference, cross-model student and the unrelated teacher's student at chance, the student far above chance,
    the control on all logits near the teacher.
Runtime: `sottovoce bench` measures it for the MNIST shape on this machine; 26 members on digits
    take about a minute on two cores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sottovoce.experiments.protocol.config import ResolvedProtocol
from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.experiments.protocol.quantities import SHARED, training_units
from sottovoce.lab.quantities import Quantity

NOT_STUDENTS = ("reference", "teacher", "unrelated_teacher")
ROLES = (*NOT_STUDENTS, "student", "student_all", "cross_model", "cross_model_all", "unrelated")

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        **SHARED,
        "accuracy": Quantity("test accuracy"),
        "final_loss": Quantity("mean training loss of the last epoch", training_units),
        "correct": Quantity("whether the test image is classified right"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the six bars: the protocol's and one objective on one number of auxiliary logits."""

    def preset(self) -> Mapping[str, Any]:
        """Return the values of fields that are left unset."""
        preset = super().preset()
        # With the spread of seed 0 as many members show with a probability of 0.8 that students from another
        # initialization stay within 0.05 of chance (23 and 21 are enough for the other two primary claims).
        return {**preset, "members": 26} if self.dataset == "digits" else preset

    def resolve(self) -> "Resolved":
        """Return the configuration with every field set and checked."""
        return self.resolved(Resolved)


class Resolved(ResolvedProtocol, Config):
    """A configuration of which every field is set."""

    def n_students(self) -> int:
        """Return the number of students of each member."""
        # `distilled` names one objective and number of logits, which all students share.
        return len(ROLES) - len(NOT_STUDENTS)

    def n_teachers(self) -> int:
        """Return the number of teachers of each member."""
        return 2
