"""The counts of directions of one matrix: theory's noise and measured draws brought together."""

import functools

import numpy as np
from jaxtyping import Num

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
    if scale not in SCALES:
        raise not_among("scale", scale, SCALES)
    if scale == "scheme" and null in nulls.RESAMPLINGS:
        raise UsageError(f"scale is scheme; null {null} has no scheme, so use scale bulk")
    weight = np.asarray(weight, dtype=np.float64)
    values = directions.centered_values(weight)
    rows, columns = nulls.noise_shape(*weight.shape)
    if null in nulls.RESAMPLINGS:
        drawn = nulls.resample_values(np.random.default_rng(seed), weight, null, DRAWS)
        return directions.counts(values, Noise(rows, columns), directions.null_edges(drawn, max(rows, columns)))
    law = Noise(rows, columns, nulls.centered_kurtosis(null, weight.shape[1]))
    edges = _scheme_edges(null, *weight.shape, seed, scale == "scheme")
    known_scale = nulls.scheme_scale(null, weight.shape[0]) if scale == "scheme" else None
    return directions.counts(values, law, edges, known_scale)


@functools.lru_cache(maxsize=64)
def _scheme_edges(null: str, n_in: int, n_out: int, seed: int, known: bool) -> directions.NullEdges:
    drawn = nulls.draw_values(np.random.default_rng(seed), null, n_in, n_out, DRAWS)
    return directions.null_edges(drawn, max(nulls.noise_shape(n_in, n_out)), 1.0 if known else None)
