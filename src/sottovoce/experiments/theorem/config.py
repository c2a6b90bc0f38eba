"""Theorem 1: does one step toward a teacher carry a student along the teacher's own step?

Question: is the inner product of the student's first step with the teacher's step non-negative, does it equal the
    theorem's quadratic form to leading order, and does the student's step lower the teacher's own loss by as much as
    this form predicts?
Setting: Cloud et al. 2025 (arXiv 2507.14805), Theorem 1. The teacher takes one gradient step of some size on labeled
    images; the student takes one on the distance to the teacher's logits, under both objectives, on four subsets of
    logits and three kinds of inputs, from the teacher's own initialization or from an independent one. Float64.
Expected: from a shared initialization, the inner product is rate times size^2 times the quadratic form
    ``1/n |B^T J u|^2`` of the unit vector u along the teacher's step, and the drop in loss is the inner product times
    the norm of the teacher's gradient over size; both have a relative error of first order in the size. From another
    initialization there is no such form and the sign is free.
Runtime: seconds.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, Self

from sottovoce.data.facts import facts
from sottovoce.experiments.protocol.network import Activation, Initialization
from sottovoce.lab.checks import DEFAULT_SEED, Allowed, Count, Positive, Seed, check_fields, several, whole
from sottovoce.lab.quantities import Quantity

INPUTS = ("uniform", "normal", "images")

# The objectives for which Cloud et al. prove the theorem.
OBJECTIVES = ("kl", "mse")

SUBSETS = ("auxiliary", "class", "all", "mixed")

# Whether the student starts from the teacher's own initialization or from an independent one.
INITIALS = ("shared", "independent")


def _are_falling(sizes: Sequence[Any]) -> bool:
    return all(larger > smaller for larger, smaller in itertools.pairwise(sizes))


QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "cosine": Quantity("cosine of the student's and the teacher's step"),
        "inner_error": Quantity("relative error of the predicted inner product"),
        "drop_error": Quantity("relative error of the predicted drop in loss"),
        "sign": Quantity("sign of the inner product"),
        "size": Quantity("length of the teacher's step"),
        "n_aux": Quantity("number of auxiliary logits"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config:
    """Fields of the theorem.

    Attributes:
        dataset: mnist, fashion-mnist, digits, or auto (mnist where its files are at hand, else digits).
        members: replicates, each with its own networks and inputs.
        seed: the one integer behind every random number.
        n_images: labeled images of the teacher's step.
        n_inputs: distillation inputs of each kind.
        n_aux: auxiliary logits; the subset "mixed" is one auxiliary logit with one class logit.
        width: units of each hidden layer.
        depth: hidden layers.
        activations: any of relu, gelu, tanh and linear, with one set of networks for each.
        initialization: normal or uniform.
        sizes: Euclidean lengths of the teacher's step in parameter space, falling; the order of the error is measured
            over them.
        rate: the student's learning rate.
    """

    dataset: str = "auto"
    members: Count = 16
    seed: Seed = DEFAULT_SEED
    n_images: int = 512
    n_inputs: int = 512
    # Under kl a single logit has no gradient (docs/theory.md, section 3), and one subset is the auxiliary logits alone.
    n_aux: Annotated[int, whole(2)] = 3
    width: Count = 64
    depth: Count = 2
    activations: Annotated[tuple[Activation, ...], several()] = ("relu", "tanh")
    initialization: Initialization = "normal"
    # The order of an error needs two sizes, and the sign is measured at the last, which has to be the smallest.
    sizes: Annotated[
        tuple[Positive, ...],
        Allowed("two or more positive numbers, falling", lambda sizes: len(sizes) > 1 and _are_falling(sizes)),
    ] = (0.1, 0.03, 0.01, 0.003)
    rate: Positive = 1e-2

    def resolve(self) -> Self:
        """Return the configuration with the dataset chosen, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        # Imported here, because the help of the command line imports configurations and may load no array library.
        from sottovoce.data import choose_dataset

        check_fields(self)
        config = replace(self, dataset=choose_dataset(self.dataset))
        n_train = sum(facts(config.dataset).class_sizes)
        for name in ("n_images", "n_inputs"):
            whole(1, n_train).check(name, getattr(config, name))
        return config

    def member_bytes(self) -> int:
        """Return about how many bytes a member takes in float64: images, inputs and the products with Jacobians."""
        n_pixels = facts(self.dataset).n_pixel
        parameters = self.width * (n_pixels + (self.depth - 1) * self.width)
        steps = len(SUBSETS) * len(self.sizes)
        activations = self.n_inputs * self.depth * self.width
        samples = (self.n_images + len(INPUTS) * self.n_inputs) * n_pixels
        return 8 * (samples + 3 * steps * (parameters + activations))

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(
            dataset="digits", members=2, n_images=64, n_inputs=32, width=8, activations=("tanh",), sizes=(0.01, 0.001)
        )
