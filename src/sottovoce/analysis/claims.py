"""A claim with a statistic and a criterion, and the verdict computed from what was measured.

A criterion is a range for the statistic. The verdict is "supported" if the 95 % interval lies within the range,
"not supported" if it lies outside, "inconclusive" otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from sottovoce.measure.statistics import Interval

INFINITY = float("inf")
Verdict = Literal["supported", "not supported", "inconclusive"]


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
        measure: the statistic with its 95 % interval.
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
    measure: Callable[[xr.Dataset], Interval]
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
        verdict: "supported", "not supported" or "inconclusive".
    """

    claim: Claim
    measured: Interval
    verdict: Verdict


def verdict(measured: Interval, low: float, high: float) -> Verdict:
    """Compare an interval with the range in which a claim holds; an interval that is not finite decides nothing."""
    if not np.isfinite(measured).all():
        return "inconclusive"
    if low <= measured.low and measured.high <= high:
        return "supported"
    if measured.high < low or measured.low > high:
        return "not supported"
    return "inconclusive"
