"""The kinds of distillation inputs: one function with its formula for each kind.

A kind is a function `Source -> Row` under the kind's name (`parts.INPUTS`). The function prepares what all rows of a
member share (a filter, a subspace, a permutation) once, and returns the function that makes one row from the row's own
key and index. Row i therefore does not depend on the number of rows, and no more than a block of rows is in memory
besides the result. Noise has a variance of 1/3 per pixel, the variance of the uniform noise of Cloud et al. 2025
(figure 10), unless its formula says otherwise.
"""

from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, Num

Row = Callable[[Key[Array, ""], Int[Array, ""]], Float[Array, " input"]]
ROWS_AT_ONCE = 1_000

_VARIANCE = 1 / 3
_STRUCTURE = 2**32 - 1
"""The number folded into the key of what all rows share: an index that no row and no epoch has."""


class Settings(NamedTuple):
    """Parameters of the kinds; all may be traced, so that a sweep over one compiles once."""

    scale: float | Float[Array, ""]  # by which every input is multiplied
    shift: float | Float[Array, ""]  # that is then added
    length_scale: float | Float[Array, ""]  # standard deviation, in pixels, of the Gaussian filter of "blurred"
    rank: int | Int[Array, ""]  # dimension of the subspace of "low_rank"
    alpha: float | Float[Array, ""]  # weight of the noise in "mixture"


class Source(NamedTuple):
    """What a kind may use."""

    key: Key[Array, ""]  # the member's, for this purpose
    n_pixel: int  # width of an input
    pixels: Num[Array, "image pixel"]  # the training images as stored
    scaled: Callable[[Array], Array]  # turns stored pixels into the pixels that a network sees
    settings: Settings

    def image(self, i: Int[Array, "*index"]) -> Float[Array, "*index pixel"]:
        """Return training images as a network sees them."""
        return self.scaled(self.pixels[i])

    def shared_key(self) -> Key[Array, ""]:
        """Return the key of what all rows share."""
        return jax.random.fold_in(self.key, _STRUCTURE)

    def side(self) -> int:
        """Return the number of rows (and columns) of an image; `inputs.input_rows` refuses any but square images."""
        return isqrt(self.n_pixel)


def uniform(source: Source) -> Row:
    """`x_p ~ U[-1, 1)`, independent (the noise of Cloud et al. 2025, figure 10)."""
    return lambda key, _i: jax.random.uniform(key, (source.n_pixel,), minval=-1.0, maxval=1.0)


def normal(source: Source) -> Row:
    """`x_p ~ N(0, 1)`, independent."""
    return lambda key, _i: jax.random.normal(key, (source.n_pixel,))


def images(source: Source) -> Row:
    """`x = image_i`, the first training images."""
    return lambda _key, i: source.image(i)


def permuted_images(source: Source) -> Row:
    """`x = image_i[pi]` with one permutation pi of the pixels for all images of a member.

    All statistics of the images except the positions of the pixels are kept, such as the eigenvalues of their
    covariance.
    """
    permutation = jax.random.permutation(source.shared_key(), source.n_pixel)
    return lambda _key, i: source.image(i)[permutation]


def shuffled_images(source: Source) -> Row:
    """`x = image_i[pi_i]` with a permutation of its own for every row: only each image's histogram is kept."""
    return lambda key, i: jax.random.permutation(key, source.image(i))


def blurred(source: Source) -> Row:
    """`x = K u K^T` for an image u of uniform noise, `K_ab = exp(-(a - b)^2 / (2 l^2))`, rows of K of norm one.

    The variance is 1/3 at every pixel, including the borders; away from them, pixels at distance t have the correlation
    `exp(-t^2 / (4 l^2))`. For l to 0 this is uniform noise; for large l every image is a uniform gray.
    """
    side = source.side()
    place = jnp.arange(side)
    # The filter is separable: two products with this matrix replace one with a matrix between all pixels.
    kernel = jnp.exp(-0.5 * ((place[:, None] - place) / source.settings.length_scale) ** 2)
    kernel /= jnp.linalg.norm(kernel, axis=1, keepdims=True)
    noise = uniform(source)
    return lambda key, i: _product(_product(kernel, noise(key, i).reshape(side, side)), kernel.T).ravel()


def spectrum_matched(source: Source) -> Row:
    """`x = m + F^-1(sqrt(S) F w)`, w standard normal: the mean training image m plus noise of the images' spectrum.

    F is the two-dimensional discrete Fourier transform and `S = E |F (image - m)|^2 / n_pixel` the power spectrum of
    the training images about their mean, which the noise has on average. It is Gaussian, stationary and periodic.
    """
    side = source.side()
    mean, power = _mean_and_power(source)
    amplitude = jnp.sqrt(power)

    def row(key: Array, _i: Array) -> Array:
        white = jax.random.normal(key, (side, side))
        noise = jnp.fft.irfft2(amplitude * jnp.fft.rfft2(white), s=(side, side))
        return mean + noise.ravel()

    return row


def _mean_and_power(source: Source) -> tuple[Float[Array, " pixel"], Float[Array, "row frequency"]]:
    """Return the training images' mean and their power spectrum about it, block by block."""
    side, n_image = source.side(), source.pixels.shape[0]
    n_block = -(-n_image // ROWS_AT_ONCE)
    blocks = jnp.arange(n_block * ROWS_AT_ONCE).reshape(n_block, ROWS_AT_ONCE)

    def over_images(function: Callable[[Array], Array]) -> Array:
        def block(rows: Array) -> Array:
            # The last block repeats the last image up to its full size, with weight zero.
            values = function(source.image(jnp.minimum(rows, n_image - 1)))
            return jnp.einsum("i...,i->...", values, rows < n_image, precision=jax.lax.Precision.HIGHEST)

        return jnp.sum(jax.lax.map(block, blocks), axis=0) / n_image

    def squared(images: Array) -> Array:
        return jnp.abs(jnp.fft.rfft2((images - mean).reshape(-1, side, side))) ** 2

    mean = over_images(lambda images: images)
    return mean, over_images(squared) / source.n_pixel


def low_rank(source: Source) -> Row:
    """`x = sqrt(n_pixel / (3 r)) Q z`, z ~ N(0, I_r), Q the first r columns of the member's random orthogonal matrix.

    Inputs lie in one subspace of dimension r, drawn once for a member, and have a total variance of n_pixel / 3. The
    subspaces for different r are nested.
    """
    rank, n_pixel = source.settings.rank, source.n_pixel
    # The whole matrix is drawn whatever the rank, so that the subspaces of different ranks are nested.
    basis, _ = jnp.linalg.qr(jax.random.normal(source.shared_key(), (n_pixel, n_pixel)))
    # The rank is a mask instead of a shape, because it may be traced.
    weights = jnp.where(jnp.arange(n_pixel) < rank, jnp.sqrt(_VARIANCE * n_pixel / rank), 0.0)
    return lambda key, _i: _product(basis, weights * jax.random.normal(key, (n_pixel,)))


def mixture(source: Source) -> Row:
    """`x = image_i + alpha u` with uniform noise u; the images themselves for alpha = 0."""
    noise = uniform(source)
    return lambda key, i: source.image(i) + source.settings.alpha * noise(key, i)


def constant(source: Source) -> Row:
    """`x_p = 1`: every input is the same gray, `scale + shift`."""
    return lambda _key, _i: jnp.ones((source.n_pixel,))


def _product(left: Array, right: Array) -> Array:
    # Accelerators otherwise multiply float32 matrices with fewer bits, and inputs would differ between devices.
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)
