"""The share of a class column that the student captures, and the cosine between the student's map and the teacher's.

For a class column c of W2 the captured energy is ``|P c|^2 / |c|^2``. If c is isotropic and independent of
the auxiliary columns Z, the energy given Z is distributed as ``Beta(r/2, (hidden - r)/2)`` with r = rank P, the
capture law. This law depends on Z only through r, so the energies of several class columns of one draw are independent
of each other although all of them share Z. At r = 0 and r = hidden it is the single point 0 or 1. Densities and
quantiles have the shape of their first argument. Derivations: docs/theory.md, section 4.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special, stats

from sottovoce.errors import UsageError
from sottovoce.theory import linear
from sottovoce.theory.generators import N_INPUTS
from sottovoce.theory.linear import Heads

Values = Float[np.ndarray, "..."]
# A larger distance from the value of a degenerate law (rank 0 or full rank) is more than float64 rounding explains.
POINT_TOLERANCE = 1e-10


class CaptureTest(NamedTuple):
    """The outcome of a Kolmogorov-Smirnov test."""

    statistic: float
    pvalue: float


def distilled_rank(hidden: int, n_aux: int, objective: str = "mse") -> int:
    """Return r, the rank of the auxiliary projector for columns in general position: n_aux, for "kl" n_aux - 1.

    r is limited to 0 to `hidden`. An unknown objective raises `UsageError`.

    Example:
        >>> [distilled_rank(hidden=8, n_aux=3, objective=objective) for objective in ("mse", "kl")]
        [3, 2]
    """
    linear.check_objective(objective)
    return max(0, min(hidden, n_aux - (objective == "kl")))


def captured_energy(W2: Heads, n_aux: int, objective: str = "mse") -> Float[np.ndarray, "... n_logits"]:
    """Return ``|P c|^2 / |c|^2`` for every column c of W2, between 0 and 1; NaN for a column of zeros.

    The arguments and their errors are those of `linear.aux_projector`. Under "mse" auxiliary columns have energy 1.

    Example:
        >>> captured_energy(np.array([[3.0, 1.0], [4.0, 0.0]]), n_aux=1)  # cos^2 between (3, 4) and (1, 0)
        array([0.36, 1.  ])
    """
    P = linear.aux_projector(W2, n_aux, objective)
    captured = np.einsum("...hl,...hg,...gl->...l", W2, P, W2)
    total = np.einsum("...hl,...hl->...l", W2, W2)
    return np.clip(np.divide(captured, total, out=np.full_like(total, np.nan), where=total > 0), 0.0, 1.0)


def capture_quantile(probability: Values, hidden: int, rank: int) -> Values:
    """Return quantiles of the capture law Beta(rank/2, (hidden - rank)/2), whose mean is rank / hidden (equation 4.1).

    Raises:
        UsageError: rank is not between 0 and hidden.
    """
    _check_rank(hidden, rank)
    if rank in (0, hidden):
        return np.full(np.shape(probability), float(rank == hidden))
    return stats.beta.ppf(probability, rank / 2, (hidden - rank) / 2)


def capture_test(captured: Values, hidden: int, rank: int) -> CaptureTest:
    """Test captured energies, of any shape, against the capture law by the exact Kolmogorov-Smirnov distribution.

    The test is exact when the energies are independent, as those of one or several class columns of each of many
    independent draws are. Where the law is a single point, the statistic is the largest distance of an energy from that
    point, and the p-value is 1 if the distance is rounding (below 1e-10) and 0 otherwise.

    Raises:
        UsageError: rank is not between 0 and hidden, or `captured` is empty or contains NaN.
    """
    _check_rank(hidden, rank)
    sample = np.ravel(captured)
    if sample.size == 0 or np.isnan(sample).any():
        raise UsageError(f"captured holds {sample.size} values, some perhaps NaN; leave out columns of zeros")
    if rank in (0, hidden):
        distance = float(np.abs(sample - (rank == hidden)).max())
        return CaptureTest(distance, float(distance < POINT_TOLERANCE))
    result = stats.kstest(sample, stats.beta(rank / 2, (hidden - rank) / 2).cdf)
    return CaptureTest(float(result.statistic), float(result.pvalue))


def column_cosine(
    left: Float[np.ndarray, "... rows columns"], right: Float[np.ndarray, "... rows columns"]
) -> Float[np.ndarray, "... columns"]:
    """Return the signed cosine of corresponding columns of two maps, the post's measure; NaN where a column is zero.

    Example:
        >>> column_cosine(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[3.0, -2.0], [4.0, 0.0]]))
        array([ 0.6, -1. ])
    """
    inner = np.einsum("...rc,...rc->...c", left, right)
    lengths = np.linalg.norm(left, axis=-2) * np.linalg.norm(right, axis=-2)
    return np.clip(np.divide(inner, lengths, out=np.full_like(inner, np.nan), where=lengths > 0), -1.0, 1.0)


def line_angle(
    columns: Float[np.ndarray, "... rows columns"], axis: Float[np.ndarray, "... rows 1"]
) -> Float[np.ndarray, "... columns"]:
    """Return the angle in degrees, 0 to 90, between the line through each column and the line through another vector.

    It is accurate for nearly parallel lines too, and 0 for a column of zeros.

    Example:
        >>> line_angle(np.array([[1.0, -1.0], [1.0, 0.0]]), np.array([[1.0], [0.0]]))  # a line has no direction
        array([45.,  0.])
    """
    length = np.linalg.norm(axis, axis=-2, keepdims=True)
    unit = np.divide(axis, length, out=np.zeros_like(axis), where=length > 0)
    along = np.einsum("...rx,...rc->...c", unit, columns)
    across = np.linalg.norm(columns - unit * along[..., None, :], axis=-2)
    # An arc cosine would lose half the digits of a small angle.
    return np.degrees(np.arctan2(across, np.abs(along)))


def post_cosine_density(cosine: Values, n_inputs: int = N_INPUTS) -> Values:
    """Return the exact density on [0, 1) of |cosine| between class columns for the post's generator, P of rank 1.

    With n_inputs inputs in the regression that defines the teacher's map and m = n_inputs/2 + 1 it is ``2 (m - 3/2) /
    (pi (m - 1)) (1 - r^2)^{-1/2} 2F1(1, 1; m; r^2)`` (docs/theory.md, equations 4.3 to 4.5), which tends to the arcsine
    law as the number of inputs grows.
    """
    m = n_inputs / 2 + 1
    square = np.square(cosine)
    # Euler's integral for 2F1(1, 1; m; .), because scipy's series overflows at a few hundred inputs.
    u, weight = _beta_nodes(1.0, m - 1, 100)
    series = (1 / (1 - square[..., None] * u)) @ weight
    return 2 * (m - 1.5) / (np.pi * (m - 1)) / np.sqrt(1 - square) * series


def gaussian_cosine_density(cosine: Values, d_in: int, hidden: int, rank: int) -> Values:
    """Return the exact density on (-1, 1) of the cosine between class columns of A and A' for the Gaussian generator.

    Given the captured energy e, the cosine is a sample correlation of d_in pairs of normals with correlation
    ``sqrt(e)`` about known means, and so has Fisher's density. The energy is integrated out over the capture law.

    Raises:
        UsageError: d_in is below 2 (with 1 every cosine is +1 or -1), or rank is not strictly between 0 and hidden (at
            hidden every cosine is 1).
    """
    if d_in < 2 or not 0 < rank < hidden:
        raise UsageError(
            f"no density at d_in {d_in}, rank {rank}, hidden {hidden}; needed: d_in >= 2, 0 < rank < hidden"
        )
    energy, weight = _beta_nodes(rank / 2, (hidden - rank) / 2, 200)
    return _fisher_density(np.asarray(cosine)[..., None], np.sqrt(energy), d_in) @ weight


def _beta_nodes(a: float, b: float, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes and weights of a Gauss-Jacobi quadrature for expectations under Beta(a, b)."""
    # Jacobi's weight function (1 - x)^(b-1) (1 + x)^(a-1), moved from [-1, 1] to [0, 1], is the density of Beta(a, b).
    node, weight = special.roots_jacobi(n_nodes, b - 1, a - 1)
    return (1 + node) / 2, weight / weight.sum()


def _fisher_density(r: np.ndarray, rho: np.ndarray, degrees: int) -> np.ndarray:
    """Return Fisher's (1915) density of a sample correlation r around rho, in Hotelling's (1953) form."""
    # The prefactors are combined as logarithms, because the gamma functions overflow at a few hundred degrees.
    log_scale = np.log(degrees - 1) + special.gammaln(degrees) - special.gammaln(degrees + 0.5)
    log_shape = (
        degrees / 2 * np.log1p(-(rho**2)) + (degrees - 3) / 2 * np.log1p(-(r**2)) - (degrees - 0.5) * np.log1p(-rho * r)
    )
    series = special.hyp2f1(0.5, 0.5, degrees + 0.5, (1 + rho * r) / 2)
    return np.exp(log_scale + log_shape) * series / np.sqrt(2 * np.pi)


def _check_rank(hidden: int, rank: int) -> None:
    """Raise an error for a rank that no projector in `hidden` dimensions can have."""
    if not 0 <= rank <= hidden:
        raise UsageError(f"rank is {rank}; allowed: 0 to hidden = {hidden}")
