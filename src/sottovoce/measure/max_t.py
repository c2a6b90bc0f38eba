"""The critical value of a simultaneous band: the quantile of the largest of several correlated t statistics."""

import numpy as np
from jaxtyping import Float

SIMULATIONS = 2000
"""Number of simulated experiments behind the critical value of a band; its level has a standard error of 0.5 %."""


def largest_t(values: Float[np.ndarray, "member point"], level: float) -> float:
    """Return the quantile of the largest absolute t statistic over points that correlate as the columns do."""
    members = len(values)
    mixing = _mixing((values - values.mean(axis=0)) / values.std(axis=0))
    # A fixed seed, so that the same values always get the same band.
    rng = np.random.default_rng(0)
    largest = np.empty(SIMULATIONS)
    for i in range(SIMULATIONS):
        drawn = rng.standard_normal((members, len(mixing))) @ mixing
        error = drawn.std(axis=0, ddof=1) / np.sqrt(members)
        largest[i] = np.abs(drawn.mean(axis=0) / error).max()
    return float(np.quantile(largest, level))


def _mixing(standard: Float[np.ndarray, "member point"]) -> Float[np.ndarray, "source point"]:
    """Return a map from independent normals to points that have the shrunk correlation of the standardized columns."""
    members, points = standard.shape
    correlation = standard.T @ standard / members
    # The shrinkage intensity of Schaefer and Strimmer is the sum of the variances of the correlations over the sum of
    # their squares.
    squares = (standard**2).T @ (standard**2) / members
    variance = (squares - correlation**2) * members / (members - 1) ** 2
    off = ~np.eye(points, dtype=bool)
    scatter = float((correlation[off] ** 2).sum())
    weight = float(np.clip(variance[off].sum() / scatter, 0.0, 1.0)) if scatter > 0 else 1.0
    # The Gram matrix of these rows is the shrunk correlation, so that no matrix has to be factorized.
    return np.vstack([np.sqrt(weight) * np.eye(points), np.sqrt((1 - weight) / members) * standard])
