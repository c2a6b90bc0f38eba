"""Toy training: does a student trained step by step end where the closed form of the toy says?

Question: where do full-batch gradient descent, stochastic gradient descent and Adam take the linear student, with W2
    frozen and with W2 trained too, and what do a ReLU or a deeper trunk change?
Setting: Gaussian teachers. By `student`: the teacher has a freshly drawn trunk and the reference's W2; the student
    starts from the shared reference or from zero. By `layers`: gradient descent at smaller and smaller step sizes
    against the exact gradient flow. By `head_rate`: teacher and student are trained from one reference, their W2 at
    this multiple of W1's rate; the teacher learns a random class map.
Expected: docs/theory.md, sections 5 to 7. With W2 frozen, gradient descent, stochastic or not, ends at W1' = W1_0 +
    (W1 - W1_0) P, where P is centered under kl; descent differs from the flow by an error of order 1 in the step size;
    Adam ends at another projector, known for one logit. With W2 trained, the student recovers less, by an amount that
    the first order in the teacher's displacement predicts while that displacement is small.
Runtime: a few seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Self

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.objectives import check_distilled
from sottovoce.lab.checks import DEFAULT_SEED, SMALLEST, Allowed, Count, NotNegative, Seed, check_fields, number
from sottovoce.lab.quantities import Quantity

StepSize = Annotated[float, number("above 0, at most 1", SMALLEST, 1)]

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "projector_distance": Quantity("distance of the trunk from the closed form over its displacement"),
        "recovered": Quantity("recovered energy of the class logits"),
        "recovered_law": Quantity("expected recovered energy of the class logits"),
        "misfit": Quantity("squared distance of the distilled logits over the start's"),
        "oblique_distance": Quantity("distance of adam's trunk from its closed form over its displacement"),
        "relu_recovered": Quantity("recovered energy of the class logits, relu"),
        "step_error": Quantity("distance of descent from the flow over its displacement"),
        "moving_recovered": Quantity("recovered energy of the class logits, W2 trained"),
        "lazy_recovered": Quantity("predicted recovered energy, to first order"),
        "signal": Quantity("student's change along the teacher's over the teacher's"),
        "noise": Quantity("student's change orthogonal to the teacher's over the teacher's"),
        "teacher_drift": Quantity("relative displacement of the teacher's trained columns"),
        "student_drift": Quantity("relative displacement of the student's trained columns"),
        "head_mismatch": Quantity("relative distance between the two W2"),
        "moving_misfit": Quantity("squared distance of the distilled logits over the start's, W2 trained"),
        "n_inputs": Quantity("number of training inputs"),
        "rate": Quantity("step size over one over the largest curvature"),
        "head_rate": Quantity("learning rate of W2 over W1's"),
        "n_aux": Quantity("number of auxiliary logits"),
        "n_class": Quantity("number of class logits"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config:
    """Fields of the toy's training.

    Attributes:
        d_in: input features.
        hidden: hidden units.
        n_class: class logits, never trained on by the student.
        n_aux: auxiliary logits, distilled; at least 2, since one of the students is trained by kl.
        n_samples: inputs x ~ N(0, 1) that the draws of a member share.
        batch_size: samples per step of sgd and adam.
        head_rates: learning rates of W2 as multiples of W1's, at which teacher and student are trained.
        steps: steps of every training run.
        rate: step size of gd and sgd, in units of one over the largest curvature; half of this where several layers are
            trained, because their curvature grows in training.
        adam_rate: first step size of adam; the step size falls linearly to zero.
        draws: teachers per member.
        members: batches of draws, each with its own random numbers.
        seed: the one integer behind every random number.
    """

    d_in: Count = 4
    hidden: Count = 12
    n_class: Count = 3
    n_aux: Count = 3
    n_samples: Count = 32
    batch_size: Count = 8
    # The claims compare W2 at W1's rate (1) with a frozen W2 (0).
    head_rates: Annotated[
        tuple[NotNegative, ...],
        Allowed(
            "0, 1 and any other numbers above 0, each once",
            lambda rates: isinstance(rates, tuple | list) and {0, 1} <= set(rates) and len(set(rates)) == len(rates),
        ),
    ] = (0.0, 0.1, 0.3, 1.0, 3.0)
    steps: Count = 1000
    rate: StepSize = 1.0
    adam_rate: StepSize = 0.01
    draws: Count = 8
    members: Count = 8
    seed: Seed = DEFAULT_SEED

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        check_fields(self)
        # One of the students is always trained by kl, whatever else is configured.
        check_distilled("n_aux", self.n_aux, "kl")
        # Fewer samples than inputs leave part of the trunk without a gradient, so that the closed form is not reached;
        # and a batch is drawn without replacement.
        if self.n_samples < max(self.d_in, self.batch_size):
            most = f"d_in = {self.d_in} and batch_size = {self.batch_size}"
            raise UsageError(f"n_samples is {self.n_samples}; allowed: no fewer than {most}")
        return self

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of well under a second."""
        return cls(head_rates=(0.0, 1.0), steps=50, draws=3, members=2)


def source(_config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return "gaussian generator"
