"""Counts of the directions of a matrix, from the theory of noise and from simulated draws of noise together.

For a weight the null is its initialization scheme, "normal" or "uniform". For an update W - W0 no exact null is known.
The null "shuffle" is a matrix of the same entries in random places; "signflip" gives the entries random signs, and so
also accounts for rows and columns of unequal size. Both replace the draws behind `parallel` and `gap`, and both contain
the energy of the directions too, so that these counts are conservative; `marchenko_pastur` and `gavish_donoho` still
assume independent entries of equal variance.

The scale "bulk" estimates the noise's standard deviation from the matrix, whatever its units. The scale "scheme" takes
the one of the initialization scheme, 1/sqrt(input) for normal and 1/sqrt(3 input) for uniform, and so also counts
directions that training spread over the bulk.
"""

import functools

import numpy as np
from jaxtyping import Float, Num

from sottovoce.errors import UsageError, not_among
from sottovoce.measure import directions, nulls
from sottovoce.measure.directions import Components
from sottovoce.theory.random_matrix import Noise

# The 95 % edge is an exact order statistic of so many draws, because 0.05 times (99 + 1) is a whole number.
DRAWS = 99
# The largest values of normal weights alone are cheap to draw. At 1999 draws the level of `parallel` given its edge is
# 4.1 to 6.0 %, at 99 draws 1.6 to 10 % (`directions.drawn_level`).
LARGEST_DRAWS = 1999
ORTHOGONAL = "orthogonal"
# Weights are drawn in float32, whose rounding moves their singular values by less than this share.
ORTHOGONAL_ROUNDING = 1e-5
SCALES = ("bulk", "scheme")


def count(weight: Num[np.ndarray, "..."], null: str = "normal", seed: int = 0, scale: str = "bulk") -> dict[str, int]:
    """Count the directions of a matrix `(input, output)` above noise, by rule of `measure.directions.counts`.

    The output neurons are centered first. The same arguments, with the seed of the draws, give the same counts.

    Raises:
        UsageError: an argument is not allowed, or the weight is not a finite matrix of 2 output neurons or more.
    """
    if null not in (known := (*nulls.SCHEMES, *nulls.RESAMPLINGS)):
        raise not_among("null", null, known)
    weight = np.asarray(weight, dtype=np.float64)
    values = directions.centered_values(weight)
    n_in, n_out = weight.shape
    if null in nulls.SCHEMES:
        return count_values(values, n_in, n_out, null, seed, scale)
    if _of_scheme(scale):
        raise UsageError(f"scale is scheme; null {null} has no scheme, so use scale bulk")
    shape = nulls.noise_shape(n_in, n_out)
    drawn = nulls.resample_values(np.random.default_rng(seed), weight, null, DRAWS)
    return directions.counts(values, Noise(*shape), directions.null_edges(drawn, max(shape)))


def count_values(
    values: Components,
    n_in: int,
    n_out: int,
    null: str = "normal",
    seed: int = 0,
    scale: str = "bulk",
    gain: float = 1.0,
) -> dict[str, int]:
    """Count the directions of a weight as `count` does, given its min(n_in, n_out - 1) centered singular values.

    The values are in the weight's units, largest first; the null is a scheme or "orthogonal", and `gain` the factor on
    the fresh weight. Orthogonal weights have no random edge: the singular values of every draw equal the gain, or are
    smaller by centering. So every rule counts the values above the gain.

    Raises:
        UsageError: null or scale is unknown.
    """
    known = _of_scheme(scale)
    values = values / gain
    if null == ORTHOGONAL:
        return dict.fromkeys(directions.RULES, int((values > 1 + ORTHOGONAL_ROUNDING).sum()))
    law = Noise(*nulls.noise_shape(n_in, n_out), nulls.centered_kurtosis(null, n_out))
    edges = _scheme_edges(null, n_in, n_out, seed, known)
    return directions.counts(values, law, edges, nulls.scheme_scale(null, n_in) if known else None)


def count_update(values: Components, largest: Float[np.ndarray, " draw"], n_in: int, n_out: int) -> int:
    """Count the directions of an update by parallel analysis against draws resampled from the update's own entries.

    `values` are the min(n_in, n_out - 1) singular values of the centered update, largest first. `largest` are those of
    the draws in units of their root mean square, as `measure.nulls.resample_largest` returns them.

    Raises:
        UsageError: there are too few draws for a level of 5 %.
    """
    shape = nulls.noise_shape(n_in, n_out)
    # Only the rule `parallel` is used, so the edge of the gap is set out of reach.
    edges = directions.NullEdges(directions.upper_edge(largest), np.inf, max(shape))
    return directions.counts(values, Noise(*shape), edges)["parallel"]


def profile_count(rng: np.random.Generator, weight: Num[np.ndarray, "..."], draws: int = DRAWS) -> int:
    """Count the directions of a matrix by parallel analysis against noise with the matrix's own variance profile.

    Where neurons or inputs differ in size (`directions.profile_spread`), noise of equal variances is no null: its edge
    is too low, and the other counts claim directions where there is none. The profile of the draws is the fitted one of
    `nulls.variance_profile`.

    Raises:
        UsageError: the weight is not a finite matrix of 2 output neurons or more, or draws is too small for 5 %.
    """
    weight = directions.checked(weight)
    shape = nulls.noise_shape(*weight.shape)
    edges = directions.null_edges(nulls.profile_values(rng, weight, draws), max(shape))
    return directions.counts(directions.centered_values(weight), Noise(*shape), edges)["parallel"]


def drawn_levels(null: str) -> str:
    """Say in one sentence how far the level of the counts against drawn edges may be from 5 %.

    Raises:
        UsageError: null is unknown.
    """
    if null not in (known := (*nulls.SCHEMES, ORTHOGONAL, *nulls.RESAMPLINGS)):
        raise not_among("null", null, known)
    if null == ORTHOGONAL:
        return "orthogonal weights have no random edge: every rule counts the singular values above the gain"
    draws = {"parallel": LARGEST_DRAWS if null == "normal" else DRAWS, "gap": DRAWS}
    levels = {rule: directions.drawn_level(n) for rule, n in draws.items()}
    words = ", ".join(f"{rule} [{100 * at.low:.1f} %, {100 * at.high:.1f} %]" for rule, at in levels.items())
    return (
        f"parallel and gap hold all matrices against one set of {draws['parallel']} and {draws['gap']} draws; for 95 % "
        f"of seeds of the draws their level, 5 % on average over seeds, is within: {words}"
    )


def _of_scheme(scale: str) -> bool:
    if scale not in SCALES:
        raise not_among("scale", scale, SCALES)
    return scale == "scheme"


# A fresh weight's draws depend on its shape alone, and the layers of all members share a few shapes.
@functools.lru_cache(maxsize=256)
def _scheme_edges(null: str, n_in: int, n_out: int, seed: int, known: bool) -> directions.NullEdges:
    rng = np.random.default_rng(seed)
    drawn = nulls.draw_values(rng, null, n_in, n_out, DRAWS)
    edges = directions.null_edges(drawn, max(nulls.noise_shape(n_in, n_out)), 1.0 if known else None)
    if null != "normal":
        return edges
    largest = nulls.draw_normal_largest(rng, n_in, n_out, LARGEST_DRAWS, estimated=not known)
    return edges._replace(top=directions.upper_edge(largest))
