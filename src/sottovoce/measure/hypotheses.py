"""One-sided tests that are dual to the intervals of `measure.statistics`, corrections for several tests, and power.

A test has a *bound* and a *side*. The p value for the side "above" is small where the statistic lies above the bound
beyond chance: it is below alpha exactly where the lower end of the interval of level 1 - 2 alpha exceeds the bound. So
a test and the printed interval never disagree.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float

from sottovoce.measure import statistics
from sottovoce.measure.statistics import Columns, Crossed, Members, Scale

Side = Literal["above", "below"]
PValues = Float[np.ndarray, " test"]

FARTHEST = 37.0
MOST_MEMBERS = 10_000
"""Where more members than these would be needed, a claim counts as one that members cannot decide."""


def mean_p(values: Members, bound: float, side: Side, scale: Scale = "identity") -> float:
    """Return the p value that the mean over members lies on this side of a bound (Student's t on the scale).

    The p value is 1 where there is no interval, and 0 for a bound at the end of the scale's range, which no value
    passes.
    """
    mean, error = statistics.standard_error(values, scale)
    if not np.isfinite(error):
        return 1.0
    return _student(statistics.distance(float(mean), bound, scale) / float(error), len(values) - 1, side)


def crossed_p(values: Crossed, bound: float, side: Side) -> float:
    """Return the p value that the mean over members and images lies on this side of a bound (`statistics.crossed`)."""
    error, freedom, _ = statistics.crossed_error(values)
    if not np.isfinite(error):
        return 1.0
    return _student((float(np.mean(values)) - bound) / error, freedom, side)


def ratio_p(numerators: Members, denominators: Members, bound: float, side: Side) -> float:
    """Return the p value that the ratio of two means lies on this side of a bound (Fieller 1954)."""
    if not np.isfinite(bound):
        return 0.0 if (bound > 0) == (side == "below") else 1.0
    numerator, denominator = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if denominator.size == 0:
        return 1.0
    # A negative mean denominator turns the inequality round.
    sign = np.sign(denominator.mean())
    # Where the denominator may be zero the ratio may be anything, whatever the residual says.
    unbounded = mean_p(sign * denominator, 0.0, "above")
    if statistics.equal(denominator):
        unbounded = 0.0 if denominator[0] != 0 else 1.0
    return max(unbounded, mean_p(sign * (numerator - bound * denominator), 0.0, side))


def rank_correlation_p(values: Columns, others: Columns, bound: float, side: Side) -> float:
    """Return the p value that Spearman's correlation lies on this side of a bound (Bonett and Wright 2000)."""
    found = statistics.rank_correlation_z(values, others)
    if found is None or not np.isfinite(found[2]):
        return 1.0
    _, z, error = found
    from scipy.special import ndtr

    score = statistics.distance(float(np.tanh(z)), bound, "fisher_z") / error
    return float(ndtr(-score if side == "above" else score))


def proportion_p(successes: int, trials: int, bound: float, side: Side) -> float:
    """Return the p value that a proportion lies on this side of a bound (exact binomial)."""
    if trials == 0:
        return 1.0
    # No share passes an end of [0, 1], so that a range which reaches there has no test at that end.
    if not 0 < bound < 1:
        return 0.0 if (bound >= 1) == (side == "below") else 1.0
    from scipy.stats import binomtest

    return float(binomtest(successes, trials, bound, "greater" if side == "above" else "less").pvalue)


def holm(p: PValues, m: int) -> list[float]:
    """Return p values adjusted for the family-wise error of m tests (Holm 1979), of which these are the ones at hand.

    Of a claim's two hypotheses, that its statistic lies inside a range and that it lies outside, exactly one is true.
    So m claims are m tests: each by the smaller of its two p values.
    """
    adjusted, largest = [1.0] * len(p), 0.0
    for step, i in enumerate(np.argsort(p, kind="stable")):
        # An adjusted p value is never below that of a test decided earlier.
        largest = max(largest, min(1.0, (m - step) * p[i]))
        adjusted[i] = largest
    return adjusted


def benjamini_yekutieli(p: PValues) -> list[float]:
    """Return p values adjusted for the false discovery rate under any dependence (Benjamini and Yekutieli 2001)."""
    if len(p) == 0:
        return []
    from scipy.stats import false_discovery_control

    return false_discovery_control(p, method="by").tolist()


def power(
    mean: float,
    spread: float,
    n: int,
    holds: tuple[float, float],
    alpha: float,
    scale: Scale = "identity",
    fixed: float = 0.0,
) -> float:
    """Return the probability that both one-sided tests place the mean of normal members inside a range.

    Args:
        mean: the true mean.
        spread: standard deviation of members.
        n: number of members, two or more.
        holds: the range; an end beyond the scale's range is passed by itself.
        alpha: level of each of the two tests.
        scale: the scale of the tests.
        fixed: the part of the mean's standard error that does not shrink with the number of members.
    """
    if not holds[0] < mean < holds[1]:
        return 0.0
    from scipy.special import stdtrit
    from scipy.stats import nct

    error = float(statistics.error_on(mean, np.hypot(spread / np.sqrt(n), fixed), scale))
    critical = float(stdtrit(n - 1, 1 - alpha))
    shifts = [abs(statistics.distance(mean, bound, scale)) / error for bound in holds]
    # Beyond `FARTHEST` a test rejects for certain, and SciPy's noncentral t loses its digits.
    passed = [1.0 if shift > FARTHEST else float(nct.sf(critical, n - 1, shift)) for shift in shifts]
    # The two tests never fail together, because the estimate cannot lie beyond both ends.
    return max(0.0, sum(passed) - 1)


def members_needed(power_with: Callable[[int], float], least: int = 6) -> int | None:
    """Return the smallest number of members with a power of 0.8, or None where more than `MOST_MEMBERS` are needed.

    `power_with` returns the power with a number of members, with which it rises.
    """

    def suffices(n: int) -> bool:
        return power_with(n) >= 0.8

    if not suffices(MOST_MEMBERS):
        return None
    from bisect import bisect_left

    return least + bisect_left(range(least, MOST_MEMBERS), True, key=suffices)


def _student(score: float, freedom: int | float, side: Side) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, -score if side == "above" else score))
