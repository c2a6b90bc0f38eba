"""Layers that map rows to rows: affine maps, and convolutions as affine maps of an image's patches."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from sottovoce.networks.products import PRODUCTS
from sottovoce.networks.shapes import KERNEL, STRIDE

PRECISIONS = tuple(PRODUCTS)


class Linear(eqx.Module):
    """An affine map `x @ weight + bias`."""

    weight: Float[Array, "input output"]
    bias: Float[Array, " output"]

    def __call__(self, x: Float[Array, "sample input"], precision: str = "float32") -> Float[Array, "sample output"]:
        """Apply the map to a batch of rows.

        Args:
            x: the rows.
            precision: of the product's operands: "float32" in full, also where an accelerator would round them by
                itself; "tensorfloat32" lets an accelerator round them (a CPU does not); "bfloat16" rounds them
                everywhere. Sums are float32.
        """
        return PRODUCTS[precision](x, self.weight) + self.bias


class Convolution(eqx.Module):
    """A convolution of square images, 3 x 3 at stride 2, padded with zeros so that the side is halved, rounded up.

    The weights act on patches: row 3 c (row, column) + channel of `weight` belongs to that place of the kernel and that
    one of the c input channels. A product of patches takes a CPU a fortieth of a compiled convolution's time
    (docs/decisions/0008-convolutions.md).
    """

    weight: Float[Array, "patch channel"]
    bias: Float[Array, " channel"]

    def __call__(self, x: Float[Array, "sample input"], precision: str = "float32") -> Float[Array, "sample output"]:
        """Convolve a batch of images.

        Args:
            x: flattened images, channels last.
            precision: of the product's operands, as for `Linear`.

        Returns:
            The convolved images, flattened in the same way.
        """
        rows = patches(x, self.weight.shape[0] // KERNEL**2)
        y = PRODUCTS[precision](rows.reshape(-1, rows.shape[-1]), self.weight) + self.bias
        return y.reshape(x.shape[0], -1)


def patches(x: Float[Array, "sample input"], n_channels: int) -> Float[Array, "sample row column patch"]:
    """Return what the kernel sees at every position of its output.

    Args:
        x: flattened square images, channels last.
        n_channels: their channels.

    Returns:
        For each row and column of the output the 3 x 3 x n_channels numbers of its patch, channels fastest. Padding is
        as even as it can be, the odd row and column at the end.
    """
    side = math.isqrt(x.shape[1] // n_channels)
    n_out = -(-side // STRIDE)
    padding = max((n_out - 1) * STRIDE + KERNEL - side, 0)
    around = (padding // 2, padding - padding // 2)
    padded = jnp.pad(x.reshape(-1, side, side, n_channels), ((0, 0), around, around, (0, 0)))
    starts = [slice(i, i + (n_out - 1) * STRIDE + 1, STRIDE) for i in range(KERNEL)]
    return jnp.concatenate([padded[:, rows, columns] for rows in starts for columns in starts], axis=-1)
