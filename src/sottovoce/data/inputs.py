"""Distillation inputs, which teacher and student both see: the kinds in `kinds`, drawn in blocks of rows."""

from collections.abc import Callable
from math import isqrt

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Num

from sottovoce.data.facts import OF_IMAGES, OF_SQUARES
from sottovoce.data.kinds import ROWS_AT_ONCE, Row, Settings, Source
from sottovoce.errors import UsageError, not_among
from sottovoce.parts import INPUTS

Shape = tuple[int, int]
STANDARD = Settings(scale=1.0, shift=0.0, length_scale=1.0, rank=8, alpha=0.5)


def input_rows(
    kind: str,
    key: Key[Array, ""],
    shape: Shape,
    images: Num[Array, "image pixel"],
    settings: Settings = STANDARD,
    scaled: Callable[[Array], Array] = lambda pixels: pixels,
) -> Row:
    """Prepare what all inputs of a member share, and return the function that makes one input.

    The call may be traced; kind and shape are then static.

    Args:
        kind: one of `parts.INPUTS`; the module `kinds` has their formulas.
        key: the member's key for this purpose.
        shape: number and width of the inputs.
        images: the training images, one flattened per row.
        settings: parameters of the kinds.
        scaled: turns rows of `images` into the pixels that a network sees.

    Returns:
        A function of a key and a row's index. With the member's key, its rows are the member's inputs; with a key
        derived from the member's key and an epoch's number, its rows are fresh inputs with the same filter, subspace or
        permutation.

    Raises:
        UsageError: the kind is unknown, more images are asked for than exist, their width differs from the inputs', or
            the kind needs square images and the images are not square.
    """
    if kind not in INPUTS:
        raise not_among("inputs", kind, INPUTS)
    (n_sample, n_input), (n_image, n_pixel) = shape, images.shape
    # Row i is made from image i, and no image is used twice.
    if kind in OF_IMAGES and n_sample > n_image:
        raise UsageError(f"{n_sample} distillation inputs asked of {n_image} training images; ask for fewer")
    if kind in {*OF_IMAGES, "spectrum_matched"} and n_input != n_pixel:
        raise UsageError(f"distillation inputs of width {n_input} asked of images of {n_pixel} pixels")
    if kind in OF_SQUARES and isqrt(n_input) ** 2 != n_input:
        raise UsageError(f"distillation inputs of width {n_input}; inputs={kind} needs square images, 64 or 784 wide")
    made = INPUTS[kind](Source(key, n_input, images, scaled, settings))

    def row(drawn_with: Array, i: Array) -> Array:
        # The key depends on the row's index alone, so a row is the same among any number of rows.
        return settings.shift + settings.scale * made(jax.random.fold_in(drawn_with, i), i)

    return row


def distillation_inputs(
    kind: str,
    key: Key[Array, ""],
    shape: Shape,
    images: Num[Array, "image pixel"],
    settings: Settings = STANDARD,
    scaled: Callable[[Array], Array] = lambda pixels: pixels,
) -> Float[Array, "sample input"]:
    """Draw a member's distillation inputs once for all epochs; arguments and errors are those of `input_rows`.

    The inputs are float32 for the drawn kinds and as given for images.
    """
    row = input_rows(kind, key, shape, images, settings, scaled)
    # Block by block, because all rows at once would need a multiple of the result's memory.
    return jax.lax.map(lambda i: row(key, i), jnp.arange(shape[0]), batch_size=ROWS_AT_ONCE)
