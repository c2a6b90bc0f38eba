"""Principal angles, overlaps and captured energies of subspaces of one space, each with its values under two nulls.

A subspace is given by a basis Q of orthonormal columns `(dim, rank)`. All measures depend only on the span, not on the
basis, and are invariant to a common rotation of both subspaces. The nulls are a subspace drawn uniformly at random, and
the same subspace with its coordinates shuffled, which preserves its overlap with the common mean of all coordinates. An
update is dW = W - W0; it writes to the output space and reads from the input space.
Derivations: docs/theory.md, section 11.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sottovoce.errors import UsageError, not_among
from sottovoce.theory.linear import singular_span

SIDES = ("output", "input")
LEVEL = 0.95
Basis = Float[np.ndarray, "dim rank"]
OtherBasis = Float[np.ndarray, "dim other_rank"]
Update = Float[np.ndarray, "input output"]


class Overlap(NamedTuple):
    """The overlap of two subspaces, its mean and 95 % quantile over random ones, and its mean over permutations."""

    overlap: float
    random: float
    random_high: float
    shuffled: float


def column_basis(columns: Float[np.ndarray, "dim column"]) -> Basis:
    """Return an orthonormal basis of the span of the columns, without directions within rounding of the largest."""
    left, _, present = singular_span(columns)
    return left[:, present]


def update_basis(update: Update, rank: int, side: str = "output") -> Float[np.ndarray, "..."]:
    """Return the `rank` singular directions of an update with the largest singular values, the strongest first.

    They are orthonormal columns `(output, rank)` or `(input, rank)`, depending on the side.

    Raises:
        UsageError: rank or side is not allowed.
    """
    if side not in SIDES:
        raise not_among("side", side, SIDES)
    if not 1 <= rank <= min(update.shape):
        raise UsageError(f"rank is {rank}; allowed: 1 to {min(update.shape)}, the smaller side of the matrix")
    left, _, right = np.linalg.svd(np.asarray(update, dtype=np.float64), full_matrices=False)
    return right[:rank].T if side == "output" else left[:, :rank]


def principal_angles(basis: Basis, other: OtherBasis) -> Float[np.ndarray, " angle"]:
    """Return the min(rank, other_rank) principal angles between two subspaces (Bjorck and Golub 1973).

    The angles are in radians, smallest first, from 0 to pi/2, and accurate near both ends.

    Example:
        >>> plane, line = np.eye(3)[:, :2], np.array([[0.0], [1.0], [1.0]]) / np.sqrt(2)
        >>> np.degrees(principal_angles(plane, line)).round(12)
        array([45.])
    """
    small, large = sorted((basis, other), key=lambda columns: columns.shape[1])
    cosines = large.T @ small
    # Cosines lose half the digits of small angles, and sines lose half the digits of large ones.
    # scipy.linalg.subspace_angles uses the wrong one of the two if small and large angles occur together.
    sines = small - large @ cosines
    return np.arctan2(np.linalg.svd(sines, compute_uv=False)[::-1], np.linalg.svd(cosines, compute_uv=False))


def overlap(basis: Basis, other: OtherBasis) -> float:
    """Return the mean squared cosine of the principal angles, `|Q^T Q'|_F^2 / min(rank, other_rank)`.

    It is 1 if the smaller subspace lies in the larger, 0 if they are orthogonal.

    Example:
        >>> overlap(np.eye(3)[:, :2], np.eye(3)[:, 1:])  # two planes in space intersect in a line
        0.5
        >>> random_overlap_mean(dim=256, rank=2, other_rank=2)  # two random planes
        0.0078125
    """
    return float(np.sum((basis.T @ other) ** 2) / min(basis.shape[1], other.shape[1]))


def captured_energy(update: Update, basis: Float[np.ndarray, "output rank"]) -> float:
    """Return `|dW Q|_F^2 / |dW|_F^2`, the share of an update's energy in a subspace; NaN for an update of zero."""
    return float(np.sum((update @ basis) ** 2) / _total(update))


def projected(change: Float[np.ndarray, "sample dim"], basis: Basis) -> Float[np.ndarray, "sample dim"]:
    """Return `change @ Q @ Q.T`, the projection of every row on a subspace."""
    return (change @ basis) @ basis.T


def random_overlap_mean(dim: int, rank: int, other_rank: int) -> float:
    """Return the exact mean overlap of a uniformly random subspace with any other, max(rank, other_rank) / dim.

    The mean of `|Q^T Q'|_F^2` is `rank other_rank / dim` (docs/theory.md, section 11).
    """
    return max(rank, other_rank) / dim


def random_overlap_variance(dim: int, rank: int, other_rank: int) -> float:
    """Return the exact variance of the overlap of a uniformly random subspace with any other.

    The variance of `|Q^T Q'|_F^2` is `2 r r' (d - r) (d - r') / (d^2 (d - 1) (d + 2))` (docs/theory.md, section 11).
    """
    d, r, s = dim, rank, other_rank
    return 2 * r * s * (d - r) * (d - s) / (d**2 * (d - 1) * (d + 2)) / min(r, s) ** 2


def random_basis(rng: np.random.Generator, dim: int, rank: int) -> Basis:
    """Return orthonormal columns that span a uniformly random subspace."""
    # LAPACK chooses the signs, so Q itself is not uniformly distributed; its span, which alone counts, is.
    return np.linalg.qr(rng.standard_normal((dim, rank)))[0]


def random_angles(
    rng: np.random.Generator, dim: int, rank: int, other_rank: int, draws: int
) -> Float[np.ndarray, "draw angle"]:
    """Return the principal angles in radians, smallest first, between uniformly random subspaces and a fixed one.

    Their distribution does not depend on the fixed subspace, so it is taken as the span of the first coordinates.
    """
    corners = np.stack([random_basis(rng, dim, rank)[:other_rank] for _ in range(draws)])
    return np.arccos(np.clip(np.linalg.svd(corners, compute_uv=False), 0.0, 1.0))


def random_energies(rng: np.random.Generator, update: Update, rank: int, draws: int) -> Float[np.ndarray, " draw"]:
    """Return the `captured_energy` of uniformly random subspaces, whose exact mean is rank / output."""
    # |dW Q|^2 = tr(Q^T G Q): the product over the inputs is taken once for all draws.
    gram = update.T @ update
    drawn = [random_basis(rng, update.shape[1], rank) for _ in range(draws)]
    return np.array([np.sum(Q * (gram @ Q)) for Q in drawn]) / _total(update)


def shuffled_overlap_mean(basis: Basis, other: OtherBasis) -> float:
    """Return the exact mean overlap over all permutations of the coordinates of one of two subspaces.

    The mean exceeds the one of random subspaces if both subspaces contain much of the direction (1, ..., 1), which is
    invariant under permutations (docs/theory.md, section 11).
    """
    return _shuffled_trace(basis @ basis.T, other @ other.T) / min(basis.shape[1], other.shape[1])


def shuffled_energy_mean(update: Update, basis: Float[np.ndarray, "output rank"]) -> float:
    """Return the exact mean of `captured_energy` over all permutations of the subspace's coordinates."""
    return _shuffled_trace(update.T @ update, basis @ basis.T) / _total(update)


def _total(update: np.ndarray) -> float:
    """Return the energy of an update; NaN instead of zero, so that shares of it are NaN as well."""
    return float(np.sum(update**2)) or float("nan")


def _shuffled_trace(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean of tr(A Pi B Pi^T) over all permutations Pi, for symmetric A and B."""
    d = len(a)
    off_diagonal = (a.sum() - np.trace(a)) * (b.sum() - np.trace(b)) / (d * (d - 1))
    return float(np.trace(a) * np.trace(b) / d + off_diagonal)


def overlap_with_nulls(rng: np.random.Generator, basis: Basis, other: OtherBasis, draws: int) -> Overlap:
    """Return the overlap of two subspaces and its values under the nulls, with `draws` random subspaces."""
    (dim, rank), other_rank = basis.shape, other.shape[1]
    drawn = (np.cos(random_angles(rng, dim, rank, other_rank, draws)) ** 2).mean(axis=1)
    return Overlap(
        overlap(basis, other),
        random_overlap_mean(dim, rank, other_rank),
        float(np.quantile(drawn, LEVEL)),
        shuffled_overlap_mean(basis, other),
    )
