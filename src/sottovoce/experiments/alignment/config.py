"""Alignment: what does the gradient on auxiliary logits do for the class, and what stops transfer?

Question: along a student's training, does the descent direction of the loss on auxiliary logits also lower the class
    loss, and is it aligned with the teacher's displacement from initialization? Which interventions stop transfer, and
    what do they cost in the fit of the auxiliary logits?
Setting: the transfer protocol, observed on fixed samples at steps that are powers of two and at the end of each epoch.
    Overlaps are cosines over the trunk, the one block that both gradients reach; they are positive where a step on
    auxiliary logits lowers the class loss or moves along the teacher's displacement. The null for the class loss is a
    class loss with labels shuffled among the same images; the null for the teacher is the displacement of a teacher
    from another initialization. The control for both is the student of an unrelated teacher, which started from the
    same initialization and was trained on permuted labels. Each intervention has one student: the component along the
    class gradient is projected out of the gradient (`projection`) or out of the optimizer's step (`step_projection`),
    each with a control that projects along the class gradient of shuffled labels; a KL penalty anchors the student to
    its initialization (`held`); weight decay (`decay`); noise on the targets (`noisy_targets`); targets mixed with the
    logits of a teacher that started from another initialization (`two_teachers`).
Expected: to first order the class loss changes by the inner product of its gradient with the step. So overlaps should
    be small, but steadily above their nulls, and transfer should vanish at an unchanged fit where the aligned component
    is projected out.
Runtime: three teachers and 12 students, where `transfer` has two teachers and 5 students; a projected student costs
    twice as much as a plain one. Digits take one core about 15 seconds a member, once the program is compiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.config import ResolvedProtocol
from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.experiments.protocol.quantities import NAT, SHARED, distillation_units
from sottovoce.lab.checks import Allowed, Among, Count, NotNegative, Share
from sottovoce.lab.quantities import Quantity
from sottovoce.parts import INTERVENTIONS, Own

# Students of `transfer`, trained without intervention: the baselines of all others, and the control of every overlap,
# the student of an unrelated teacher.
PLAIN = ("student", "student_all", "cross_model", "unrelated")

# The first word names what is compared: the descent direction on auxiliary logits ("gradient"), the step that the
# optimizer makes of it, or the student's displacement from initialization ("way"). The second word names what it is
# compared with: the descent direction of the class loss, or the teacher's displacement.
OVERLAPS = ("gradient_class", "gradient_teacher", "step_class", "step_teacher", "way_teacher")

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        **SHARED,
        "accuracy": Quantity("test accuracy after training"),
        "teacher_accuracy": Quantity("test accuracy of the teacher"),
        "student_accuracy": Quantity("test accuracy of the student"),
        "auxiliary_loss": Quantity("loss on auxiliary logits, held-out inputs", distillation_units),
        "class_loss": Quantity("class loss on training images", NAT),
        "inner": Quantity("inner product over the trunk", "product of the units of the two vectors"),
        "cosine": Quantity("cosine over the trunk"),
        "cosine_null": Quantity("cosine over the trunk, null"),
        "n_probe": Quantity("number of training images and of inputs observed"),
        "step": Quantity("training step of the student"),
        "teacher_step": Quantity("training step of the teacher"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the traced students and of their interventions.

    Attributes:
        interventions: interventions to try, one student each: projection, projection_control, step_projection,
            step_projection_control, held, decay, noisy_targets, two_teachers, or your own by name.
        projection: share of the aligned component that every projection takes out, 0 to 1.
        penalty: weight of the penalty KL(student at initialization || student) over all logits, in `held`.
        penalty_until: share of the training with the full penalty; from there its weight falls linearly to zero.
        decay: weight decay in `decay`; each step shrinks every weight and bias by learning rate times this.
        target_noise: noise on the targets in `noisy_targets`, in units of each teacher logit's standard deviation.
        mix: weight of the own teacher's logits in the targets of `two_teachers`, 0 to 1.
        n_probe: training images, and held-out distillation inputs, on which gradients and losses are measured.
    """

    # Two students of one role would share a name, by which results are indexed. Entries are compared by `repr`, because
    # an entry of a wrong type, which is refused only after this check, may not be hashable.
    interventions: Annotated[
        tuple[Annotated[str, Among(INTERVENTIONS)], ...],
        Allowed("none twice", lambda names: len(set(map(repr, names))) == len(names)),
    ] = INTERVENTIONS.built_in
    projection: Share = 1.0
    penalty: NotNegative = 10.0
    penalty_until: Share = 0.5
    decay: NotNegative = 1.0
    target_noise: NotNegative = 1.0
    mix: Share = 0.5
    n_probe: Count | None = None

    own_smoke: ClassVar[Mapping[str, Any]] = {"n_probe": 64}

    def preset(self) -> Mapping[str, Any]:
        """Return the values of fields that are left unset."""
        return {**super().preset(), "members": 12, "n_probe": 1024}

    def roles(self) -> tuple[str, ...]:
        """Return the roles of one teacher's students: the plain students, then one per intervention."""
        return (*PLAIN, *self.interventions)

    def own_interventions(self) -> tuple[Own, ...]:
        """Return the interventions that are the user's own, in the order of `interventions`."""
        return tuple(own for name in self.interventions if (own := INTERVENTIONS.own(name)))

    def resolve(self) -> "Resolved":
        """Return the configuration with every field set and checked."""
        return self.resolved(Resolved)


class Resolved(ResolvedProtocol, Config):
    """A configuration of which every field is set."""

    n_probe: int

    def n_students(self) -> int:
        """Return the number of students of each member."""
        return len(self.roles())

    def n_teachers(self) -> int:
        """Return the number of teachers of each member."""
        return 3

    def check(self) -> None:
        """Refuse a configuration with which no student can be trained or observed.

        Raises:
            UsageError: a field has a value that is not allowed.
        """
        super().check()
        self.refuse_other_trunks("displacements of the two are compared")
        if own := self.own_interventions():
            # Imported here, because they need array libraries.
            from sottovoce.experiments.protocol.contracts import check_intervention
            from sottovoce.experiments.protocol.program import teacher_architecture

            for part in own:
                check_intervention(part.name, part.function, part.on, teacher_architecture(self))
        # Without this bound a slice of the training images would silently hold fewer samples than the inputs.
        if self.n_probe > (most := min(self.n_inputs, self.n_train())):
            raise UsageError(
                f"n_probe is {self.n_probe}; allowed: 1 to {most}, the smaller of the {self.n_train()} training images "
                f"and the {self.n_inputs} distillation inputs"
            )
