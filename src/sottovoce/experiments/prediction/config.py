"""Prediction: how good will a student be, from what exists before it is trained?

Question: do the initial heads, the first gradient step or the linearized network predict the class logits and the test
    accuracy of a student, for each member, number of auxiliary logits and objective?
Setting: the transfer protocol. Each predictor sees reference, teacher and distillation inputs and knows optimizer and
    schedule, but takes no training step of a student. `head_gram` reads the heads and the teacher's logits. Four
    predictors use the network linearized at the reference: `first_update` takes one gradient step, `kernel_regression`
    fits all targets, `finite_time` follows gradient flow for the time in which the loss, at its initial slope, falls as
    far as over the optimizer's steps, and `linearized` trains with the student's own batches and optimizer.
    `reference_kernel` and `teacher_kernel` evaluate the network itself at the parameters where training of a linearized
    network ends, expanded at the reference or at the teacher. `self_consistent` interpolates between these two by the
    share of the teacher's accuracy that it predicts. Two more are no predictions: `relinearized`, which is expanded
    anew in each epoch, shows the cost of linearization, and `retrained`, another student on other inputs, shows
    how much is chance.
Expected: in the linear toy the heads determine the student. In a first look at three logits on MNIST, outside of this
    package, the linearized network gave the direction of the change of logits but at most half its size, and far too
    low an accuracy.
Runtime: five trainings for each student, where `transfer` has one; three of them are linearized at twice the price.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.config import ProtocolConfig, ResolvedProtocol
from sottovoce.lab.checks import Among, Count, several

# Kernels need an objective with a metric on logits (`theory.metric`).
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
        n_aux: numbers of auxiliary logits; each objective has one student for each.
        objectives: objectives, kl or mse; each has its own students.
        directions: dimension of the Krylov space in which kernel regression is solved.
    """

    n_aux: Annotated[tuple[Count, ...], several()] = (3, 8)
    objectives: Annotated[tuple[Annotated[str, Among(OBJECTIVES)], ...], several()] = ("kl", "mse")
    directions: Count = 8

    own_smoke: ClassVar[Mapping[str, Any]] = {"n_aux": (3,), "directions": 3}

    def distilled(self) -> tuple[tuple[str, int], ...]:
        """Return objective and number of auxiliary logits of each student."""
        return tuple(itertools.product(self.objectives, self.n_aux))

    def preset(self) -> Mapping[str, Any]:
        """Return the values of fields that are left unset."""
        return {**super().preset(), "members": 12}

    def resolve(self) -> "Resolved":
        """Return the configuration with every field set and checked."""
        return self.resolved(Resolved)


class Resolved(ResolvedProtocol, Config):
    """A configuration of which every field is set."""

    def check(self) -> None:
        """Refuse a configuration whose students cannot be trained or predicted.

        Raises:
            UsageError: a field has a value that is not allowed.
        """
        super().check()
        self.refuse_other_trunks("predictions start at the reference")
        # Predictors need a start that teacher and student share, and all inputs before the student is trained.
        if self.perturbation != 0:
            raise UsageError(f"perturbation is {self.perturbation}; allowed: 0, for predictions start at the reference")
        if self.fresh_inputs:
            raise UsageError("fresh_inputs is True; allowed: False, for predictors need the inputs that students see")
