"""Inputs: what do the kinds of distillation inputs look like, and how do they vary?

Question: what mean, spread and principal components does each kind have, beside the images that the teacher saw?
Setting: the inputs that `transfer` would draw for the same dataset, seed, member and parameters; nothing is trained.
Expected: noise and images differ in how many directions hold their variance: white noise spreads it evenly, a low rank
    r holds all of it in r components, images and noise of their spectrum lie between.
Runtime: seconds on digits, about a minute on MNIST, most of it for singular values.
"""

from dataclasses import dataclass, replace
from typing import Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.config import DATASETS, LARGEST_SEED, PIXEL_RANGES
from sottovoce.experiments.protocol.inputs import (
    CLASSES,
    INPUTS,
    PIXELS,
    check_inputs,
    check_parameters,
    training_images,
)

N_INPUTS = 2_000

EXAMPLES = 6

COMPONENTS = 10


@dataclass(frozen=True)
class Config:
    """Fields of the gallery.

    Attributes:
        dataset: mnist, fashion-mnist, digits, or auto (mnist where its files are at hand, else digits).
        kinds: kinds of distillation inputs.
        members: replicates, each with its own inputs.
        seed: the one integer behind every random number.
        n_inputs: inputs of each kind; unset: 2000, or as many as there are training images.
        pixels: scale of the images, symmetric [-1, 1] or unit [0, 1].
        inputs_scale: inputs are multiplied by this,
        inputs_shift: then this is added.
        inputs_length_scale: of blurred noise, standard deviation in pixels of the Gaussian it is averaged with.
        inputs_rank: of low_rank noise, dimensions of the member's subspace that holds it.
        inputs_alpha: of a mixture, weight of the uniform noise.
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
            UsageError: a field is outside what is allowed.
        """
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
        """Return about how many bytes a member of the resolved configuration takes: one kind's inputs, drawn twice."""
        assert self.n_inputs is not None
        return 8 * self.n_inputs * PIXELS[self.dataset]

    def member_work(self) -> tuple[float, int]:
        """Return operations and steps of a member's training: none."""
        return 0.0, 0

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(dataset="digits", kinds=("uniform", "images", "low_rank"), members=2, n_inputs=50)
