"""Layers against NumPy: precisions, and convolutions against the dense matrices that they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.networks.layers import Convolution, Linear


def as_matrix(kernel, side):
    """Return the dense matrix of a 3 x 3 convolution at stride 2, entry by entry, and the side of its output.

    The definition of SAME padding: (n_out - 1) 2 + 3 - n zeros in all, the smaller half of them in front.
    """
    _, _, n_in, n_out = kernel.shape
    after = (side + 1) // 2
    front = max(2 * (after - 1) + 3 - side, 0) // 2
    matrix = np.zeros((side, side, n_in, after, after, n_out))
    for row in range(after):
        for column in range(after):
            for i in range(3):
                for j in range(3):
                    y, x = 2 * row + i - front, 2 * column + j - front
                    if 0 <= y < side and 0 <= x < side:
                        matrix[y, x, :, row, column, :] += kernel[i, j]
    return matrix.reshape(side * side * n_in, after * after * n_out), after


def draw(side, n_in, n_out):
    rng = np.random.default_rng(side)
    kernel, bias = rng.standard_normal((3, 3, n_in, n_out)), rng.standard_normal(n_out)
    x = rng.standard_normal((5, side * side * n_in))
    return kernel, bias, x, Convolution(jnp.float32(kernel.reshape(9 * n_in, n_out)), jnp.float32(bias))


@pytest.mark.parametrize(("side", "n_in", "n_out"), [(8, 1, 3), (7, 2, 3), (4, 3, 1), (2, 2, 2), (1, 4, 2)])
def test_a_convolution_is_its_dense_matrix(side, n_in, n_out):
    kernel, bias, x, convolution = draw(side, n_in, n_out)
    matrix, after = as_matrix(kernel, side)
    expected = x @ matrix + np.tile(bias, after * after)
    # Sums of at most 27 products of numbers up to 4, each rounded to 6e-8 of itself.
    np.testing.assert_allclose(convolution(jnp.float32(x)), expected, atol=27 * 16 * 6e-8)


@pytest.mark.parametrize(("side", "n_in"), [(28, 1), (14, 4), (7, 3)])
def test_a_convolution_is_the_librarys(side, n_in):
    kernel, bias, x, convolution = draw(side, n_in, 5)
    images = jnp.float32(x).reshape(-1, side, side, n_in)
    theirs = jax.lax.conv_general_dilated(
        images, jnp.float32(kernel), (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    ours = convolution(jnp.float32(x))
    np.testing.assert_allclose(ours, theirs.reshape(len(x), -1) + jnp.tile(bias, theirs[0, ..., 0].size), atol=5e-5)


def test_what_moves_by_two_pixels_moves_by_one_after_a_convolution():
    _, _, _, convolution = draw(12, 1, 3)
    image = np.zeros((1, 12, 12), np.float32)
    image[0, 3:7, 2:6] = np.random.default_rng(0).standard_normal((4, 4))
    before, after = (
        np.asarray(convolution(jnp.asarray(x.reshape(1, -1)))).reshape(6, 6, 3)
        for x in (image, np.roll(image, (4, 2), axis=(1, 2)))
    )
    # Nothing of the pattern touches the border in either place; sums in the same order.
    np.testing.assert_allclose(after[2:, 1:], before[:-2, :-1], atol=1e-6)
    assert np.ptp(before) > 1


def test_the_gradient_of_a_convolution_is_that_of_its_dense_matrix():
    kernel, _, x, convolution = draw(7, 2, 3)
    weights = np.random.default_rng(1).standard_normal((5, 16 * 3))

    def loss(layer, inputs):
        return jnp.sum(layer(inputs) * jnp.float32(weights))

    by_layer, by_input = jax.grad(loss, argnums=(0, 1))(convolution, jnp.float32(x))
    # Sums of at most 27 and, over 5 samples and 16 positions, 80 products of numbers up to 4.
    np.testing.assert_allclose(by_input, weights @ as_matrix(kernel, 7)[0].T, atol=27 * 16 * 6e-8)
    unit = np.zeros_like(kernel)
    expected = np.empty(kernel.size)
    for entry in range(kernel.size):
        unit.flat[entry] = 1
        expected[entry] = np.sum(x @ as_matrix(unit, 7)[0] * weights)
        unit.flat[entry] = 0
    np.testing.assert_allclose(np.ravel(by_layer.weight), expected, atol=80 * 16 * 6e-8)
    np.testing.assert_allclose(by_layer.bias, weights.reshape(-1, 3).sum(axis=0), atol=80 * 4 * 6e-8)


def test_bfloat16_rounds_the_operands_and_nothing_else():
    rng = np.random.default_rng(1)
    x, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((6, 50), (50, 4), (4,)))
    linear = Linear(jnp.asarray(W), jnp.asarray(b))
    rounded = x.astype(jnp.bfloat16).astype(np.float64) @ W.astype(jnp.bfloat16).astype(np.float64) + b
    # Products of 8-bit numbers are exact in float32; their sums of 50 terms of size one to ten round by 6e-8 of that.
    np.testing.assert_allclose(linear(jnp.asarray(x), "bfloat16"), rounded, atol=5e-5)
    full = x.astype(np.float64) @ W.astype(np.float64) + b
    np.testing.assert_allclose(linear(jnp.asarray(x)), full, atol=5e-5)
    # Operands lose up to 2^-9 of themselves: the product of 50 terms is off by about sqrt(100 / 3) 2^-9.
    assert 1e-3 < np.abs(rounded - full).max() < 0.1
    gradient = jax.grad(lambda layer: jnp.sum(layer(jnp.asarray(x), "bfloat16")))(linear)
    assert gradient.weight.dtype == jnp.float32
    np.testing.assert_allclose(gradient.weight, np.tile(x.sum(axis=0)[:, None], (1, 4)), atol=0.05)
