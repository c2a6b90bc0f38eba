"""Draws of noise that a weight is compared with: fresh weights of its scheme, or resamplings of its own entries.

A weight `(input, output)`, here `(n_in, n_out)`, is centered over its output neurons before its singular values are
computed. Centering removes one degree of freedom: the min(n_in, n_out - 1) singular values of a fresh, centered weight
are distributed as those of a matrix of `input x (output - 1)` independent entries. This is exact for normal entries.

All values are sorted, largest first. An unknown scheme or resampling raises `UsageError`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sottovoce.errors import not_among
from sottovoce.measure.spectra import centered

Matrix = Float[np.ndarray, "input output"]
Values = Float[np.ndarray, "draw component"]


class Scheme(NamedTuple):
    """The gain (standard deviation times sqrt(fan_in)) and the excess kurtosis of the entries of a fresh weight."""

    gain: float
    excess_kurtosis: float


# A uniform law on [-b, b] has the variance b^2 / 3 and the excess kurtosis -6/5.
SCHEMES = {"normal": Scheme(1.0, 0.0), "uniform": Scheme(3**-0.5, -1.2)}
"""The entries are N(0, 1/fan_in), or uniform on +-1/sqrt(fan_in)."""

# A step leaves about 2 (1 / sqrt(input) + 1 / sqrt(output))^2 of the error of normal entries: 0.1 at 80 x 80.
_PROFILE_STEPS = 8

RESAMPLINGS = ("shuffle", "signflip")
"""Nulls made of the matrix's own entries, either at random positions or at their positions with random signs."""


def noise_shape(n_in: int, n_out: int) -> tuple[int, int]:
    """Return the shape of the matrix of independent entries to which a centered weight is equivalent."""
    return n_in, n_out - 1


def centered_kurtosis(null: str, n_out: int) -> float:
    """Return the effective excess kurtosis, which determines the shift of the edge of centered fresh weights.

    The edge depends on the kurtosis through the mean of the squared leverages of the output neurons, which centering
    lowers by the factor (n_out - 1) / n_out.
    """
    return _scheme(null).excess_kurtosis * (1 - 1 / n_out)


def scheme_scale(null: str, fan_in: int) -> float:
    """Return the standard deviation of a fresh weight's entries."""
    return _scheme(null).gain * fan_in**-0.5


def draw_weight(rng: np.random.Generator, null: str, n_in: int, n_out: int) -> Float[np.ndarray, "n_in n_out"]:
    """Return a fresh weight in units of the standard deviation of its entries."""
    _scheme(null)
    bound = np.sqrt(3)  # makes the variance 1
    return rng.standard_normal((n_in, n_out)) if null == "normal" else rng.uniform(-bound, bound, (n_in, n_out))


def draw_values(rng: np.random.Generator, null: str, n_in: int, n_out: int, draws: int) -> Values:
    """Return the singular values of fresh, centered weights of scale 1.

    Normal weights are drawn in bidiagonal form, with chi-distributed entries (Dumitriu and Edelman 2002): this gives
    the same distribution in a hundredth of the time.
    """
    if null == "normal":
        return np.stack([_bidiagonal_values(rng, *noise_shape(n_in, n_out)) for _ in range(draws)])
    return np.stack([gram_values(draw_weight(rng, null, n_in, n_out)) for _ in range(draws)])


def draw_normal_largest(
    rng: np.random.Generator, n_in: int, n_out: int, draws: int, *, estimated: bool
) -> Float[np.ndarray, " draw"]:
    """Return the largest singular values of fresh, centered normal weights.

    They are in units of the entries' standard deviation or, if that is `estimated`, of each draw's own root mean square
    over the `input x (output - 1)` entries of the equivalent noise. At a width of 512 a draw takes a tenth of the time
    of `draw_values`.
    """
    from scipy.linalg import eigvalsh_tridiagonal

    shape = noise_shape(n_in, n_out)
    last, drawn = (min(shape) - 1,) * 2, np.empty(draws)
    for i in range(draws):
        diagonal, off_diagonal = _tridiagonal(rng, *shape)
        top = eigvalsh_tridiagonal(diagonal, off_diagonal, select="i", select_range=last)[0]
        drawn[i] = np.sqrt(top * np.prod(shape) / diagonal.sum() if estimated else top)
    return drawn


def variance_profile(matrix: Matrix) -> tuple[Float[np.ndarray, " input"], Float[np.ndarray, " output"]]:
    """Fit sizes to the rows and columns of a matrix, so that the entry (i, j) has the variance (row_i column_j)^2.

    The fit is that of maximum likelihood for normal entries: divided by their sizes, the entries of every row and of
    every column that is not zero have the same mean square (the scaling of Sinkhorn 1967, applied to the squares). A
    row or column of zeros has the size 0. Only products of the sizes are determined; the sizes of columns have a mean
    square of 1.
    """
    squares = matrix**2
    columns = np.ones(matrix.shape[1])
    for _ in range(_PROFILE_STEPS):
        rows = squares @ _inverse(columns) / columns.size
        columns = _inverse(rows) @ squares / rows.size
        total = columns.mean()
        columns /= total if total > 0 else 1.0
    return np.sqrt(squares @ _inverse(columns) / columns.size), np.sqrt(columns)


def profile_values(rng: np.random.Generator, weight: Matrix, draws: int) -> Values:
    """Return the singular values of noise whose variance profile is the one fitted to the centered weight.

    A fitted profile contains the sampling error of every row's and column's size. Normal noise is therefore first
    divided by its own fitted profile, so that every draw has the very profile of the weight and not the weight's
    sampling error and its own. The values are in the weight's units.
    """
    rows, columns = variance_profile(centered(weight))
    values = []
    for _ in range(draws):
        noise = centered(rng.standard_normal(weight.shape))
        own_rows, own_columns = variance_profile(noise)
        values.append(gram_values(noise * np.outer(rows / own_rows, columns / own_columns)))
    return np.stack(values)


def resample_values(rng: np.random.Generator, weight: Matrix, how: str, draws: int) -> Values:
    """Return the singular values of a matrix whose entries are shuffled or given random signs, and then centered.

    Shuffling preserves the distribution of the entries. Random signs (Hong, Sheng and Dobriban 2020) also preserve the
    positions of rows and columns of unequal size, which updates of trained networks have. Both preserve the energy of
    the matrix. The values are in the weight's units.
    """
    return np.stack([gram_values(_resampled(rng, weight, how)) for _ in range(draws)])


def resample_largest(rng: np.random.Generator, weight: Matrix, how: str, draws: int) -> Float[np.ndarray, " draw"]:
    """Return the largest singular value of each draw of `resample_values`, in units of the draw's root mean square.

    The root mean square is taken over the `input x (output - 1)` entries of the equivalent noise; a matrix of zeros has
    values of 0. The function takes half as long as `resample_values`.
    """
    from scipy.linalg import eigh

    entries, tiny = np.prod(noise_shape(*weight.shape)), np.finfo(np.float64).tiny
    last = (min(weight.shape) - 1,) * 2
    grams = (_gram(_resampled(rng, weight, how)) for _ in range(draws))
    # A single eigenvalue takes half the time of all eigenvalues.
    tops = ((eigh(gram, eigvals_only=True, subset_by_index=last)[0], np.trace(gram)) for gram in grams)
    return np.sqrt([entries * top / max(energy, tiny) for top, energy in tops])


def gram_values(weight: Matrix) -> Float[np.ndarray, " component"]:
    """Return the singular values of the centered weight from its smaller Gram matrix.

    This takes half the time of a singular value decomposition and is accurate to half the digits.
    """
    return np.sqrt(np.clip(np.linalg.eigvalsh(_gram(weight))[::-1], 0.0, None))[: min(noise_shape(*weight.shape))]


def _gram(weight: np.ndarray) -> np.ndarray:
    """Return the smaller Gram matrix of the centered weight."""
    matrix = centered(weight)
    return matrix @ matrix.T if weight.shape[0] < weight.shape[1] else matrix.T @ matrix


def _resampled(rng: np.random.Generator, weight: np.ndarray, how: str) -> np.ndarray:
    if how not in RESAMPLINGS:
        raise not_among("null", how, (*SCHEMES, *RESAMPLINGS))
    if how == "shuffle":
        return rng.permutation(weight.ravel()).reshape(weight.shape)
    return weight * rng.choice(np.array([-1.0, 1.0]), weight.shape)


def _inverse(variances: np.ndarray) -> np.ndarray:
    """Return 1 / variances, and 0 where a variance is 0, as are the entries there."""
    return np.divide(1.0, variances, out=np.zeros_like(variances), where=variances > 0)


def _bidiagonal_values(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return the singular values of a matrix of standard normal entries through its bidiagonal form."""
    from scipy.linalg import eigvalsh_tridiagonal

    return np.sqrt(np.clip(eigvalsh_tridiagonal(*_tridiagonal(rng, rows, columns))[::-1], 0.0, None))


def _tridiagonal(rng: np.random.Generator, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return diagonal and off-diagonal of a tridiagonal matrix whose eigenvalues are the squared singular values."""
    # It is B^T B of the bidiagonal form B, so that no dense matrix is needed.
    n, p = max(rows, columns), min(rows, columns)
    diagonal, above = rng.chisquare(n - np.arange(p)), rng.chisquare(np.arange(p - 1, 0, -1))
    return diagonal + np.append(0.0, above), np.sqrt(diagonal[:-1] * above)


def _scheme(null: str) -> Scheme:
    if null not in SCHEMES:
        raise not_among("null", null, SCHEMES)
    return SCHEMES[null]
