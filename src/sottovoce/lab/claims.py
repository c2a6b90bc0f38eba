"""Claims that measurement can contradict: a statistic, the range in which the claim holds, and the verdict.

"Supported" means that both one-sided tests place the statistic inside the range, "not supported" that one test places
the statistic outside; else the verdict is "inconclusive". P values are adjusted for the number of claims: Holm's
procedure over the primary claims, Benjamini and Yekutieli's over the others, whose members are shared. Identities have
no sampling error and stand apart. Below `LEAST_FOR_VERDICT` replicates nothing is judged, and on a seed on which a
claim's criterion was chosen the claim is only "descriptive".
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import xarray as xr

from sottovoce.lab.checks import DEFAULT_SEED
from sottovoce.lab.estimates import converged
from sottovoce.lab.evidence import NOTHING, Agreement, Crossed, Evidence, Identity, Mean, Ratio, of_members, p_values
from sottovoce.measure import hypotheses, statistics
from sottovoce.measure.statistics import Interval, Scale

INFINITY = float("inf")
ALPHA = 0.05
"""Level of every family of tests: of the primary claims together, and of the others together."""
PRIMARY = 8
"""The number of primary claims, by which the level is divided whether all of them are at hand or not."""
BEFORE_DEFAULT = tuple(range(DEFAULT_SEED))
"""The seeds of which results were known before the default seed was chosen."""
LEAST_FOR_VERDICT = 6
"""The least number of replicates for which a verdict is given."""
Verdict = Literal["supported", "not supported", "inconclusive", "too few members", "descriptive"]

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
        seen: the seeds whose results were known when the criterion was chosen or changed, and on which it is therefore
            no test.
        primary: whether the claim is one of the `PRIMARY` whose family-wise error is held at `ALPHA`.
        alternative: the value of the statistic at which the claim's power is stated.
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
    seen: tuple[int, ...] = (0,)
    primary: bool = False
    alternative: float | None = None

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
    """A claim with what was measured, and how the measurement compares with the range in which the claim holds.

    Attributes:
        claim: the claim.
        measured: the statistic with its 95 % interval.
        n: how many replicates were measured.
        seed: the seed of the result; None where the result has none.
        p: the smaller p value of "outside" and "inside" the range, before adjustment.
        adjusted_p: the p value adjusted for the other claims.
        at_own_level: the statistic with the interval from which the verdict can be read: the claim is supported if the
            interval lies inside the range, not supported if outside.
        verdict: the outcome.
        power: the probability of "supported" at the claim's alternative with this n and spread, at the level that a
            claim has that is decided first; None without an alternative or where members have no spread.
        decided_by: how many members would decide with a probability of 0.8 if the mean and the spread are as measured;
            None where more than `hypotheses.MOST_MEMBERS` would be needed, or for other evidence than means.
    """

    claim: Claim
    measured: Interval
    n: int
    seed: int | None
    p: float
    adjusted_p: float
    at_own_level: Interval
    verdict: Verdict
    power: float | None
    decided_by: int | None


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


def judge(measured: Sequence[tuple[Claim, xr.Dataset]]) -> list[Judgment]:
    """Measure every claim's statistic on its result, and judge the claims together."""
    evidence = [claim.measure(result) for claim, result in measured]
    untested: list[Verdict | None] = [_untested(one, *pair) for one, pair in zip(evidence, measured, strict=True)]
    both = [p_values(one, claim.holds) for one, (claim, _) in zip(evidence, measured, strict=True)]
    p = np.array([min(pair) for pair in both])
    # An identity has no sampling error, so its p values, which are 0 and 1, stay as they are.
    tested = [i for i, one in enumerate(evidence) if untested[i] is None and not isinstance(one, Identity)]
    primary, others = ([i for i in tested if measured[i][0].primary == wanted] for wanted in (True, False))
    adjusted = p.copy()
    adjusted[primary] = hypotheses.holm(p[primary], PRIMARY)
    adjusted[others] = hypotheses.benjamini_yekutieli(p[others])
    # The level of the claim of each family that is decided first.
    first = {True: ALPHA / PRIMARY, False: ALPHA / max(len(others) * (1 / np.arange(1, len(others) + 1)).sum(), 1)}
    return [
        _judgment(claim, one, _seed(result), pair, float(after), first[claim.primary], without_test)
        for (claim, result), one, pair, after, without_test in zip(
            measured, evidence, both, adjusted, untested, strict=True
        )
    ]


def _untested(evidence: Evidence, claim: Claim, result: xr.Dataset) -> Verdict | None:
    """Return the verdict of a claim that this result cannot test, or None."""
    # Any number of replicates decides an identity.
    if evidence.n < LEAST_FOR_VERDICT and not isinstance(evidence, Identity):
        return "too few members"
    return "descriptive" if _seed(result) in claim.seen else None


def _seed(result: xr.Dataset) -> int | None:
    # Results that no run has made, and sweeps over seeds, have no seed of their own.
    return json.loads(result.attrs.get("config", "{}")).get("seed")


def _judgment(
    claim: Claim,
    evidence: Evidence,
    seed: int | None,
    both: tuple[float, float],
    adjusted_p: float,
    first_level: float,
    untested: Verdict | None,
) -> Judgment:
    p = min(both)
    # The level at which the test without adjustment decides as the adjusted one does.
    level = ALPHA * p / adjusted_p if adjusted_p > 0 else first_level
    power, decided_by = _power(claim, evidence, first_level)
    return Judgment(
        claim=claim,
        measured=evidence.interval(),
        n=evidence.n,
        seed=seed,
        p=p,
        adjusted_p=adjusted_p,
        at_own_level=evidence.interval(1 - 2 * level),
        verdict=untested or _decided(both, adjusted_p),
        power=power,
        decided_by=decided_by,
    )


def _decided(both: tuple[float, float], p: float) -> Verdict:
    """Return the verdict from the p values of "outside" and "inside", and the smaller one after adjustment."""
    if p > ALPHA:
        return "inconclusive"
    return "supported" if both[0] <= both[1] else "not supported"


def decide(evidence: Evidence, low: float, high: float) -> Verdict:
    """Compare one measurement with a range, without adjustment for other claims."""
    if evidence.n < LEAST_FOR_VERDICT and not isinstance(evidence, Identity):
        return "too few members"
    both = p_values(evidence, (low, high))
    return _decided(both, min(both))


def _power(claim: Claim, evidence: Evidence, alpha: float) -> tuple[float | None, int | None]:
    """Return `power` and `decided_by` of a judgment; both None where members do not differ or are too few to tell."""
    match evidence:
        case Mean():
            return _power_of_mean(evidence, claim.holds, claim.alternative, alpha)
        case Crossed():
            of_images = statistics.crossed_error(evidence.values).of_images
            return _power_of_mean(
                Mean(evidence.values.mean(axis=1)), claim.holds, claim.alternative, alpha, fixed=of_images
            )
        case Ratio() if np.isfinite(claim.low) and claim.high == INFINITY:
            # The ratio exceeds its bound where the mean of this residual exceeds zero.
            residual = Mean(evidence.numerators - claim.low * evidence.denominators)
            denominator = float(evidence.denominators.mean())
            alternative = None if claim.alternative is None else (claim.alternative - claim.low) * denominator
            return _power_of_mean(residual, (0.0, INFINITY), alternative, alpha)
        case Agreement():
            # All ways have to decide, so that the weakest one says what can be hoped for at most.
            powers, numbers = zip(*(_power(claim, way, alpha) for way in evidence.ways), strict=True)
            return (None if None in powers else min(powers)), (None if None in numbers else max(numbers))
        case _:
            return None, None


def _power_of_mean(
    evidence: Mean, holds: tuple[float, float], alternative: float | None, alpha: float, fixed: float = 0.0
) -> tuple[float | None, int | None]:
    """Return `_power` for a mean, of whose standard error the part `fixed` does not shrink with members."""
    if not np.isfinite(evidence.interval().low):
        return None, None
    mean, spread = float(evidence.values.mean()), float(evidence.values.std(ddof=1))
    low, high = holds
    # An estimate outside the range is decided by the end that lies between.
    side = (-INFINITY, low) if mean < low else (high, INFINITY) if mean > high else holds
    power = partial(hypotheses.power, spread=spread, alpha=alpha, scale=evidence.scale, fixed=fixed)
    decided_by = hypotheses.members_needed(lambda n: power(mean, n=n, holds=side), LEAST_FOR_VERDICT)
    return None if alternative is None else power(alternative, n=evidence.n, holds=holds), decided_by
