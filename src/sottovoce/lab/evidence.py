"""What was measured for a claim: the numbers of single replicates, from which intervals and p values follow."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from sottovoce.measure import hypotheses, statistics
from sottovoce.measure.hypotheses import Side
from sottovoce.measure.statistics import Interval, Scale


@dataclass(frozen=True, eq=False)
class Mean:
    """One number per replicate; the claim is about their mean, with an interval on `scale`."""

    values: Float[np.ndarray, " replicate"]
    scale: Scale = "identity"

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return self.values.size

    def interval(self, level: float = 0.95) -> Interval:
        """Return the mean with its interval."""
        return statistics.interval(self.values, self.scale, level)

    def p(self, bound: float, side: Side) -> float:
        """Return the p value that the mean lies on this side of a bound."""
        return hypotheses.mean_p(self.values, bound, side, self.scale)


@dataclass(frozen=True, eq=False)
class Crossed:
    """One number per replicate and test image; the claim is about their mean over other replicates and images."""

    values: Float[np.ndarray, "replicate image"]

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return len(self.values)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the mean with its interval over replicates and images."""
        return statistics.crossed(self.values, level)

    def p(self, bound: float, side: Side) -> float:
        """Return the p value that the mean lies on this side of a bound."""
        return hypotheses.crossed_p(self.values, bound, side)


@dataclass(frozen=True, eq=False)
class Ratio:
    """Two numbers per replicate; the claim is about the ratio of their means."""

    numerators: Float[np.ndarray, " replicate"]
    denominators: Float[np.ndarray, " replicate"]

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return self.numerators.size

    def interval(self, level: float = 0.95) -> Interval:
        """Return the ratio with its interval by Fieller's method."""
        return statistics.ratio(self.numerators, self.denominators, level)

    def p(self, bound: float, side: Side) -> float:
        """Return the p value that the ratio lies on this side of a bound."""
        return hypotheses.ratio_p(self.numerators, self.denominators, bound, side)


@dataclass(frozen=True, eq=False)
class RankCorrelation:
    """Two numbers, or two columns of numbers, per replicate; the claim is about Spearman's rank correlation."""

    values: Float[np.ndarray, "replicate *rest"]
    others: Float[np.ndarray, "replicate *rest"]

    @property
    def n(self) -> int:
        """How many replicates are ranked."""
        return len(self.values)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the correlation with its interval."""
        return statistics.rank_correlation(self.values, self.others, level)

    def p(self, bound: float, side: Side) -> float:
        """Return the p value that the correlation lies on this side of a bound."""
        return hypotheses.rank_correlation_p(self.values, self.others, bound, side)


@dataclass(frozen=True)
class Share:
    """The number of replicates, among `n`, that meet a condition; the claim is about their share."""

    successes: int
    n: int

    def interval(self, level: float = 0.95) -> Interval:
        """Return the share with its exact (binomial) interval."""
        return statistics.proportion(self.successes, self.n, level)

    def p(self, bound: float, side: Side) -> float:
        """Return the exact p value that the share lies on this side of a bound."""
        return hypotheses.proportion_p(self.successes, self.n, bound, side)


@dataclass(frozen=True)
class Identity:
    """The worst value of an algebraic identity or a limit over `n` replicates; it has no sampling error."""

    worst: float
    n: int

    def interval(self, level: float = 0.95) -> Interval:  # noqa: ARG002 (no level changes an identity)
        """Return the value as its own interval at any level."""
        return Interval(self.worst, self.worst, self.worst)

    def p(self, bound: float, side: Side) -> float:
        """Return 0 where the value lies on this side of a bound or at the bound, else 1."""
        return 0.0 if (self.worst >= bound if side == "above" else self.worst <= bound) else 1.0


@dataclass(frozen=True)
class Agreement:
    """Several reasonable ways to measure one statistic; a verdict stands only where all of them agree.

    The interval is that of all ways together: from the lowest to the highest end, with the first way's estimate.
    """

    ways: "tuple[Mean, ...]"

    @property
    def n(self) -> int:
        """How many replicates the way with the fewest has."""
        return min(way.n for way in self.ways)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the first way's estimate, with the interval that contains those of all ways."""
        ends = [way.interval(level) for way in self.ways]
        return Interval(ends[0].mean, min(end.low for end in ends), max(end.high for end in ends))

    def p(self, bound: float, side: Side) -> float:
        """Return the largest of the ways' p values: a test of all that rejects only where each does (Berger 1982)."""
        return max(way.p(bound, side) for way in self.ways)


Evidence = Mean | Crossed | Ratio | RankCorrelation | Share | Identity | Agreement
"""What was measured for a claim: `n`, the number of independent replicates, `interval` of the statistic, and `p`."""


def of_members(values: xr.DataArray, scale: Scale = "identity") -> Mean:
    """Return one number per member as evidence, without the members whose number is not finite."""
    numbers = values.values.astype(np.float64)
    return Mean(numbers[np.isfinite(numbers)], scale)


NOTHING = Mean(np.empty(0))
"""The evidence from a result that lacks the student or the point that a claim is about."""


def as_share(evidence: Evidence, holds: tuple[float, float]) -> tuple[Evidence, tuple[float, float]]:
    """Return evidence of equal members as the share of them that lies in a range, with the range of a majority.

    Members that are all equal have no spread to judge by, which does not make them certain. Other evidence is returned
    as it is.
    """
    one_each = Mean(evidence.values.mean(axis=1)) if isinstance(evidence, Crossed) else evidence
    if isinstance(one_each, Mean) and statistics.equal(one_each.values, one_each.scale):
        inside = bool(holds[0] <= one_each.values[0] <= holds[1])
        return Share(evidence.n if inside else 0, evidence.n), (0.5, 1.0)
    return evidence, holds


def p_values(evidence: Evidence, holds: tuple[float, float]) -> tuple[float, float]:
    """Return the p values against "the statistic lies outside the range" and against "it lies inside".

    The first is the larger of two one-sided tests. The second is that of the end beyond which the estimate lies, and 1
    for an estimate in the range.
    """
    if isinstance(evidence, Agreement):
        return _agreed(evidence, holds)
    evidence, (low, high) = as_share(evidence, holds)
    estimate = evidence.interval().mean
    outside = max(evidence.p(low, "above"), evidence.p(high, "below"))
    if estimate < low:
        return outside, evidence.p(low, "below")
    return outside, evidence.p(high, "above") if estimate > high else 1.0


def _agreed(evidence: Agreement, holds: tuple[float, float]) -> tuple[float, float]:
    outside, inside = (max(p) for p in zip(*(p_values(way, holds) for way in evidence.ways), strict=True))
    estimates = [way.interval().mean for way in evidence.ways]
    # Ways that lie beyond different ends contradict each other, so that together they decide nothing.
    agree = all(mean < holds[0] for mean in estimates) or all(mean > holds[1] for mean in estimates)
    return outside, inside if agree else 1.0
