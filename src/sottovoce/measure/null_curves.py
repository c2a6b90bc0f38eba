"""The spectrum of a fresh weight as a curve over ranks: its mean, and a band that contains the whole curve.

The post compares a trained network's spectrum with an initialization's, rank by rank. A rank of a trained network
stands above the initialization only if it leaves a band that fresh weights leave at no rank in 95 % of draws: of many
ranks some always leave a band that holds rank by rank.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from sottovoce.measure import nulls
from sottovoce.measure.directions import LEVEL, upper_edge

DRAWS = 999
"""Fresh weights behind a band. Its level is 5 % with a standard error of 0.7 %, which comes from these draws."""


class NullCurve(NamedTuple):
    """Explained-variance ratios of fresh weights by rank: the mean, and the upper end of the simultaneous band."""

    mean: Float[np.ndarray, " component"]
    upper: Float[np.ndarray, " component"]


# The layers of all members of a run have one shape, and every claim of a report asks for their curve.
@functools.lru_cache(maxsize=64)
def null_curve(null: str, n_in: int, n_out: int, seed: int = 0) -> NullCurve:
    """Return the curve of fresh weights `(n_in, n_out)` of a scheme, "normal" or "uniform"; their gain does not matter.

    The band is one-sided: a fresh weight's curve rises above the upper end at any rank with probability 5 %.

    Raises:
        UsageError: the scheme is unknown.
    """
    values = nulls.draw_values(np.random.default_rng(seed), null, n_in, n_out, DRAWS)
    ratios = values**2 / (values**2).sum(axis=-1, keepdims=True)
    mean, spread = ratios.mean(axis=0), ratios.std(axis=0, ddof=1)
    # A rank without spread, as the only one of a single column, is left out of the largest deviation.
    deviations = np.divide(ratios - mean, spread, out=np.zeros_like(ratios), where=spread > 0)
    return NullCurve(mean, mean + upper_edge(deviations.max(axis=-1), LEVEL) * spread)


def leading_run(above: Bool[np.ndarray, "*batch component"]) -> Int[np.ndarray | np.generic, "*batch"]:
    """Return how many of the first components stand above, without a gap: learned directions come first.

    Example:
        >>> leading_run(np.array([[True, True, False, True], [False, True, True, True]]))
        array([2, 0])
    """
    return np.logical_and.accumulate(above, axis=-1).sum(axis=-1)
