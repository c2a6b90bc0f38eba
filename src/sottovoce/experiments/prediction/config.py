"""Prediction: how well is a student predicted by what it is trained from, and by what exists before it is trained?

Question: do the initial heads, the first gradient step or the linearized network tell the class logits and the test
    accuracy of a student, for each member, number of auxiliary logits and objective? How much of this takes the
    student's own distillation inputs and their order?
Setting: the transfer protocol. Every predictor knows reference, teacher, optimizer and schedule, but takes no training
    step of a student. `TABLE` says which predictors use the student's own inputs and batches as well; only the others
    predict before training. `head_gram` reads the heads and the teacher's logits. Four predictors use the network
    linearized at the reference: `first_update` takes one gradient step, `kernel_regression` fits all targets,
    `finite_time` follows gradient flow for the time in which the loss, at its initial slope, falls as far as over the
    optimizer's steps, and `linearized` trains with the student's own batches and optimizer. `reference_kernel` and
    `teacher_kernel` evaluate the network itself at the parameters where training of a linearized network ends, expanded
    at the reference or at the teacher. `self_consistent` interpolates between the logits of these two; the weight
    follows from the accuracies of the networks on training images. `linearized_independent` and
    `self_consistent_independent` are the same on other inputs in another order. No predictor sees a test label. Two
    more are baselines, which train students: `relinearized`, which is expanded anew in each epoch, shows the cost of
    linearization, and `retrained`, another student on other inputs, shows how much is chance; the error of every
    predictor stands beside that of `retrained`.
Expected: in the linear toy the heads determine the student. In a first look at three logits on MNIST, outside of this
    package, the linearized network gave the direction of the change of logits but at most half its size, and far too
    low an accuracy.
Runtime: seven trainings for each student, where `transfer` has one; five of them are linearized at twice the price.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.config import ProtocolConfig, ResolvedProtocol
from sottovoce.experiments.protocol.quantities import SHARED
from sottovoce.lab.checks import Among, Count, several
from sottovoce.lab.quantities import Quantity

# Kernels need an objective with a metric on logits (`theory.metric`).
OBJECTIVES = ("kl", "mse")

WEIGHT_IMAGES = 5_000
"""Number of labeled training images, the last ones, on which the weight of the self-consistent kernel is computed.

They spare the test labels, and distillation inputs contain none of them unless they are made of so many training
images. The teacher was trained on them, as on every labeled image that is not a test image.
"""


class Predictor(NamedTuple):
    """A predictor, and what it uses besides reference, teacher, optimizer and schedule.

    Attributes:
        name: the predictor's name in results.
        title: a few words for figures.
        own_inputs: whether it uses the inputs that the student itself is distilled on.
        own_batches: whether it uses the order in which the student itself is given these inputs.
        test_labels: whether labels of test images enter what it predicts. To score accuracies takes them in any case.
        trains: whether it is a baseline that trains students, and therefore no prediction.
    """

    name: str
    title: str
    own_inputs: bool = False
    own_batches: bool = False
    test_labels: bool = False
    trains: bool = False

    @property
    def uses(self) -> str:
        """What the predictor uses of the student's own, in words."""
        own = [word for word, used in (("inputs", self.own_inputs), ("batches", self.own_batches)) if used]
        return f"the student's own {' and '.join(own)}" if own else "nothing of the student's own"

    @property
    def before_training(self) -> bool:
        """Whether it can be had before the student's inputs and batches are drawn, and without training a student."""
        return not (self.own_inputs or self.own_batches or self.trains)


TABLE = (
    Predictor("head_gram", "Gram matrix of the heads"),
    Predictor("linearized_independent", "linearized, other inputs"),
    Predictor("self_consistent_independent", "self-consistent, other inputs"),
    Predictor("retrained", "another student", trains=True),
    Predictor("first_update", "first gradient step", own_inputs=True),
    Predictor("kernel_regression", "kernel regression", own_inputs=True),
    Predictor("finite_time", "gradient flow, finite time", own_inputs=True),
    Predictor("linearized", "linearized at the reference", own_inputs=True, own_batches=True),
    Predictor("reference_kernel", "kernel at the reference", own_inputs=True, own_batches=True),
    Predictor("teacher_kernel", "kernel at the teacher", own_inputs=True, own_batches=True),
    Predictor("self_consistent", "self-consistent kernel", own_inputs=True, own_batches=True),
    Predictor("relinearized", "linearized anew each epoch", own_inputs=True, own_batches=True, trains=True),
)
"""The predictors of a result, those first that use nothing of the student's own."""
PREDICTORS = tuple(predictor.name for predictor in TABLE)

BASELINE = "retrained"
"""The predictor beside whose error every other error is stated: another student of the same teacher."""
# Computed from a result, and no part of it: what it uses are the measured accuracies of other students.
MEAN_OF_OTHERS = Predictor("mean_of_others", "mean of the other members", test_labels=True, trains=True)

SELF_CONSISTENT = ("self_consistent", "self_consistent_independent")
"""The predictors that interpolate between two kernels."""

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        **SHARED,
        "accuracy": Quantity("predicted test accuracy"),
        "correlation": Quantity("correlation of predicted and true change of class logits"),
        "size": Quantity("length of the predicted change over length of the true change"),
        "weight": Quantity("weight of the teacher's kernel"),
        "student_accuracy": Quantity("test accuracy of the student"),
        "reference_accuracy": Quantity("test accuracy of the reference"),
        "teacher_accuracy": Quantity("test accuracy of the teacher"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


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

    reads_layers: ClassVar[str] = "the class head is read from its last hidden layer"
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
