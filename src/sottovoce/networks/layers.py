"""Layers that map rows to rows: affine maps, and convolutions as affine maps of the patches of an image."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from sottovoce.networks.shapes import KERNEL, STRIDE
from sottovoce.parts import PRECISIONS


class Linear(eqx.Module):
    """An affine map `x @ weight + bias`."""

    weight: Float[Array, "input output"]
    bias: Float[Array, " output"]

    def __call__(self, x: Float[Array, "sample input"], precision: str = "float32") -> Float[Array, "sample output"]:
        """Apply the map to a batch of rows; the precision is that of the product's operands.

        "float32" is full precision, also on accelerators that round operands by default; "tensorfloat32" permits this
        rounding (a CPU does not round); "bfloat16" rounds on every device. Sums are computed in float32.
        """
        return PRECISIONS[precision](x, self.weight) + self.bias


class Convolution(eqx.Module):
    """A 3 x 3 convolution of square images at stride 2, zero-padded so that it halves the side and rounds it up.

    The weights act on patches: the rows of `weight` run over kernel row, kernel column and input channel, with the
    channel fastest. On a CPU a product with patches takes a fortieth of the time of a compiled convolution
    (docs/decisions/0008-convolutions.md).
    """

    weight: Float[Array, "patch channel"]
    bias: Float[Array, " channel"]

    def __call__(self, x: Float[Array, "sample input"], precision: str = "float32") -> Float[Array, "sample output"]:
        """Convolve images, which are flattened with channels last before and after; precision is that of `Linear`."""
        rows = _patches(x, self.weight.shape[0] // KERNEL**2)
        y = PRECISIONS[precision](rows.reshape(-1, rows.shape[-1]), self.weight) + self.bias
        return y.reshape(x.shape[0], -1)


def _patches(x: Float[Array, "sample input"], n_channels: int) -> Float[Array, "sample row column patch"]:
    """Return the inputs under the kernel for every position of the output, channels fastest."""
    side = math.isqrt(x.shape[1] // n_channels)
    n_out = -(-side // STRIDE)
    padding = max((n_out - 1) * STRIDE + KERNEL - side, 0)
    # Symmetric up to an odd row and column, which are added at the end.
    around = (padding // 2, padding - padding // 2)
    padded = jnp.pad(x.reshape(-1, side, side, n_channels), ((0, 0), around, around, (0, 0)))
    starts = [slice(i, i + (n_out - 1) * STRIDE + 1, STRIDE) for i in range(KERNEL)]
    return jnp.concatenate([padded[:, rows, columns] for rows in starts for columns in starts], axis=-1)
