"""A claim with a statistic and a criterion, and the verdict computed from what was measured.

A criterion is a range for the statistic. The verdict is "supported" if the 95 % interval lies within the range,
"not supported" if it lies outside, "inconclusive" otherwise. Below `LEAST_FOR_VERDICT` replicates there is no verdict.
What was measured is `Evidence`: the numbers of single replicates, from which an interval at any level follows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from jaxtyping import Float

from sottovoce.lab.estimates import converged
from sottovoce.measure import statistics
from sottovoce.measure.statistics import Interval, Scale

INFINITY = float("inf")
LEAST_FOR_VERDICT = 6
"""The least number of replicates for which a verdict is given."""
Verdict = Literal["supported", "not supported", "inconclusive", "too few members"]


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


@dataclass(frozen=True)
class Share:
    """The number of replicates, among `n`, that meet a condition; the claim is about their share."""

    successes: int
    n: int

    def interval(self, level: float = 0.95) -> Interval:
        """Return the share with its exact (binomial) interval."""
        return statistics.proportion(self.successes, self.n, level)


@dataclass(frozen=True)
class Identity:
    """The worst value of an algebraic identity or a limit over `n` replicates; it has no sampling error."""

    worst: float
    n: int

    def interval(self, level: float = 0.95) -> Interval:  # noqa: ARG002 (no level changes an identity)
        """Return the value as its own interval at any level."""
        return Interval(self.worst, self.worst, self.worst)


Evidence = Mean | Ratio | RankCorrelation | Share | Identity
"""What was measured for a claim: `n`, the number of independent replicates, and `interval`, of the statistic."""
Measure = Callable[[xr.Dataset], Evidence]
"""Computes the evidence for a statistic from a result."""
Quantity = str | Callable[[xr.Dataset], xr.DataArray]
"""A variable of a result, or what a function computes from the members that converged."""


@dataclass(frozen=True)
class Claim:
    """A claim that a result can contradict; what the claims of a file share is given once, by `functools.partial`.

    Attributes:
        key: short name.
        text: the claim, in our own words.
        statistic: what is measured, in words.
        holds: the range of the statistic in which the claim holds, both ends included.
        measure: computes the evidence for the statistic from a result.
        place: where the claim is made.
        result: name of the result on which the claim is judged.
        figure: key of the figure that shows the statistic.
        published: the value that the source gives, in words.
        beforehand: whether the criterion was preregistered, that is, written before any value was seen; a post hoc
            criterion needs another seed as its test.
    """

    key: str
    text: str
    statistic: str
    holds: tuple[float, float]
    measure: Measure
    place: str
    result: str
    figure: str
    published: str = "-"
    beforehand: bool = True

    @property
    def low(self) -> float:
        """Lower end of the range in which the claim holds."""
        return self.holds[0]

    @property
    def high(self) -> float:
        """Upper end of the range in which the claim holds."""
        return self.holds[1]

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
    """A claim, its statistic with a 95 % interval over `n` replicates, and the outcome of comparing it with `holds`."""

    claim: Claim
    measured: Interval
    n: int
    verdict: Verdict


def of_members(values: xr.DataArray, scale: Scale = "identity") -> Mean:
    """Return one number per member as evidence, without the members whose number is not finite."""
    numbers = values.values.astype(np.float64)
    return Mean(numbers[np.isfinite(numbers)], scale)


NOTHING = Mean(np.empty(0))
"""The evidence from a result that lacks the student or the point that a claim is about."""


def mean_of(quantity: Quantity, scale: Scale = "identity", **at: Any) -> Measure:
    """Return the statistic: a quantity at these coordinates, mean over members."""

    def measure(result: xr.Dataset) -> Mean:
        values = _selected(result, quantity, at)
        return NOTHING if values is None else of_members(values, scale)

    return measure


def difference(quantity: Quantity, along: str, one: Any, other: Any, **at: Any) -> Measure:
    """Return the statistic: a quantity at `one` minus the same at `other` of a dimension, paired, mean over members."""

    def measure(result: xr.Dataset) -> Mean:
        minuend, subtrahend = (_selected(result, quantity, {**at, along: where}) for where in (one, other))
        return NOTHING if minuend is None or subtrahend is None else of_members(minuend - subtrahend)

    return measure


def worst_of(
    quantity: Quantity, worst: Callable[[xr.DataArray], xr.DataArray] = xr.DataArray.max, **at: Any
) -> Measure:
    """Return the statistic: the worst value of a quantity over all replicates, which are members or their draws."""

    def measure(result: xr.Dataset) -> Evidence:
        values = _selected(result, quantity, at)
        if values is None:
            return NOTHING
        # The replicates are the members, or a toy's draws of all members; other dimensions repeat the same replicates.
        return Identity(
            float(worst(values)), math.prod(values.sizes[dim] for dim in {"member", "draw"} & {*values.dims})
        )

    return measure


def _selected(result: xr.Dataset, quantity: Quantity, at: dict[str, Any]) -> xr.DataArray | None:
    members = converged(result)
    values = members[quantity] if isinstance(quantity, str) else quantity(members)
    # A result without the student or the point says nothing about it.
    if not all(np.isin(wanted, values[dim]).all() for dim, wanted in at.items()):
        return None
    return values.sel(at, drop=True)


def judge(claim: Claim, result: xr.Dataset) -> Judgment:
    """Measure a claim's statistic on a result and compare it with the criterion."""
    evidence = claim.measure(result)
    return Judgment(claim, evidence.interval(), evidence.n, verdict(evidence, claim.low, claim.high))


def verdict(evidence: Evidence, low: float, high: float) -> Verdict:
    """Compare what was measured with the range in which a claim holds.

    Replicates that are all equal have no spread to judge by, which does not make them certain. They are judged as a
    share instead: all of them, or none, lie in the range, and the exact interval of that share has to exclude one half.
    """
    # An identity has no sampling error, so any number of replicates decides.
    if evidence.n < LEAST_FOR_VERDICT and not isinstance(evidence, Identity):
        return "too few members"
    if isinstance(evidence, Mean) and statistics.equal(evidence.values, evidence.scale):
        inside = bool(low <= evidence.values[0] <= high)
        # The exact interval of "all of n" excludes one half from six replicates on: 0.025^(1/6) > 1/2 > 0.025^(1/5).
        return verdict(Share(evidence.n if inside else 0, evidence.n), 0.5, 1.0)
    measured = evidence.interval()
    # An interval can be unbounded, such as a ratio whose denominator may be zero.
    if not np.isfinite(measured).all():
        return "inconclusive"
    if low <= measured.low and measured.high <= high:
        return "supported"
    if measured.high < low or measured.low > high:
        return "not supported"
    return "inconclusive"
