"""Alignment: what does the gradient on auxiliary logits do for the class, and what stops transfer?

Question: along a student's training, does its gradient on auxiliary logits point where the class loss falls, and where
    its teacher went? Which interventions stop transfer, and what do they cost in the fit of the auxiliary logits?
Setting: the transfer protocol, observed at steps of powers of two and at the end of each epoch, on fixed samples.
    Overlaps are over the trunk, the one block that both gradients reach, and positive where a step on auxiliary logits
    lowers the class loss, or goes along the teacher's displacement from initialization. Null of the class: labels
    shuffled among the same images; of the teacher: the displacement of another member's teacher. Interventions, one
    student each: the component along the class gradient taken out of the gradient (`projection`) or of the optimizer's
    step (`step_projection`), each with the same for shuffled labels as its control; a KL penalty that anchors the
    student to its initialization (`held`), weight decay (`decay`), noise on the targets (`noisy_targets`), targets
    mixed with those of a teacher that started elsewhere, the partner's (`two_teachers`).
Expected: to first order the class loss changes by minus the inner product of the class gradient with the step, so small
    but steady overlaps above their nulls, and no transfer where they are taken out, at the same fit.
Runtime: 11 students, a projected one at twice the price, where `transfer` has 4, and two teachers; digits take a core
    about 15 seconds a member, once the program is compiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.lab.checks import check_count, check_number

PLAIN = ("student", "student_all", "cross_model")

INTERVENTIONS = (
    "projection",
    "projection_control",
    "step_projection",
    "step_projection_control",
    "held",
    "decay",
    "noisy_targets",
    "two_teachers",
)

# Of what with what: the gradient on auxiliary logits, the step the optimizer makes of it, and the displacement
# from the start.
OVERLAPS = ("gradient_class", "gradient_teacher", "step_class", "step_teacher", "way_teacher")


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the traced students and of their interventions.

    Attributes:
        interventions: which of them are tried: projection, projection_control, step_projection,
            step_projection_control, held, decay, noisy_targets, two_teachers.
        projection: share of the aligned component that all projections take out, 0 to 1.
        penalty: weight of the KL of the student's logits, all of them, from those at its start, in `held`.
        penalty_until: share of the training before this weight falls, linearly to zero at the end.
        decay: weight decay in `decay`: each step also takes learning rate times this of every weight and bias.
        target_noise: noise in `noisy_targets`, in standard deviations over inputs of each of the teacher's logits.
        mix: weight of the own teacher's logits in `two_teachers`, 0 to 1.
        n_probe: samples of each kind on which gradients and losses are measured.
    """

    interventions: tuple[str, ...] = INTERVENTIONS
    projection: float = 1.0
    penalty: float = 10.0
    penalty_until: float = 0.5
    decay: float = 1.0
    target_noise: float = 1.0
    mix: float = 0.5
    n_probe: int | None = None

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        return {**super().preset(), "members": 10, "n_probe": 1024}

    def roles(self) -> tuple[str, ...]:
        """Return the names of a teacher's students."""
        return (*PLAIN, *self.interventions)

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return len(self.roles())

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        self.refuse_other_trunks("displacements of the two are compared")
        for name in self.interventions:
            if name not in INTERVENTIONS:
                raise not_among("interventions", name, INTERVENTIONS)
        if len(set(self.interventions)) < len(self.interventions):
            raise UsageError(f"interventions is {self.interventions}; allowed: none twice")
        for name in ("projection", "penalty_until", "mix"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)!r}; allowed: 0 to 1, a share")
        for name in ("penalty", "decay", "target_noise"):
            check_number(name, getattr(self, name), zero=True)
        check_count("n_probe", self.n_probe)
        assert self.n_inputs is not None
        assert self.n_probe is not None
        if self.n_probe > (most := min(self.n_inputs, self.n_train())):
            raise UsageError(
                f"n_probe is {self.n_probe}; allowed: 1 to {most}, the smaller of the {self.n_train()} training images "
                f"and the {self.n_inputs} distillation inputs"
            )

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(dataset="digits", members=2, width=16, teacher_epochs=2, student_epochs=1, n_inputs=256, n_probe=64)
