"""Simulation of `inputs`: draw distillation inputs of every kind and measure them; nothing is trained."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from sottovoce.data.datasets import load_dataset
from sottovoce.data.inputs import distillation_inputs
from sottovoce.experiments.inputs.config import COMPONENTS, EXAMPLES, Resolved
from sottovoce.experiments.protocol.inputs import PIXEL_RANGES
from sottovoce.experiments.protocol.program import input_settings
from sottovoce.measure import spectra
from sottovoce.streams import Stream, member_key


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Draw the given members' inputs of every kind and measure them.

    Args:
        config: a resolved configuration.
        members: the members' indices.

    Returns:
        By member and kind: `mean`, `sd`, `lowest` and `highest` over all inputs and pixels, in the inputs' unit;
        `share`, the share of the inputs' variance about their mean in the first 10 principal components of this sample
        (0 where nothing varies); `example`, the first inputs, by example_index, row and column.
    """
    images = load_dataset(config.dataset, pixel_range=PIXEL_RANGES[config.pixels])
    pixels, settings = jnp.asarray(images.train_images), input_settings(config)
    shape = (config.n_inputs, pixels.shape[1])
    draw = jax.jit(distillation_inputs, static_argnums=(0, 2))
    # The stream and the key are the students' own, so that the inputs shown are those of the same member of `transfer`.
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


def _measured(inputs: np.ndarray, image_shape: tuple[int, int]) -> dict[str, np.ndarray | float]:
    """Return the variables of one kind for one member, without axes of members and kinds."""
    # Sums over millions of pixels lose digits in float32.
    x = inputs.astype(np.float64)
    # Shares of no variance would be zero divided by zero.
    varies = bool(np.ptp(x, axis=0).any())
    return {
        "mean": x.mean(),
        "sd": x.std(),
        "lowest": x.min(),
        "highest": x.max(),
        # Transposed, because the function centers over the last axis, and the variance is about the mean over inputs.
        "share": spectra.explained_variance_ratio(x.T)[:COMPONENTS].sum() if varies else 0.0,
        "example": inputs[:EXAMPLES].reshape(-1, *image_shape),
    }
