"""Random linear teachers: the post's own generator and a Gaussian one of any shape.

Both return W1 and W2 of many draws with the draw axis fastest in memory, the layout in which `theory.linear` computes.
"""

import numpy as np
from jaxtyping import Float

from sottovoce.errors import UsageError

N_INPUTS = 20
"""Number of inputs of the regression that defines one of the post's teachers."""


def post_toy(
    rng: np.random.Generator, n_draws: int, n_aux: int
) -> tuple[Float[np.ndarray, "n_draws 2 2"], Float[np.ndarray, "n_draws 2 n_logits"]]:
    """Draw the post's teachers: d_in = hidden = 2, one class logit, one or two auxiliary logits (its two figures).

    W1 and W2 are the balanced factors (`balanced_factors`) of a map from `post_maps`, for a first layer W1 ~ U[0, 1].

    Raises:
        UsageError: n_aux is neither 1 nor 2, or n_draws is negative.
    """
    if n_aux not in (1, 2):
        raise UsageError(f"n_aux is {n_aux!r}; the post's generator allows: 1, 2 (use generator 'gaussian' for others)")
    _require("n_draws", n_draws, 0)
    A = post_maps(rng, n_draws, 1 + n_aux)
    return balanced_factors(np.moveaxis(rng.random((2, 2, n_draws)), -1, 0), A)


def post_maps(rng: np.random.Generator, n_draws: int, n_logits: int) -> Float[np.ndarray, "n_draws 2 n_logits"]:
    """Draw the least-squares maps ``A = (X^T X)^{-1} X^T Y`` of the post's regressions.

    The post fits A to 20 inputs x ~ N(0, 1) in R^2 with targets 2 N(0, 1) that are independent of x. Therefore A has
    the law of ``2 L^{-T} N``, with N standard normal and L the Cholesky factor of ``X^T X``, whose entries are
    independent chi and normal (Bartlett): 3 + 2 n_logits random numbers instead of 40 + 20 n_logits.
    """
    # The squares of the diagonal have n and n - 1 degrees of freedom (Bartlett).
    L11, L22 = np.sqrt(rng.chisquare(N_INPUTS, n_draws)), np.sqrt(rng.chisquare(N_INPUTS - 1, n_draws))
    L21 = rng.standard_normal(n_draws)
    # Back substitution with the triangular factor, over all draws together.
    A = 2 * rng.standard_normal((2, n_logits, n_draws))
    A[1] /= L22
    A[0] = (A[0] - L21 * A[1]) / L11
    return np.moveaxis(A, -1, 0)


def balanced_factors(
    W1: Float[np.ndarray, "... 2 2"], A: Float[np.ndarray, "... 2 n_logits"]
) -> tuple[Float[np.ndarray, "... 2 2"], Float[np.ndarray, "... 2 n_logits"]]:
    """Factor A = W1 W2 along a given invertible W1, with both factors of equal entrywise L1 norm, as in the post.

    The post divides W1 and W1^{-1} A by their L1 norms and rescales both factors so that their product is A again.
    """
    (a, b), (c, d) = np.moveaxis(W1, (-2, -1), (0, 1))
    top, bottom = np.moveaxis(A, -2, 0)
    # W1^{-1} A by Cramer's rule: one pass over all draws per entry, where np.linalg.solve takes the draws one by one.
    W2 = np.empty_like(A)
    W2[..., 0, :] = d[..., None] * top - b[..., None] * bottom
    W2[..., 1, :] = a[..., None] * bottom - c[..., None] * top
    W2 /= (a * d - b * c)[..., None, None]
    ratio = np.sqrt(np.abs(W2).sum(axis=(-2, -1), keepdims=True) / np.abs(W1).sum(axis=(-2, -1), keepdims=True))
    return W1 * ratio, W2 / ratio


def gaussian_toy(
    rng: np.random.Generator, n_draws: int, d_in: int, hidden: int, n_class: int, n_aux: int
) -> tuple[Float[np.ndarray, "n_draws d_in hidden"], Float[np.ndarray, "n_draws hidden n_logits"]]:
    """Draw teachers with independent normal weights of variance 1 / fan_in, so that every column is isotropic.

    Raises:
        UsageError: a size is out of range.
    """
    _require("n_draws", n_draws, 0)
    for name, size in (("d_in", d_in), ("hidden", hidden), ("n_class + n_aux", n_class + n_aux)):
        _require(name, size, 1)
    W1 = rng.standard_normal((d_in, hidden, n_draws)) / np.sqrt(d_in)
    W2 = rng.standard_normal((hidden, n_class + n_aux, n_draws)) / np.sqrt(hidden)
    return np.moveaxis(W1, -1, 0), np.moveaxis(W2, -1, 0)


def _require(name: str, value: int, least: int) -> None:
    """Raise an error for a size below the smallest meaningful one."""
    if value < least:
        raise UsageError(f"{name} is {value}; it must be at least {least}")
