"""Random-matrix theory of the singular values of noise, and of noise plus a few directions (docs/theory.md, section 8).

Throughout, noise is a rows x columns matrix of independent entries of mean 0 and standard deviation `scale`, in whose
units all values are; n is the larger side and p the smaller one. No result depends on whether rows or columns are the
larger side. A side below 1 raises `UsageError`.
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import integrate, optimize, special

from sottovoce.errors import UsageError

# For arguments from -10 on, the Airy kernel is below 1e-30 at 24, where the half line is therefore cut off, and 80
# nodes give the determinant to 1e-13.
_NODES = 80
_REACH = 24.0
# Degree of the polynomial that stands in for the determinant, whose accuracy `_interpolant` states.
_DEGREE = 60


class Edges(NamedTuple):
    """Ends of the bulk of singular values."""

    lower: float
    upper: float


def marchenko_pastur_edges(rows: int, columns: int, scale: float = 1.0) -> Edges:
    """Return the ends of the bulk, ``scale (sqrt(n) - sqrt(p))`` and ``scale (sqrt(n) + sqrt(p))`` (the law of 1967).

    Example:
        >>> marchenko_pastur_edges(rows=100, columns=25)
        Edges(lower=5.0, upper=15.0)
    """
    n, p = _sides(rows, columns)
    return Edges(scale * (math.sqrt(n) - math.sqrt(p)), scale * (math.sqrt(n) + math.sqrt(p)))


@functools.lru_cache
def marchenko_pastur_median(rows: int, columns: int) -> float:
    """Return the median singular value of noise of scale 1, in the limit of a large matrix of this aspect ratio."""
    n, p = _sides(rows, columns)
    aspect = p / n

    def density(angle: float) -> float:
        # For a square matrix the quotient is 0 / 0 at pi; this is its reduced form.
        if aspect == 1:
            return (1 - np.cos(angle)) / np.pi
        return 2 * np.sin(angle) ** 2 / (np.pi * (1 + aspect + 2 * np.sqrt(aspect) * np.cos(angle)))

    angle = optimize.root_scalar(lambda t: integrate.quad(density, 0.0, t)[0] - 0.5, bracket=(0.0, np.pi)).root
    return float(np.sqrt(n + p + 2 * np.sqrt(n * p) * np.cos(angle)))


def tracy_widom_cdf(s: float) -> float:
    """Return the Tracy-Widom distribution function for real entries (beta = 1), between -10 and 10, to 1e-12.

    It is the determinant ``F1(s) = det(1 - B)`` on the half line with kernel ``B(x, y) = Ai(x + y + s)`` (Ferrari and
    Spohn 2005), computed by Gauss-Legendre quadrature (Bornemann 2010).
    """
    nodes, weights = _quadrature()
    root = np.sqrt(weights)
    # The weights enter by their roots on both sides, which keeps the matrix symmetric and its determinant the same.
    kernel = root[:, None] * special.airy(nodes[:, None] + nodes + s)[0] * root
    return float(np.linalg.det(np.eye(_NODES) - kernel))


@functools.lru_cache(maxsize=4096)
def tracy_widom_quantile(probability: float, narrowing: float = 0.0) -> float:
    """Return the s at which ``F1(s) - narrowing F1''(s)`` equals the probability, to 1e-8 (0.9793160535 at 0.95).

    `narrowing` is half the variance by which the law is narrower than F1; 0 for the Tracy-Widom law itself.

    Raises:
        UsageError: the probability is not between 0.001 and 0.999.
    """
    if not 0.001 <= probability <= 0.999:
        raise UsageError(f"probability is {probability}; allowed: 0.001 to 0.999")
    cdf, curvature = _interpolant()

    def excess(s: float) -> float:
        return cdf(s) - narrowing * curvature(s) - probability

    return float(optimize.root_scalar(excess, bracket=(-8.0, 5.0), xtol=1e-9).root)


def largest_value_quantile(
    probability: float,
    rows: int,
    columns: int,
    scale: float = 1.0,
    *,
    excess_kurtosis: float = 0.0,
    estimated: bool = False,
) -> float:
    """Return a quantile of the largest singular value of noise, at 0.95 for a false-alarm rate of 5 %.

    The squared value, centered and scaled as Ma (2012) refines Johnstone (2001), follows the Tracy-Widom law up to an
    error of order p^(-2/3). Entries with an `excess_kurtosis` (fourth cumulant over squared variance: 0 for normal
    ones, -1.2 for uniform ones) shift the edge by the excess times ``(sqrt(n) + sqrt(p))^2 / sqrt(n p)``, to first
    order (for square matrices the shift of Hwang, Lee and Schnelli 2019), and change the variance of the squared value
    by the excess over ``n p``. If `scale` is `estimated` as the root mean square of the same matrix, ``2 / (n p)`` of
    the variance is missing whatever the entries (Nadler 2011). Both narrow the law as in `tracy_widom_quantile`.

    For normal entries a nominal rate of 5 % is accurate to 0.3 % for smaller sides of 10 and more. For uniform entries
    the actual rate is 5.4 % for a square matrix of side 64, 5.8 % at 32 and 7.3 % at 16, because the next order of the
    shift is neglected.

    Raises:
        UsageError: probability or sides out of range.
    """
    n, p = _sides(rows, columns)
    a, b = np.sqrt(n - 0.5), np.sqrt(p - 0.5)
    center, width = (a + b) ** 2, (a + b) * (1 / a + 1 / b) ** (1 / 3)
    # The d / 2 (m / r)^2 of docs/theory.md, section 8: d is 2 / (n p) if the scale is estimated, else -g / (n p).
    narrowing = (2.0 if estimated else -excess_kurtosis) / (2 * n * p) * (center / width) ** 2
    shift = excess_kurtosis * (np.sqrt(n) + np.sqrt(p)) ** 2 / np.sqrt(n * p)
    return float(scale * np.sqrt(center + shift + width * tracy_widom_quantile(probability, float(narrowing))))


def detectability_threshold(rows: int, columns: int, scale: float = 1.0) -> float:
    """Return the strength above which an added direction separates from the bulk, ``scale (n p)^(1/4)``.

    Source: Benaych-Georges and Nadakuditi (2012), section 3.1.
    """
    n, p = _sides(rows, columns)
    return scale * (n * p) ** 0.25


def visible_value(strength: float, rows: int, columns: int, scale: float = 1.0) -> float:
    """Return the limit of the largest singular value of noise plus one direction of singular value t, its strength.

    The limit is ``sqrt((t^2 + scale^2 n) (t^2 + scale^2 p)) / t`` for a strength t above the detectability threshold
    and the edge of the bulk below it (Benaych-Georges and Nadakuditi 2012, section 3.1).

    Example:
        >>> marchenko_pastur_edges(256, 256, scale=1 / 16).upper, detectability_threshold(256, 256, scale=1 / 16)
        (2.0, 1.0)
        >>> [visible_value(strength, 256, 256, scale=1 / 16) for strength in (0.5, 2.0)]  # the weaker one does not show
        [2.0, 2.5]
    """
    if strength <= detectability_threshold(rows, columns, scale):
        return marchenko_pastur_edges(rows, columns, scale).upper
    return float(np.sqrt((strength**2 + scale**2 * rows) * (strength**2 + scale**2 * columns)) / strength)


def hard_threshold(rows: int, columns: int, scale: float = 1.0) -> float:
    """Return the optimal hard threshold of singular values for denoising at a known scale.

    It is ``scale sqrt(n) sqrt(2 (b + 1) + 8 b / (b + 1 + sqrt(b^2 + 14 b + 1)))`` with ``b = p / n``, for square
    matrices ``4 / sqrt(3) scale sqrt(n)`` (Gavish and Donoho 2014, equation 11).

    Example:
        >>> round(hard_threshold(256, 256, scale=1 / 16), 4)  # 4 / sqrt(3)
        2.3094
    """
    n, p = _sides(rows, columns)
    b = p / n
    return float(scale * np.sqrt(n * (2 * (b + 1) + 8 * b / (b + 1 + np.sqrt(b**2 + 14 * b + 1)))))


@dataclass(frozen=True)
class Noise:
    """Noise of scale 1 as the null model of a matrix, with the excess kurtosis of its entries."""

    rows: int
    columns: int
    excess_kurtosis: float = 0.0

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - of a handful of frozen laws
    def edge(self, removed: int = 0) -> float:
        """Return the upper end of the bulk of noise whose smaller side is reduced by `removed` directions."""
        n, p = _sides(self.rows, self.columns)
        return marchenko_pastur_edges(n, p - removed).upper

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - as above
    def level_edge(self, removed: int, level: float, *, estimated: bool) -> float:
        """Return the threshold that the largest singular value of such reduced noise exceeds with probability `level`.

        `estimated` says whether the scale is estimated from the same matrix.
        """
        n, p = _sides(self.rows, self.columns)
        kurtosis = self.excess_kurtosis
        return largest_value_quantile(1 - level, n, p - removed, excess_kurtosis=kurtosis, estimated=estimated)

    def median(self) -> float:
        """Return the median singular value."""
        return marchenko_pastur_median(self.rows, self.columns)

    def hard_threshold(self) -> float:
        """Return the threshold for denoising; at an unknown scale, multiply it by the matrix's median / `median`."""
        return hard_threshold(self.rows, self.columns)


@functools.lru_cache
def _interpolant() -> tuple[np.polynomial.Chebyshev, np.polynomial.Chebyshev]:
    """Return F1 and its second derivative as polynomials on [-8, 5], accurate to 1e-11 and 1e-8."""
    # Root finding evaluates the law many times, and the polynomial has a second derivative of known accuracy.
    cdf = np.polynomial.Chebyshev.interpolate(np.vectorize(tracy_widom_cdf), _DEGREE, domain=[-8.0, 5.0])
    return cdf, cdf.deriv(2)


@functools.lru_cache
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1) * _REACH / 2, weights * _REACH / 2


def _sides(rows: int, columns: int) -> tuple[int, int]:
    """Return the larger and the smaller side."""
    if min(rows, columns) < 1:
        raise UsageError(f"the matrix is {rows} x {columns}; allowed: sides of 1 or more")
    return max(rows, columns), min(rows, columns)
