"""A claim with a statistic and a criterion, and the verdict computed from what was measured.

A criterion is a range for the statistic. The verdict is "supported" if the 95 % interval lies within the range,
"not supported" if it lies outside, "inconclusive" otherwise. Below `LEAST_FOR_VERDICT` replicates there is no verdict.
What was measured is `Evidence`: the numbers of single replicates, from which an interval at any level follows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float

from sottovoce.measure import statistics
from sottovoce.measure.statistics import Interval, Scale

INFINITY = float("inf")
LEAST_FOR_VERDICT = 6
"""Replicates below which nothing is decided."""
Verdict = Literal["supported", "not supported", "inconclusive", "too few members"]


@runtime_checkable
class Evidence(Protocol):
    """What was measured for a claim."""

    @property
    def n(self) -> int:
        """How many independent replicates there are."""
        ...

    def interval(self, level: float = 0.95) -> Interval:
        """Return the statistic with its interval."""
        ...


@dataclass(frozen=True, eq=False)
class Mean:
    """One number per replicate, of which the mean is claimed.

    Attributes:
        values: the numbers.
        scale: as for `measure.statistics.interval`.
    """

    values: Float[np.ndarray, " replicate"]
    scale: Scale = "identity"

    @property
    def n(self) -> int:
        """How many replicates have the number."""
        return self.values.size

    def interval(self, level: float = 0.95) -> Interval:
        """Return the mean with its interval."""
        return statistics.interval(self.values, self.scale, level)


@dataclass(frozen=True, eq=False)
class Ratio:
    """Two numbers per replicate, of which the ratio of the means is claimed.

    Attributes:
        numerators: the numbers above.
        denominators: the numbers below.
    """

    numerators: Float[np.ndarray, " replicate"]
    denominators: Float[np.ndarray, " replicate"]

    @property
    def n(self) -> int:
        """How many replicates have both numbers."""
        return self.numerators.size

    def interval(self, level: float = 0.95) -> Interval:
        """Return the ratio with its interval by Fieller."""
        return statistics.ratio(self.numerators, self.denominators, level)


@dataclass(frozen=True, eq=False)
class RankCorrelation:
    """Two numbers per replicate, or columns of them, of which Spearman's correlation is claimed.

    Attributes:
        values: one side.
        others: the other side.
    """

    values: Float[np.ndarray, "replicate *rest"]
    others: Float[np.ndarray, "replicate *rest"]

    @property
    def n(self) -> int:
        """How many replicates are ranked."""
        return len(self.values)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the correlation with its interval."""
        return statistics.rank_correlation(self.values, self.others, level)


@dataclass(frozen=True)
class Share:
    """A count of replicates of which something holds.

    Attributes:
        successes: of how many it holds.
        n: of how many it was asked.
    """

    successes: int
    n: int

    def interval(self, level: float = 0.95) -> Interval:
        """Return the share with its exact interval."""
        return statistics.proportion(self.successes, self.n, level)


@dataclass(frozen=True)
class Identity:
    """The worst value of an algebraic identity or a limit over all replicates, which has no sampling error.

    Attributes:
        worst: the value.
        n: over how many replicates.
    """

    worst: float
    n: int

    def interval(self, level: float = 0.95) -> Interval:  # noqa: ARG002 (no level changes an identity)
        """Return the value as its own interval at any level."""
        return Interval(self.worst, self.worst, self.worst)


@dataclass(frozen=True)
class Claim:
    """A claim that a result can contradict.

    Attributes:
        key: short name.
        text: what is claimed, in our words.
        place: where it is claimed.
        result: name of the result it is judged on.
        statistic: what is measured, in words.
        low: lower end of the range in which the claim holds.
        high: upper end of that range.
        measure: what a result says of the statistic.
        published: the value that the source gives, in words.
        figure: key of the figure that shows it.
        beforehand: whether the criterion was written before any value was seen; if not, another seed is its test.
    """

    key: str
    text: str
    place: str
    result: str
    statistic: str
    low: float
    high: float
    measure: Callable[[xr.Dataset], Evidence]
    published: str
    figure: str
    beforehand: bool = True

    @property
    def criterion(self) -> str:
        """The range in words."""
        if self.high == INFINITY:
            return f"at least {self.low:g}"
        if self.low == 0:
            return f"at most {self.high:g}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Judgment:
    """A claim with what was measured.

    Attributes:
        claim: the claim.
        measured: the statistic with its 95 % interval.
        n: the replicates that it rests on.
        verdict: what follows.
    """

    claim: Claim
    measured: Interval
    n: int
    verdict: Verdict


def of_members(values: xr.DataArray, scale: Scale = "identity") -> Mean:
    """Return one number per member as evidence, of the members for which it is defined."""
    numbers = values.values.astype(np.float64)
    return Mean(numbers[np.isfinite(numbers)], scale)


NOTHING = Mean(np.empty(0))
"""Of a result without the student or point that a claim is about."""


def judge(claim: Claim, result: xr.Dataset) -> Judgment:
    """Measure a claim's statistic on a result and compare it with the criterion."""
    evidence = claim.measure(result)
    return Judgment(claim, evidence.interval(), evidence.n, verdict(evidence, claim.low, claim.high))


def verdict(evidence: Evidence, low: float, high: float) -> Verdict:
    """Compare what was measured with the range in which a claim holds.

    Equal replicates have no spread to judge by, which is no certainty: they count as so many of so many inside or
    outside the range, and decide if the exact interval of that share excludes one half.
    """
    if evidence.n < LEAST_FOR_VERDICT and not isinstance(evidence, Identity):
        return "too few members"
    if isinstance(evidence, Mean) and statistics.equal(evidence.values):
        inside = bool(low <= evidence.values[0] <= high)
        return verdict(Share(evidence.n if inside else 0, evidence.n), 0.5, 1.0)
    measured = evidence.interval()
    if not np.isfinite(measured).all():
        return "inconclusive"
    if low <= measured.low and measured.high <= high:
        return "supported"
    if measured.high < low or measured.low > high:
        return "not supported"
    return "inconclusive"
