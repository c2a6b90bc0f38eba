"""Linear centered kernel alignment of two sets of features on the same samples (Kornblith et al. 2019).

With Gram matrices K = X X^T and L = Y Y^T over samples, CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)). The functions
never form a Gram matrix over samples: for n samples and p, q features the cost is n p q. Derivations: docs/theory.md,
section 11.
"""

import numpy as np
from jaxtyping import Float

from sottovoce.errors import UsageError

Features = Float[np.ndarray, "sample feature"]
OtherFeatures = Float[np.ndarray, "sample other_feature"]


def linear_cka(x: Features, y: OtherFeatures, *, debiased: bool = False) -> float:
    """Return the linear CKA of two feature matrices, one sample per row in the same order.

    The alignment is 1 for features equal up to rotation, shift and an isotropic scale, and NaN if x or y does not vary.
    The plain estimate of Kornblith et al. 2019 (their equation 4) lies between 0 and 1 and is biased upward: it grows
    with the ratio of features to samples even for independent features. The debiased estimate uses the unbiased HSIC of
    Song et al. 2012 (their equation 5) instead; it is about 0 for independent features and may be negative.

    Raises:
        UsageError: there are fewer samples than the estimate needs, 2 for the plain one or 4 for the debiased one.

    Example:
        >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 3.0]])
        >>> round(linear_cka(x, 5 - 2 * x[:, ::-1]), 12)  # features permuted, reflected, scaled and shifted
        1.0
    """
    fewest = 4 if debiased else 2
    if x.shape[0] < fewest:
        raise UsageError(f"features have {x.shape[0]} samples; allowed: {fewest} or more")
    x, y = _centered(x), _centered(y)
    hsic = _unbiased_hsic if debiased else _squared_covariance
    scale = hsic(x, x) * hsic(y, y)
    return float(hsic(x, y) / np.sqrt(scale)) if scale > 0 else float("nan")


def shuffled_cka_mean(x: Features, y: OtherFeatures) -> float:
    """Return the exact mean of the plain CKA over all pairings of the samples of x with those of y.

    The mean is sqrt(p q) / (n - 1) for n samples and participation ratios p, q of the features' covariances. The mean
    of the debiased HSIC over all pairings is exactly 0 (docs/theory.md, section 11).
    """
    x, y = _centered(x), _centered(y)
    ratio = [np.sum(f**2) / np.sqrt(_squared_covariance(f, f)) for f in (x, y)]
    return float(ratio[0] * ratio[1] / (x.shape[0] - 1))


def _centered(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, dtype=np.float64)
    # A constant feature becomes exactly zero, also where its computed mean is rounded.
    return np.where(np.ptp(features, axis=0) > 0, features - features.mean(axis=0), 0.0)


def _squared_covariance(x: np.ndarray, y: np.ndarray) -> float:
    """Return tr(K L) = |X^T Y|_F^2 of centered features."""
    return float(np.sum((x.T @ y) ** 2))


def _unbiased_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Return n (n - 3) times the unbiased HSIC of features, from Gram matrices with the diagonal set to zero."""
    n = x.shape[0]
    squares = [np.sum(f**2, axis=1) for f in (x, y)]
    # Row sums of the Gram matrices without their diagonals.
    rows = [f @ f.sum(axis=0) - s for f, s in zip((x, y), squares, strict=True)]
    # tr(K~ L~) of section 11, without a Gram matrix.
    product = _squared_covariance(x, y) - squares[0] @ squares[1]
    totals = rows[0].sum() * rows[1].sum() / ((n - 1) * (n - 2))
    return float(product + totals - 2 * (rows[0] @ rows[1]) / (n - 2))
