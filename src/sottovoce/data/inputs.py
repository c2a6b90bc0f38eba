"""What teacher and student see in distillation, by kind.

A kind is one function ``(key, shape, images) -> inputs``, written under its name in the table below.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from sottovoce.errors import UsageError, not_among

Shape = tuple[int, int]
ROWS_AT_ONCE = 1_000


def _by_row(draw: Callable[[Key[Array, ""]], Array], key: Key[Array, ""], n_sample: int) -> Array:
    # Row i has its own key: it does not depend on how many there are, and only a block's random bits are in memory.
    return jax.lax.map(lambda i: draw(jax.random.fold_in(key, i)), jnp.arange(n_sample), batch_size=ROWS_AT_ONCE)


def _uniform(key: Key[Array, ""], shape: Shape, _images: Array) -> Array:
    return _by_row(lambda k: jax.random.uniform(k, shape[1:], minval=-1.0, maxval=1.0), key, shape[0])


def _normal(key: Key[Array, ""], shape: Shape, _images: Array) -> Array:
    return _by_row(lambda k: jax.random.normal(k, shape[1:]), key, shape[0])


def _first_images(_key: Key[Array, ""], shape: Shape, images: Array) -> Array:
    n_sample, n_input = shape
    n_image, n_pixel = images.shape
    if n_sample > n_image:
        raise UsageError(f"{n_sample} distillation inputs asked of {n_image} training images; ask for fewer")
    if n_input != n_pixel:
        raise UsageError(f"distillation inputs of width {n_input} asked of images of {n_pixel} pixels")
    return images[:n_sample]


_BY_KIND: Mapping[str, Callable[[Key[Array, ""], Shape, Array], Array]] = MappingProxyType(
    {"uniform": _uniform, "normal": _normal, "images": _first_images}
)

KINDS = tuple(_BY_KIND)


def distillation_inputs(
    kind: str, key: Key[Array, ""], shape: Shape, images: Float[Array, "image pixel"]
) -> Float[Array, "sample input"]:
    """Draw a member's distillation inputs, once for all its epochs.

    May be traced; kind and shape are then static.

    Args:
        kind: "uniform" (independent on [-1, 1), the noise of Cloud et al. 2025, figure 10), "normal"
            (independent standard normal) or "images" (the first training images; the key is not used).
        key: the member's key for this purpose.
        shape: how many inputs, and how wide.
        images: the training images, pixels already scaled.

    Returns:
        The inputs, float32 for the drawn kinds and as given for images.

    Raises:
        UsageError: when the kind is unknown, or more or wider images are asked for than there are.
    """
    _check(kind)
    return _BY_KIND[kind](key, shape, images)


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise not_among("inputs", kind, KINDS)
