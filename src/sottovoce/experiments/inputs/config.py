"""Inputs: what do the kinds of distillation inputs look like, and how do they vary?

Question: what mean, standard deviation and principal components does each kind of input have, compared with the images
    that the teacher is trained on?
Setting: the inputs that `transfer` would draw for the same dataset, seed, member and parameters; nothing is trained.
Expected: noise and images differ in the number of directions that hold their variance. White noise spreads it evenly,
    noise of rank r holds all of it in r components, and images and noise with the spectrum of images lie between.
Runtime: seconds on digits and about a minute on MNIST, most of it for singular values.
"""

from dataclasses import dataclass, replace
from typing import Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.config import DATASETS, LARGEST_SEED, PIXEL_RANGES
from sottovoce.experiments.protocol.inputs import (
    CLASSES,
    INPUTS,
    OF_IMAGES,
    PIXELS,
    USED_BY,
    check_inputs,
    check_parameters,
    training_images,
)

N_INPUTS = 2_000
"""Number of inputs of each kind, unless the configuration sets another or a dataset has fewer training images."""

FROM_IMAGES = OF_IMAGES
"""The kinds that are made of training images."""

PARAMETERS = {kind: parameter for parameter, kind in USED_BY.items()}
"""By kind, the field that this kind alone uses."""

EXAMPLES = 6

COMPONENTS = 10


@dataclass(frozen=True)
class Config:
    """Fields of the gallery.

    Attributes:
        dataset: mnist, fashion-mnist, digits, or auto (mnist where its files are at hand, else digits).
        kinds: kinds of distillation inputs to draw.
        members: replicates, each with its own inputs.
        seed: the one integer from which all random numbers follow.
        n_inputs: number of inputs of each kind; unset: 2000, or the number of training images if that is smaller.
        pixels: range of the images' pixels, symmetric [-1, 1] or unit [0, 1].
        inputs_scale: factor by which every input is multiplied.
        inputs_shift: number that is added to every input after scaling.
        inputs_length_scale: standard deviation, in pixels, of the Gaussian kernel of blurred noise.
        inputs_rank: dimension of the subspace that low_rank noise of a member lies in.
        inputs_alpha: weight of the uniform noise in a mixture.
    """

    dataset: str = "auto"
    kinds: tuple[str, ...] = INPUTS
    members: int = 4
    seed: int = 0
    n_inputs: int | None = None
    pixels: str = "symmetric"
    inputs_scale: float = 1.0
    inputs_shift: float = 0.0
    inputs_length_scale: float = 1.0
    inputs_rank: int = 8
    inputs_alpha: float = 0.5

    def resolve(self) -> Self:
        """Return the configuration with the dataset chosen and the number of inputs filled in.

        Raises:
            UsageError: a field has a value that is not allowed.
        """
        # Imported here because `--help` loads this module, and must not wait for array libraries.
        from sottovoce.data import choose_dataset

        config = replace(self, dataset=choose_dataset(self.dataset))
        if config.dataset not in DATASETS:
            raise not_among("dataset", config.dataset, (*DATASETS, "auto"))
        n_image = training_images(config.dataset, CLASSES)
        if config.n_inputs is None:
            config = replace(config, n_inputs=min(N_INPUTS, n_image))
        config._check(n_image)
        return config

    def _check(self, n_image: int) -> None:
        assert self.n_inputs is not None
        # Fewer inputs than the figure shows would leave its strips of different lengths.
        for name, least in (("members", 1), ("n_inputs", EXAMPLES), ("seed", 0)):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)!r}; allowed: {least} or more, a whole number")
        if self.seed > LARGEST_SEED:
            raise UsageError(f"seed is {self.seed!r}; allowed: 0 to {LARGEST_SEED}")
        if self.pixels not in PIXEL_RANGES:
            raise not_among("pixels", self.pixels, PIXEL_RANGES)
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise UsageError(f"kinds is {self.kinds!r}; allowed: one kind or more, none twice")
        for kind in self.kinds:
            check_inputs(kind, self.n_inputs, fresh=False, n_image=n_image)
        check_parameters(self, self.kinds, PIXELS[self.dataset])

    def member_bytes(self) -> int:
        """Return the approximate bytes that a member of the resolved configuration needs at once."""
        assert self.n_inputs is not None
        # One kind is drawn at a time; its float32 pixels count twice, as drawn and as copied for measuring.
        return 8 * self.n_inputs * PIXELS[self.dataset]

    def member_work(self) -> tuple[float, int]:
        """Return the operations and the steps of a member's training, both zero because nothing is trained."""
        return 0.0, 0

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration with one noise, one image kind and one low rank, which runs in seconds."""
        return cls(dataset="digits", kinds=("uniform", "images", "low_rank"), members=2, n_inputs=50)
