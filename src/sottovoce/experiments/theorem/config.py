"""Theorem 1: does one step toward a teacher carry a student along the teacher's own step?

Question: is the inner product of the student's first step with the teacher's step non-negative, does it equal the
    theorem's quadratic form to leading order, and does the student's step lower the teacher's own loss by as much as
    this form predicts?
Setting: Cloud et al. 2025 (arXiv 2507.14805), Theorem 1. The teacher takes one gradient step of some size on labeled
    images; the student takes one on the distance to the teacher's logits, under both objectives, on four subsets of
    logits and three kinds of inputs, from the teacher's own initialization or from another member's. Float64.
Expected: from a shared initialization, the inner product is rate times size^2 times the quadratic form
    ``1/n |B^T J u|^2`` of the unit vector u along the teacher's step, and the drop in loss is the inner product times
    the norm of the teacher's gradient over size; both have a relative error of first order in the size. From another
    initialization there is no such form and the sign is free.
Runtime: seconds.
"""

from dataclasses import dataclass, replace
from typing import Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.config import DATASETS, LARGEST_SEED
from sottovoce.experiments.protocol.inputs import CLASSES, PIXELS, training_images
from sottovoce.experiments.protocol.network import ACTIVATIONS, INITIALIZATIONS

INPUTS = ("uniform", "normal", "images")

# The objectives for which Cloud et al. prove the theorem.
OBJECTIVES = ("kl", "mse")

SUBSETS = ("auxiliary", "class", "all", "mixed")

# Whether the student starts from the teacher's own initialization or from another member's.
INITIALS = ("shared", "independent")


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
    members: int = 16
    seed: int = 0
    n_images: int = 512
    n_inputs: int = 512
    n_aux: int = 3
    width: int = 64
    depth: int = 2
    activations: tuple[str, ...] = ("relu", "tanh")
    initialization: str = "normal"
    sizes: tuple[float, ...] = (0.1, 0.03, 0.01, 0.003)
    rate: float = 1e-2

    def resolve(self) -> Self:
        """Return the configuration with the dataset chosen, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        from sottovoce.data import choose_dataset

        config = replace(self, dataset=choose_dataset(self.dataset))
        config._check()
        return config

    def _check(self) -> None:
        choices = [("dataset", self.dataset, DATASETS), ("initialization", self.initialization, INITIALIZATIONS)]
        choices += [("activations", activation, ACTIVATIONS) for activation in self.activations]
        for name, value, allowed in choices:
            if value not in allowed:
                raise not_among(name, value, allowed)
        if not self.activations or len(set(self.activations)) < len(self.activations):
            raise UsageError(f"activations is {self.activations!r}; allowed: one or more, none twice")
        least = {"members": 1, "n_images": 1, "n_inputs": 1, "n_aux": 2, "width": 1, "depth": 1, "seed": 0}
        most = dict.fromkeys(("n_images", "n_inputs"), training_images(self.dataset, CLASSES)) | {"seed": LARGEST_SEED}
        for name, lowest in least.items():
            value, highest = getattr(self, name), most.get(name, float("inf"))
            if not isinstance(value, int) or not lowest <= value <= highest:
                limit = f" to {highest}" if name in most else " or more"
                raise UsageError(f"{name} is {value!r}; allowed: {lowest}{limit}, a whole number")
        # The order of an error needs two sizes, and the sign is measured at the last, which has to be the smallest.
        if len(self.sizes) < 2 or min(self.sizes) <= 0 or sorted(set(self.sizes), reverse=True) != list(self.sizes):
            raise UsageError(f"sizes is {self.sizes!r}; allowed: two or more positive numbers, falling")
        if not 0 < self.rate < float("inf"):
            raise UsageError(f"rate is {self.rate!r}; allowed: a positive number")

    def member_bytes(self) -> int:
        """Return about how many bytes a member takes in float64: images, inputs and the products with Jacobians."""
        n_pixels = PIXELS[self.dataset]
        parameters = self.width * (n_pixels + (self.depth - 1) * self.width)
        steps = len(SUBSETS) * len(self.sizes)
        activations = self.n_inputs * self.depth * self.width
        samples = (self.n_images + len(INPUTS) * self.n_inputs) * n_pixels
        return 8 * (samples + 3 * steps * (parameters + activations))

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(
            dataset="digits", members=2, n_images=64, n_inputs=32, width=8, activations=("tanh",), sizes=(0.1, 0.01)
        )
