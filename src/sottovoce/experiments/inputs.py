"""Inputs: what do the kinds of distillation inputs look like, and how do they vary?

Question: what mean, spread and principal components does each kind have, beside the images that the teacher saw?
Setting: the inputs that `transfer` would draw for the same dataset, seed, member and parameters; nothing is trained.
Expected: noise and images differ in how many directions hold their variance: white noise spreads it evenly, a low rank
    r holds all of it in r components, images and noise of their spectrum lie between.
Runtime: seconds on digits, about a minute on MNIST, most of it for singular values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.input_config import CLASSES, INPUTS, PIXELS, check_inputs, check_parameters, training_images
from sottovoce.experiments.protocol_config import DATASETS, LARGEST_SEED, PIXEL_RANGES

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

VERSION = 1
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


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Draw the given members' inputs of every kind and measure them.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member and kind, over all inputs and pixels: `mean`, `sd`, `lowest` and `highest`; `share`, the share of the
        inputs' variance about their mean that the first 10 principal components hold (of these samples; 0 where
        nothing varies); `example`, the first inputs by example, row and column.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np
    import xarray as xr

    from sottovoce.data.datasets import load_dataset
    from sottovoce.data.inputs import distillation_inputs
    from sottovoce.experiments._protocol import input_settings
    from sottovoce.streams import Stream, member_key

    assert config.n_inputs is not None
    images = load_dataset(config.dataset, pixel_range=PIXEL_RANGES[config.pixels])
    pixels, settings = jnp.asarray(images.train_images), input_settings(config)
    shape = (config.n_inputs, pixels.shape[1])
    draw = jax.jit(distillation_inputs, static_argnums=(0, 2))
    keys = [member_key(config.seed, Stream.DISTILLATION_INPUTS, member) for member in members]
    parts = [
        [_measured(np.asarray(draw(kind, key, shape, pixels, settings)), images.image_shape) for kind in config.kinds]
        for key in keys
    ]
    dims = {"example": ("member", "kind", "example_index", "row", "column")}
    return xr.Dataset(
        {
            name: (dims.get(name, ("member", "kind")), np.array([[part[name] for part in row] for row in parts]))
            for name in parts[0][0]
        },
        coords={"member": list(members), "kind": list(config.kinds)},
    )


def _measured(inputs: "np.ndarray", image_shape: tuple[int, int]) -> "dict[str, np.ndarray | float]":
    """Return one kind's variables for one member, without these axes."""
    import numpy as np

    from sottovoce.measure import spectra

    x = inputs.astype(np.float64)
    varies = bool(np.ptp(x, axis=0).any())
    return {
        "mean": x.mean(),
        "sd": x.std(),
        "lowest": x.min(),
        "highest": x.max(),
        "share": spectra.explained_variance_ratio(x.T)[:COMPONENTS].sum() if varies else 0.0,
        "example": inputs[:EXAMPLES].reshape(-1, *image_shape),
    }
