"""Spectra of weight matrices, `(input, output)` in the last two axes, batched over the leading ones."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num

Matrices = Float[np.ndarray, "*batch input output"]
Components = Float[np.ndarray, "*batch component"]
# For a single matrix without batch axes NumPy returns a scalar of its own type.
Values = np.ndarray | np.generic


def centered(weight: Matrices) -> Matrices:
    """Subtract each input's mean over the output neurons, as a principal component analysis of the neurons does."""
    return weight - weight.mean(axis=-1, keepdims=True)


def singular_values(weight: Matrices) -> Components:
    """Return the singular values, largest first, in the weight's units."""
    return np.linalg.svd(weight, compute_uv=False)


def explained_variance_ratio(weight: Matrices) -> Components:
    """Return s^2 / sum(s^2) of the singular values of the centered matrix (the quantity of the post's Figure 3).

    The ratios are normalized by the total, so a component's ratio can fall because others grew: compare
    `singular_values` as well.

    Example:
        >>> explained_variance_ratio(np.array([[3.0, -3.0], [1.0, 1.0]])).round(12)  # the second row is constant
        array([1., 0.])
    """
    variance = singular_values(centered(weight)) ** 2
    return variance / variance.sum(axis=-1, keepdims=True)


def count_above(values: Components, edge: float) -> Int[Values, "*batch"]:
    """Return how many components exceed an edge."""
    return (values > edge).sum(axis=-1)


def participation_ratio(values: Components) -> Float[Values, "*batch"]:
    """Return (sum s^2)^2 / sum s^4 of singular values s: r for r equal values, 1 for a single one, 0 for zeros.

    Example:
        >>> [float(participation_ratio(np.array(values))) for values in ([2.0, 2.0, 2.0], [5.0, 0.0, 0.0])]
        [3.0, 1.0]
    """
    # The smallest positive number in place of a zero denominator makes the ratio of zeros 0 instead of NaN.
    return (values**2).sum(axis=-1) ** 2 / np.maximum((values**4).sum(axis=-1), np.finfo(np.float64).tiny)


def stable_rank(values: Components) -> Float[Values, "*batch"]:
    """Return |A|_F^2 / |A|_2^2 from the singular values of A.

    Example:
        >>> float(stable_rank(np.array([2.0, 1.0, 1.0])))
        1.5
    """
    return (values**2).sum(axis=-1) / values.max(axis=-1) ** 2


def describe(weight: Num[np.ndarray, "input output"]) -> dict[str, Any]:
    """Return singular values, explained-variance ratios, participation ratio and stable rank of the centered matrix.

    They are plain lists and numbers, which can be written as JSON.
    """
    weight = np.asarray(weight, dtype=np.float64)
    values = singular_values(centered(weight))
    return {
        "singular_values": values.tolist(),
        "explained_variance_ratio": explained_variance_ratio(weight).tolist(),
        "participation_ratio": float(participation_ratio(values)),
        "stable_rank": float(stable_rank(values)),
    }
