"""The ledger: each claim with a statistic and a criterion fixed here, before any run, and a computed verdict.

A criterion is a range for the statistic. The verdict is "supported" if the 95 % interval lies within the range,
"not supported" if it lies outside, "inconclusive" otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from sottovoce.analysis.estimates import components_above_edge, converged
from sottovoce.measure.statistics import Interval, interval, proportion

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


def judge(results: Mapping[str, xr.Dataset]) -> list[Judgment]:
    """Judge every claim whose result is there.

    Args:
        results: datasets by the names that claims use.

    Returns:
        Judgments in the order of the ledger.
    """
    judgments = []
    for claim in LEDGER:
        if claim.result in results:
            measured = claim.measure(results[claim.result])
            judgments.append(Judgment(claim, measured, verdict(measured, claim.low, claim.high)))
    return judgments


def _exact(values: xr.DataArray) -> Interval:
    """Return the largest value over all draws; an algebraic identity has no sampling error."""
    largest = float(np.max(values.values))
    return Interval(largest, largest, largest)


def _matches_well(toy: xr.Dataset) -> Interval:
    error = toy["relative_error"].isel(logit=0)
    return proportion(int((error <= 0.5).sum()), error.size)


def _components(network: str) -> Callable[[xr.Dataset], Interval]:
    return lambda spectrum: interval(components_above_edge(converged(spectrum)).sel(network=network).values)


def _difference(role: str, other: str) -> Callable[[xr.Dataset], Interval]:
    def measure(transfer: xr.Dataset) -> Interval:
        accuracy = converged(transfer)["accuracy"]
        return interval(accuracy.sel(role=role).values - accuracy.sel(role=other).values)

    return measure


def _drift(decoding: xr.Dataset) -> Interval:
    return interval(converged(decoding)["relative_drift"].sel(body="teacher", block="class_head").values)


def _initial_head_reads_teacher(decoding: xr.Dataset) -> Interval:
    return interval(converged(decoding)["graft_accuracy"].sel(body="teacher", head="reference").values)


def _count_claims(variant: str) -> tuple[Claim, ...]:
    setting = {"described": "at the settings the post describes", "published": "at the settings of the post's script"}
    rows = (
        ("d", 2, 1.5, 2.5, "two components far above initialization and the rest as untrained"),
        ("e", 4, 3.5, 4.5, "about four components above the baseline"),
        ("f", 8, 5.5, 7.5, "six or seven components above the baseline"),
    )
    return tuple(
        Claim(
            key=f"{key}-{variant}",
            text=f"A student distilled on {k} auxiliary logits {setting[variant]} shows {text}.",
            place="post, Figure 3 and its text",
            result=f"spectrum_{variant}",
            statistic=f"components of the k = {k} kl student's second hidden layer whose explained-variance ratio "
            "exceeds the largest first component of the members' initializations; mean over members",
            low=low,
            high=high,
            measure=_components(f"kl {k}"),
            published={2: "2", 4: "about 4", 8: "6 or 7"}[k],
            figure="figure3",
        )
        for key, k, low, high, text in rows
    )


LEDGER = (
    Claim(
        key="a",
        text="With one auxiliary logit, the class column that was never trained often matches the teacher's "
        "reasonably well.",
        place="post, Toy Models, Figure 1",
        result="toy_1",
        statistic="share of draws in which the class column's relative error is at most 0.5",
        low=0.5,
        high=1.0,
        measure=_matches_well,
        published="often",
        figure="figure1",
    ),
    Claim(
        key="b",
        text="With one auxiliary logit, both columns of the student lie on one line.",
        place="post, Toy Models, Figure 1",
        result="toy_1",
        statistic="largest angle between the lines of the two columns over all draws, degrees",
        low=0.0,
        high=1e-6,
        measure=lambda toy: _exact(toy["line_angle"]),
        published="always",
        figure="figure1",
    ),
    Claim(
        key="c",
        text="With two auxiliary logits and two hidden units, the student matches the teacher exactly.",
        place="post, Higher Rank Toy Models, Figure 2",
        result="toy_2",
        statistic="largest relative error of any column over all draws",
        low=0.0,
        high=1e-9,
        measure=lambda toy: _exact(toy["relative_error"]),
        published="exactly",
        figure="figure2",
    ),
    *_count_claims("described"),
    *_count_claims("published"),
    Claim(
        key="g-above-chance",
        text="The student classifies far better than chance.",
        place="Cloud, MNIST experiment; post, last section",
        result="transfer",
        statistic="accuracy of the student minus accuracy of its reference, paired; mean over members",
        low=0.2,
        high=INFINITY,
        measure=_difference("student", "reference"),
        published="0.43 (0.528 against 0.0998)",
        figure="bars",
    ),
    Claim(
        key="g-below-teacher",
        text="The student classifies far worse than its teacher.",
        place="Cloud, MNIST experiment; post, last section",
        result="transfer",
        statistic="accuracy of the teacher minus accuracy of its student, paired; mean over members",
        low=0.2,
        high=INFINITY,
        measure=_difference("teacher", "student"),
        published="0.42 (0.9434 against 0.528)",
        figure="bars",
    ),
    Claim(
        key="h",
        text="A student from another initialization stays at chance.",
        place="Cloud, MNIST experiment",
        result="transfer",
        statistic="accuracy of the cross-model student minus that of the reference; mean over members",
        low=-0.05,
        high=0.05,
        measure=_difference("cross_model", "reference"),
        published="0.006 (0.106 against 0.0998)",
        figure="bars",
    ),
    Claim(
        key="i-drift",
        text="The class head barely moves while the teacher is trained.",
        place="post, last section",
        result="decoding",
        statistic="relative drift of the teacher's class head, |W - W0| / |W0|; mean over members",
        low=0.0,
        high=0.1,
        measure=_drift,
        published="similar",
        figure="decoding",
    ),
    Claim(
        key="i-decoding",
        text="The initial class head can decode the directions that the teacher learned.",
        place="post, last section",
        result="decoding",
        statistic="accuracy of the teacher's body under the reference's class head; mean over members",
        low=0.5,
        high=INFINITY,
        measure=_initial_head_reads_teacher,
        published="noisily",
        figure="decoding",
    ),
)
