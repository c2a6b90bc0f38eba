"""Inputs: what do the kinds of distillation inputs look like, and how do they vary?

Question: what mean, standard deviation and principal components does each kind of input have, compared with the images
    that the teacher is trained on?
Setting: the inputs that `transfer` would draw for the same dataset, seed, member and parameters; nothing is trained.
Expected: noise and images differ in the number of directions that hold their variance. White noise spreads it evenly,
    noise of rank r holds all of it in r components, and images and noise with the spectrum of images lie between.
Runtime: seconds on digits and about a minute on MNIST, most of it for singular values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Self

from sottovoce.data.facts import OF_IMAGES, facts
from sottovoce.experiments.protocol.inputs import (
    USED_BY,
    InputParameters,
    Kind,
    Pixels,
)
from sottovoce.experiments.protocol.quantities import INPUT_LENGTH
from sottovoce.lab.checks import DEFAULT_SEED, Count, Seed, check_fields, given, several, whole
from sottovoce.lab.quantities import Quantity
from sottovoce.parts import INPUTS

N_INPUTS = 2_000
"""Number of inputs of each kind, unless the configuration sets another or a dataset has fewer training images."""

FROM_IMAGES = OF_IMAGES
"""The kinds that are made of training images."""

PARAMETERS = {kind: parameter for parameter, kind in USED_BY.items()}
"""By kind, the field that this kind alone uses."""

EXAMPLES = 6

COMPONENTS = 10

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "inputs_length_scale": INPUT_LENGTH,
        "mean": Quantity("mean of the inputs"),
        "sd": Quantity("standard deviation of the inputs"),
        "lowest": Quantity("lowest value of the inputs"),
        "highest": Quantity("highest value of the inputs"),
        "share": Quantity(f"share of the variance in {COMPONENTS} principal components"),
        "example": Quantity("value of the input"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config(InputParameters):
    """Fields of the gallery, besides the parameters of the inputs.

    Attributes:
        dataset: mnist, fashion-mnist, digits, auto (mnist where its files are at hand, else digits), or a .npz file
            with images and labels.
        kinds: kinds of distillation inputs to draw.
        members: replicates, each with its own inputs.
        seed: the one integer from which all random numbers follow.
        n_inputs: number of inputs of each kind; unset: 2000, or the number of training images if that is smaller.
        pixels: range of the images' pixels, symmetric [-1, 1] or unit [0, 1].
    """

    dataset: str = "auto"
    kinds: Annotated[tuple[Kind, ...], several("kind")] = INPUTS.built_in
    members: Count = 4
    seed: Seed = DEFAULT_SEED
    # Fewer inputs than the figure shows would leave its strips of different lengths.
    n_inputs: Annotated[int, whole(EXAMPLES)] | None = None
    pixels: Pixels = "symmetric"

    def resolve(self) -> "Resolved":
        """Return the configuration with the dataset chosen and the number of inputs filled in.

        Raises:
            UsageError: a field has a value that is not allowed.
        """
        # Imported here because `--help` loads this module, and must not wait for array libraries.
        from sottovoce.data import choose_dataset

        check_fields(self)
        dataset = choose_dataset(self.dataset)
        n_image = sum(facts(dataset).class_sizes)
        config = Resolved(**{"n_inputs": min(N_INPUTS, n_image), **given(self), "dataset": dataset})
        config.check_inputs(dataset, config.kinds, config.n_inputs, n_image)
        return config

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration with one noise, one image kind and one low rank, which runs in seconds."""
        return cls(dataset="digits", kinds=("uniform", "images", "low_rank"), members=2, n_inputs=50)


class Resolved(Config):
    """A configuration of which every field is set."""

    n_inputs: int

    def member_bytes(self) -> int:
        """Return the approximate bytes that a member needs at once."""
        # One kind is drawn at a time; its float32 pixels count twice, as drawn and as copied for measuring.
        return 8 * self.n_inputs * facts(self.dataset).n_pixel

    def member_work(self) -> tuple[float, int]:
        """Return the operations and the steps of a member's training, both zero because nothing is trained."""
        return 0.0, 0
