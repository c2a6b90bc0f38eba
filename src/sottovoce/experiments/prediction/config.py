"""Prediction: how good a student will be, from what exists before it is trained.

Question: do the initial heads, the linearized network or the first gradient step tell the class logits and the test
    accuracy of a student, for each member, number of auxiliary logits and objective?
Setting: the transfer protocol. Each predictor sees reference, teacher and distillation inputs and knows optimizer and
    schedule, but takes no step of a student. `head_gram` reads the heads and the teacher's logits. `first_update`,
    `kernel_regression`, `finite_time` and `linearized` follow the network linearized at the reference: for one gradient
    step, to the fit of all targets, for as long a flow as the optimizer's steps amount to at the first slope, and
    through the student's own batches and optimizer. `reference_kernel` and `teacher_kernel`
    read the network itself at the parameters where a linearized one ends, expanded at the reference or at the teacher;
    `self_consistent` lies between the two as far as the share of the teacher's accuracy that it predicts. Two rows are
    no predictions: `relinearized`, expanded anew in each epoch, shows what linearization costs, and `retrained`,
    another student on other inputs, what is chance.
Expected: by the linear toy, the heads tell it all. A first look at three logits on MNIST, outside of this package: the
    linearized network gives the direction of the change but half its size or less, and far too low an accuracy.
Runtime: five trainings for each student of `transfer`, three of them linearized at twice the price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.config import ProtocolConfig
from sottovoce.experiments.protocol.distillation import check_distilled

# Those with a metric on logits (theory.metric).
OBJECTIVES = ("kl", "mse")

PREDICTORS = (
    "head_gram",
    "first_update",
    "kernel_regression",
    "finite_time",
    "linearized",
    "reference_kernel",
    "teacher_kernel",
    "self_consistent",
    "relinearized",
    "retrained",
)


@dataclass(frozen=True)
class Config(ProtocolConfig):
    """Fields of the predictions.

    Attributes:
        n_aux: numbers of auxiliary logits, one student each.
        objectives: objectives, one set of students each.
        directions: dimension of the Krylov space in which kernel regression is solved.
    """

    n_aux: tuple[int, ...] = (3, 8)
    objectives: tuple[str, ...] = ("kl", "mse")
    directions: int = 8

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        for name in ("n_aux", "objectives"):
            values = getattr(self, name)
            if not isinstance(values, tuple | list) or not values or len(set(values)) < len(values):
                raise UsageError(f"{name} is {values!r}; allowed: a tuple of one or more different values")
        return {**super().preset(), "members": 6, "n_aux_built": max(self.n_aux)}

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return len(self.n_aux) * len(self.objectives)

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        for objective in self.objectives:
            if objective not in OBJECTIVES:
                raise not_among("objectives", objective, OBJECTIVES)
            for n_aux in self.n_aux:
                check_distilled("n_aux", n_aux, objective)
        self.check_built(max(self.n_aux))
        self.refuse_other_trunks("predictions start at the reference")
        if self.perturbation != 0:
            raise UsageError(f"perturbation is {self.perturbation}; allowed: 0, for predictions start at the reference")
        if self.fresh_inputs:
            raise UsageError("fresh_inputs is True; allowed: False, for predictors need the inputs that students see")
        if self.directions < 1:
            raise UsageError(f"directions is {self.directions}; allowed: 1 or more")

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
            n_aux=(3,),
            directions=3,
        )
