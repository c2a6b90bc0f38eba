"""Draws of noise that a weight is compared with: fresh ones of an initialization scheme, or made from its entries.

A weight `(input, output)` is centered over its output neurons before its singular values are taken. That takes one
degree of freedom: a fresh weight then has the singular values of `input x (output - 1)` independent entries, exactly
for normal ones.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sottovoce.errors import not_among
from sottovoce.measure.spectra import centered


class Scheme(NamedTuple):
    """Distribution of the entries of a fresh weight.

    Attributes:
        gain: standard deviation times sqrt(fan_in).
        excess_kurtosis: of an entry.
    """

    gain: float
    excess_kurtosis: float


SCHEMES = {"normal": Scheme(1.0, 0.0), "uniform": Scheme(3**-0.5, -1.2)}
"""N(0, 1/fan_in), and uniform on +-1/sqrt(fan_in)."""

RESAMPLINGS = ("shuffle", "signflip")
"""Nulls made from the matrix's own entries: in random places, or in place with random signs."""


def noise_shape(n_in: int, n_out: int) -> tuple[int, int]:
    """Return the sides of the matrix of independent entries that a centered weight is equivalent to."""
    return n_in, n_out - 1


def centered_kurtosis(null: str, n_out: int) -> float:
    """Return the excess kurtosis that shifts the edge of centered fresh weights.

    The edge depends on it through the mean of the squared leverages of the output neurons, which centering lowers by
    the factor (n_out - 1) / n_out.

    Raises:
        UsageError: unknown scheme.
    """
    return _scheme(null).excess_kurtosis * (1 - 1 / n_out)


def scheme_scale(null: str, fan_in: int) -> float:
    """Return the standard deviation of a fresh weight's entries.

    Raises:
        UsageError: unknown scheme.
    """
    return _scheme(null).gain * fan_in**-0.5


def draw_weight(rng: np.random.Generator, null: str, n_in: int, n_out: int) -> Float[np.ndarray, "n_in n_out"]:
    """Return a fresh weight in units of its scale.

    Raises:
        UsageError: unknown scheme.
    """
    _scheme(null)
    bound = np.sqrt(3)
    return rng.standard_normal((n_in, n_out)) if null == "normal" else rng.uniform(-bound, bound, (n_in, n_out))


def draw_values(
    rng: np.random.Generator, null: str, n_in: int, n_out: int, draws: int
) -> Float[np.ndarray, "draw component"]:
    """Return the singular values of fresh, centered weights of scale 1.

    Normal weights are drawn by their bidiagonal form, chi-distributed (Dumitriu and Edelman 2002): the same law in a
    hundredth of the time.

    Args:
        rng: source of random numbers.
        null: a key of `SCHEMES`.
        n_in: inputs.
        n_out: output neurons, before centering.
        draws: how many weights.

    Returns:
        min(n_in, n_out - 1) values per draw, largest first.

    Raises:
        UsageError: unknown scheme.
    """
    if null == "normal":
        return np.stack([_bidiagonal_values(rng, *noise_shape(n_in, n_out)) for _ in range(draws)])
    return np.stack([gram_values(draw_weight(rng, null, n_in, n_out)) for _ in range(draws)])


def resample_values(
    rng: np.random.Generator, weight: Float[np.ndarray, "input output"], how: str, draws: int
) -> Float[np.ndarray, "draw component"]:
    """Return the singular values of a matrix whose entries were shuffled, or given random signs, then centered.

    Shuffling keeps the entries' distribution; random signs (Hong, Sheng and Dobriban 2020) also keep in place the rows
    and columns of unequal size that updates of trained networks have. Both keep the matrix's energy.

    Args:
        rng: source of random numbers.
        weight: the matrix.
        how: "shuffle" or "signflip".
        draws: how many.

    Returns:
        min(input, output - 1) values per draw, largest first, in the weight's units.

    Raises:
        UsageError: unknown way.
    """
    return np.stack([gram_values(resampled) for resampled in _resamples(rng, weight, how, draws)])


def resample_largest(
    rng: np.random.Generator, weight: Float[np.ndarray, "input output"], how: str, draws: int
) -> Float[np.ndarray, " draw"]:
    """Return the largest singular value of each draw of `resample_values`, in units of the draw's root mean square.

    The root mean square is per entry of the equivalent noise, `input x (output - 1)` of them. Arguments and errors are
    those of `resample_values`; the time is half of its.

    Returns:
        One value per draw, without units; 0 for a matrix of zeros.

    Raises:
        UsageError: unknown way.
    """
    entries, tiny = np.prod(noise_shape(*weight.shape)), np.finfo(np.float64).tiny
    grams = (_gram(resampled) for resampled in _resamples(rng, weight, how, draws))
    return np.sqrt([entries * _top(gram) / max(np.trace(gram), tiny) for gram in grams])


def gram_values(weight: Float[np.ndarray, "input output"]) -> Float[np.ndarray, " component"]:
    """Return the centered singular values by the smaller Gram matrix: half the digits in half the time of the svd."""
    return np.sqrt(np.clip(np.linalg.eigvalsh(_gram(weight))[::-1], 0.0, None))[: min(noise_shape(*weight.shape))]


def _gram(weight: np.ndarray) -> np.ndarray:
    """Return the smaller Gram matrix of the centered weight."""
    matrix = centered(weight)
    return matrix @ matrix.T if weight.shape[0] < weight.shape[1] else matrix.T @ matrix


def _top(gram: np.ndarray) -> float:
    """Return the largest eigenvalue alone, in half the time of all of them."""
    from scipy.linalg import eigh

    last = gram.shape[0] - 1
    return float(eigh(gram, eigvals_only=True, subset_by_index=(last, last))[0])


def _resamples(rng: np.random.Generator, weight: np.ndarray, how: str, draws: int) -> Iterator[np.ndarray]:
    """Yield the matrix with its entries shuffled or their signs drawn anew.

    Raises:
        UsageError: unknown way.
    """
    if how not in RESAMPLINGS:
        raise not_among("null", how, (*SCHEMES, *RESAMPLINGS))
    signs = np.array([-1.0, 1.0])
    for _ in range(draws):
        if how == "shuffle":
            yield rng.permutation(weight.ravel()).reshape(weight.shape)
        else:
            yield weight * rng.choice(signs, weight.shape)


def _bidiagonal_values(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return the singular values of a matrix of standard normal entries through its bidiagonal form."""
    from scipy.linalg import eigvalsh_tridiagonal

    n, p = max(rows, columns), min(rows, columns)
    diagonal, above = rng.chisquare(n - np.arange(p)), rng.chisquare(np.arange(p - 1, 0, -1))
    squares = eigvalsh_tridiagonal(diagonal + np.append(0.0, above), np.sqrt(diagonal[:-1] * above))
    return np.sqrt(np.clip(squares[::-1], 0.0, None))


def _scheme(null: str) -> Scheme:
    """Return a scheme by name.

    Raises:
        UsageError: unknown scheme.
    """
    if null not in SCHEMES:
        raise not_among("null", null, SCHEMES)
    return SCHEMES[null]
