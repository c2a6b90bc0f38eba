"""The counts of directions of one matrix: theory's noise and measured draws brought together."""

import functools

import numpy as np
from jaxtyping import Float, Num

from sottovoce.errors import UsageError, not_among
from sottovoce.measure import directions, nulls
from sottovoce.theory.random_matrix import Noise

DRAWS = 99
SCALES = ("bulk", "scheme")


def count(weight: Num[np.ndarray, "..."], null: str = "normal", seed: int = 0, scale: str = "bulk") -> dict[str, int]:
    """Count the directions of a matrix that stand above noise.

    For a weight the null is its initialization scheme. For an update W - W0 no exact null is known: "shuffle" asks for
    more than a matrix of the same entries in random places shows, "signflip" for more than rows and columns of unequal
    size explain; both replace the draws behind `parallel` and `gap`, while `marchenko_pastur` and `gavish_donoho`
    still suppose independent entries of one size. The resampled entries hold the directions too, so these two nulls
    err on the side of counting too few.

    Args:
        weight: the matrix, `(input, output)`; its output neurons are centered first.
        null: "normal", "uniform", "shuffle" or "signflip".
        seed: of the draws.
        scale: "bulk" estimates the noise's standard deviation from the matrix, whatever its units; "scheme" takes that
            of the initialization scheme, 1/sqrt(input) for normal and 1/sqrt(3 input) for uniform, and so also counts
            what training spread over the bulk.

    Returns:
        By rule of `measure.directions.counts`, the number of directions. The same arguments give the same counts.

    Raises:
        UsageError: an argument is not allowed, or the weight is not a finite matrix of 2 output neurons or more.
    """
    if null not in (known := (*nulls.SCHEMES, *nulls.RESAMPLINGS)):
        raise not_among("null", null, known)
    weight = np.asarray(weight, dtype=np.float64)
    values = directions.centered_values(weight)
    n_in, n_out = weight.shape
    if null not in nulls.RESAMPLINGS:
        return count_values(values, n_in, n_out, null, seed, scale)
    if scale not in SCALES:
        raise not_among("scale", scale, SCALES)
    if scale == "scheme":
        raise UsageError(f"scale is scheme; null {null} has no scheme, so use scale bulk")
    rows, columns = nulls.noise_shape(n_in, n_out)
    drawn = nulls.resample_values(np.random.default_rng(seed), weight, null, DRAWS)
    return directions.counts(values, Noise(rows, columns), directions.null_edges(drawn, max(rows, columns)))


def count_values(
    values: Float[np.ndarray, " component"],
    n_in: int,
    n_out: int,
    null: str = "normal",
    seed: int = 0,
    scale: str = "bulk",
) -> dict[str, int]:
    """Count the directions of a weight as `count` does, from its singular values.

    Args:
        values: min(n_in, n_out - 1) singular values of the centered weight, largest first.
        n_in: its inputs.
        n_out: its output neurons.
        null: "normal" or "uniform".
        seed: of the draws.
        scale: "bulk" or "scheme".

    Returns:
        By rule of `measure.directions.counts`, the number of directions.

    Raises:
        UsageError: null or scale is unknown.
    """
    if scale not in SCALES:
        raise not_among("scale", scale, SCALES)
    rows, columns = nulls.noise_shape(n_in, n_out)
    law = Noise(rows, columns, nulls.centered_kurtosis(null, n_out))
    edges = _scheme_edges(null, n_in, n_out, seed, scale == "scheme")
    return directions.counts(values, law, edges, nulls.scheme_scale(null, n_in) if scale == "scheme" else None)


def count_update(
    values: Float[np.ndarray, " component"], largest: Float[np.ndarray, " draw"], n_in: int, n_out: int
) -> int:
    """Count the directions of an update by parallel analysis against draws made from its own entries.

    Args:
        values: min(n_in, n_out - 1) singular values of the centered update, largest first.
        largest: largest values of the draws in units of their root mean square, `measure.nulls.resample_largest`.
        n_in: the update's inputs.
        n_out: its output neurons.

    Returns:
        The number of directions; what it can and cannot claim stands at `count`.

    Raises:
        UsageError: too few draws for a level of 5 %.
    """
    rows, columns = nulls.noise_shape(n_in, n_out)
    edges = directions.NullEdges(directions.upper_edge(largest), np.inf, max(rows, columns))
    return directions.counts(values, Noise(rows, columns), edges)["parallel"]


@functools.lru_cache(maxsize=64)
def _scheme_edges(null: str, n_in: int, n_out: int, seed: int, known: bool) -> directions.NullEdges:
    drawn = nulls.draw_values(np.random.default_rng(seed), null, n_in, n_out, DRAWS)
    return directions.null_edges(drawn, max(nulls.noise_shape(n_in, n_out)), 1.0 if known else None)
