"""Verdicts by definition, and every claim supported by one constructed result and contradicted by another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.analysis import claims, ledger
from sottovoce.measure.statistics import Interval

numbers = st.floats(-10, 10)
ranges = st.tuples(numbers, numbers).map(sorted)


@settings(deadline=None)
@given(ranges, ranges, st.floats(0, 1))
def test_a_verdict_is_certain_only_where_the_whole_interval_agrees(measured, criterion, position):
    (bottom, top), (low, high) = measured, criterion
    verdict = claims.verdict(Interval((bottom + top) / 2, bottom, top), low, high)
    value = min(bottom + position * (top - bottom), top)
    # Any value that the interval allows must agree with a verdict that decides.
    assert verdict != "supported" or low <= value <= high
    assert verdict != "not supported" or not low <= value <= high
    inside = [low <= end <= high for end in (bottom, top)]
    assert all(inside) == (verdict == "supported")
    assert verdict != "not supported" or not any(inside)
    if verdict == "inconclusive":
        assert top >= low
        assert bottom <= high


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((0.5, 0.2, 0.8), "supported"),
        ((0.2, 0.1, 0.3), "inconclusive"),
        ((0.9, 0.81, 1.0), "not supported"),
        ((0.1, 0.0, 0.19), "not supported"),
        ((0.5, np.nan, np.nan), "inconclusive"),
        ((np.nan, np.nan, np.nan), "inconclusive"),
        ((0.5, 0.4, np.inf), "inconclusive"),
    ],
)
def test_verdicts_at_the_ends_of_a_range(measured, expected):
    assert claims.verdict(Interval(*measured), 0.2, 0.8) == expected


SUPPORTED = {"kl 2": 2, "kl 4": 4, "kl 8": 6}
CONTRADICTED = {"kl 2": 1, "kl 4": 3, "kl 8": 8}


@pytest.fixture
def cases(toy, spectrum, transfer, decoding, theorem, prediction):
    """A result that bears out each claim and one that contradicts it."""
    counts = {"supported": spectrum(SUPPORTED), "not supported": spectrum(CONTRADICTED)}
    return {
        "a": {"supported": toy(matching=0.8), "not supported": toy(matching=0.2)},
        "b": {"supported": toy(angle=1e-9), "not supported": toy(angle=1e-3)},
        "c": {"supported": toy(matching=1.0), "not supported": toy(matching=1.0, error=1e-3)},
        **{f"{key}-{variant}": counts for key in "def" for variant in ("described", "published")},
        "g-above-chance": {"supported": transfer(), "not supported": transfer(student=0.15)},
        "g-below-teacher": {"supported": transfer(), "not supported": transfer(student=0.9)},
        "h": {"supported": transfer(), "not supported": transfer(cross_model=0.3)},
        "i-drift": {"supported": decoding(), "not supported": decoding(drift=0.2)},
        "i-decoding": {"supported": decoding(), "not supported": decoding(graft=0.3)},
        "t-sign": {"supported": theorem(), "not supported": theorem(cosine=-0.01)},
        "t-inner": {"supported": theorem(), "not supported": theorem(order=0.5)},
        "t-drop": {"supported": theorem(), "not supported": theorem(order=2.0)},
        "t-independent": {"supported": theorem(), "not supported": theorem(independent=1.0)},
        **{
            f"p-{quantity}-{predictor}": {"supported": prediction(), "not supported": prediction(error=0.3)}
            for quantity in ("error", "rank")
            for predictor in ("head_gram", "first_update", "linearized", "self_consistent")
        },
    }


@pytest.mark.parametrize("claim", ledger.LEDGER, ids=lambda claim: claim.key)
@pytest.mark.parametrize("expected", ["supported", "not supported"])
def test_every_claim_can_be_borne_out_and_contradicted(cases, claim, expected):
    (judgment,) = (j for j in ledger.judge({claim.result: cases[claim.key][expected]}) if j.claim is claim)
    assert judgment.verdict == expected
    assert judgment.measured.low <= judgment.measured.mean <= judgment.measured.high


def test_a_share_near_its_criterion_is_inconclusive(toy):
    (a,) = (j for j in ledger.judge({"toy_1": toy(matching=0.5)}) if j.claim.key == "a")
    assert a.verdict == "inconclusive"


def test_one_member_decides_nothing(transfer):
    for judgment in ledger.judge({"transfer": transfer().isel(member=[0])}):
        assert judgment.verdict == "inconclusive"


def test_diverged_members_are_not_judged(transfer):
    clean, dirty = (ledger.judge({"transfer": result}) for result in (transfer(), transfer(diverged=(4,))))
    assert [j.verdict for j in clean] == [j.verdict for j in dirty] == ["supported"] * 3


def test_only_claims_whose_result_is_there_are_judged(decoding):
    assert ledger.judge({}) == []
    assert [j.claim.key for j in ledger.judge({"decoding": decoding(), "other": decoding()})] == [
        "i-drift",
        "i-decoding",
    ]


def test_the_ledger_holds_each_claim_once_with_a_criterion_in_words():
    assert len({claim.key for claim in ledger.LEDGER}) == len(ledger.LEDGER)
    assert {claim.key[0] for claim in ledger.LEDGER} == set("abcdefghitp")
    criteria = {claim.key: claim.criterion for claim in ledger.LEDGER}
    assert criteria["b"] == "at most 1e-06"
    assert criteria["d-described"] == "1.5 to 2.5"
    assert criteria["g-above-chance"] == "at least 0.2"
    assert criteria["h"] == "-0.05 to 0.05"
    assert all(claim.low < claim.high for claim in ledger.LEDGER)
