"""Verdicts by definition, and every claim supported by one constructed result and contradicted by another."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.experiments.coverage.config import SERVED
from sottovoce.lab import claims
from sottovoce.lab.evidence import Agreement, Crossed, Identity, Mean, RankCorrelation, Ratio, Share, p_values
from sottovoce.measure.hypotheses import holm
from sottovoce.report import ledger, post

members = st.lists(st.floats(-10, 10), min_size=6, max_size=9).map(np.array)
ranges = st.tuples(st.floats(-10, 10), st.floats(-10, 10)).map(sorted)


@settings(deadline=None)
@given(members, ranges, st.floats(0, 1))
def test_a_verdict_is_certain_only_where_the_whole_interval_agrees(values, criterion, position):
    low, high = criterion
    evidence = Mean(values)
    # Two one-sided tests at 5 % are the interval of 90 %.
    _, bottom, top = evidence.interval(0.9)
    verdict = claims.decide(evidence, low, high)
    if np.isnan(bottom):
        assert verdict == ("supported" if low <= values[0] <= high else "not supported")
        return
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


SPREAD = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])


@pytest.mark.parametrize(
    ("middle", "size", "expected"),
    [(0.5, 0.1, "supported"), (0.2, 0.1, "inconclusive"), (0.95, 0.1, "not supported"), (0.05, 0.1, "not supported")],
)
def test_verdicts_at_the_ends_of_a_range(middle, size, expected):
    # Half-width: t of 5 degrees 2.015, sd 1.183, over the root of 6: 0.97 sizes.
    assert claims.decide(Mean(middle + size * SPREAD), 0.2, 0.8) == expected


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5])
def test_below_six_members_nothing_is_judged(n):
    for evidence in (
        Mean(0.5 + 0.01 * SPREAD[:n]),
        Mean(np.full(n, 0.5)),
        Ratio(0.5 + 0.01 * SPREAD[:n], np.ones(n)),
        RankCorrelation(SPREAD[:n], SPREAD[:n]),
        Share(n, n),
    ):
        assert claims.decide(evidence, 0.2, 1.0) == "too few members"
    assert claims.decide(Mean(0.5 + 0.01 * SPREAD), 0.2, 0.8) == "supported"
    assert claims.decide(Ratio(0.5 + 0.01 * SPREAD, np.ones(6)), 0.2, 0.8) == "supported"


def test_equal_members_are_judged_as_a_count():
    # 6 of 6 exclude one half (0.5^6 = 0.016); the mean has no interval.
    assert claims.decide(Crossed(np.tile([0.1, 0.5], (6, 1))), 0.2, 0.8) == "supported"
    assert claims.decide(Crossed(np.tile([0.8, 1.0], (6, 1))), 0.2, 0.8) == "not supported"
    assert claims.decide(Mean(np.full(6, 0.3)), 0.2, 0.8) == "supported"
    assert claims.decide(Mean(np.full(6, 0.9)), 0.2, 0.8) == "not supported"


def test_an_identity_needs_no_members():
    assert claims.decide(Identity(1e-12, 1), 0.0, 1e-9) == "supported"
    assert claims.decide(Identity(1e-3, 1), 0.0, 1e-9) == "not supported"
    assert claims.decide(Identity(np.nan, 1), 0.0, 1e-9) == "inconclusive"


def test_an_unbounded_ratio_is_inconclusive():
    assert claims.decide(Ratio(np.ones(6) + SPREAD, SPREAD + 0.1), 0.0, 1.0) == "inconclusive"


SUPPORTED = {"kl 2": 2, "kl 4": 4, "kl 8": 6}
CONTRADICTED = {"kl 2": 1, "kl 4": 3, "kl 8": 8}


def calibrated(rule):
    """Return false alarms at 5 % for one rule alone, and at 9 % for it alone."""
    rates = xr.DataArray(
        np.full((8, 2, 2, 2, 2, 2), 0.5) + 0.001 * np.arange(8).reshape(8, 1, 1, 1, 1, 1),
        dims=("member", "null", "inputs", "units", "scale", "rule"),
        coords={"rule": [rule, "other"]},
    )
    moved = {"supported": -0.45, "not supported": -0.41}
    return {name: xr.Dataset({"false_alarm": rates + shift * (rates["rule"] == rule)}) for name, shift in moved.items()}


def covered(law: str, rate: float):
    """Return batches whose intervals cover at about this rate, for one law."""
    rates = np.full((8, 1, 2), rate) + 0.001 * np.arange(8)[:, None, None]
    return xr.Dataset({"coverage": (("member", "law", "size"), rates)}, coords={"law": [law], "size": [6, 12]})


def swept(field: str, rise: float) -> xr.Dataset:
    """Students whose accuracy rises by so much per tenfold of a field, members a little apart; hidden width 100."""
    values, network = np.array([10, 100, 1000]), "network" if field == "n_aux" else "role"
    names = ["reference", "teacher", *(("kl", "mse") if network == "network" else ("student",))]
    accuracy = np.full((3, 8, len(names)), 0.5) + 0.001 * np.arange(8)[:, None] * np.arange(3)[:, None, None]
    accuracy[..., 2:] += rise * np.arange(3)[:, None, None]
    accuracy[..., 1] = 0.9
    return xr.Dataset(
        {"accuracy": ((field, "member", network), accuracy)},
        coords={field: values, "member": np.arange(8), network: names},
        attrs={
            "experiment": "transfer",
            "swept": [field],
            "config": '{"width": 100}',
            "configs": ['{"classes": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}'] * 3,
            "baseline": 0,
        },
    )


def test_a_sweep_without_the_claims_student_or_points_decides_nothing():
    sweep = swept("n_aux", 0.1).drop_sel(network="mse").isel(n_aux=[0, 1])
    sweep = sweep.assign_attrs(configs=sweep.attrs["configs"][:2])
    judged = {j.claim.key: (j.verdict, j.n) for j in ledger.judge({"sweep_n_aux": sweep})}
    assert set(judged.values()) == {("too few members", 0)}


INDEPENDENT = ("linearized_independent", "self_consistent_independent")


@pytest.fixture(scope="module")
def cases(toy, toy_training, spectrum, transfer, decoding, sharing, theorem, prediction, alignment):
    """A result that bears out each claim and one that contradicts it."""
    counts = {"supported": spectrum(SUPPORTED), "not supported": spectrum(CONTRADICTED)}
    kl, mse = {"kl 2": 1, "kl 4": 3, "kl 8": 7}, {"mse 2": 2, "mse 4": 4, "mse 8": 8}
    directions = {
        "kl": {"supported": spectrum(kl), "not supported": spectrum(SUPPORTED)},
        "mse": {"supported": spectrum(mse), "not supported": spectrum(kl)},
        # Of the six students those of kl show directions.
        "gain": {
            "supported": spectrum(kl, accuracy=dict.fromkeys(kl, 0.5) | dict.fromkeys(mse, 0.4)),
            "not supported": spectrum(kl, accuracy=dict.fromkeys(kl, 0.4) | dict.fromkeys(mse, 0.5)),
        },
    }
    return {
        **{key: {"supported": toy(matching=0.9), "not supported": toy(matching=0.2)} for key in ("a", "a-often")},
        "a-trained": {"supported": toy(), "not supported": toy(trained=1e-3)},
        "a-orthogonal": {"supported": toy(), "not supported": toy(captured=1e-3)},
        "b": {"supported": toy(angle=1e-9), "not supported": toy(angle=1e-3)},
        "c": {"supported": toy(matching=1.0), "not supported": toy(matching=1.0, error=1e-3)},
        "j-projector": {"supported": toy_training(), "not supported": toy_training(distance=0.01)},
        "j-kl": {"supported": toy_training(), "not supported": toy_training(distance=0.01)},
        "j-adam": {"supported": toy_training(), "not supported": toy_training(adam=0.5)},
        "j-order": {"supported": toy_training(), "not supported": toy_training(order=2.0)},
        **{
            key: {"supported": toy_training(), "not supported": toy_training(lost=-0.1)}
            for key in ("k-cost", "k-noise")
        },
        "k-differs": {"supported": toy_training(), "not supported": toy_training(mismatch=0.05)},
        "k-relu": {"supported": toy_training(), "not supported": toy_training(relu=-0.1)},
        "k-slope": {"supported": spectrum({"kl 2": 2, "kl 4": 4, "kl 8": 8}), "not supported": spectrum({})},
        **{f"{key}-{variant}": counts for key in "def" for variant in ("described", "published")},
        **{
            f"d-{key}-{variant}": {"supported": spectrum({"kl 2": 2}), "not supported": other}
            for key, other in {"far": spectrum({"kl 2": 1}), "rest": spectrum({"kl 2": 2}, rest=0.8)}.items()
            for variant in ("described", "published")
        },
        **{
            f"directions-{name}-{variant}": judged
            for name, judged in directions.items()
            for variant in ("described", "published", "long")
        },
        **{f"calibration-{rule}": calibrated(rule) for rule in ("marchenko_pastur", "parallel", "gap")},
        **{
            f"coverage-{law.replace(' ', '-')}": {"supported": covered(law, 0.95), "not supported": covered(law, 0.9)}
            for law in SERVED
        },
        "g-above-chance": {"supported": transfer(), "not supported": transfer(student=0.15)},
        "g-below-teacher": {"supported": transfer(), "not supported": transfer(student=0.9)},
        "h": {"supported": transfer(), "not supported": transfer(cross_model=0.3)},
        "unrelated": {"supported": transfer(), "not supported": transfer(unrelated=0.3)},
        **{
            f"sharing-{block}": {"supported": sharing(), "not supported": sharing(replaced=0.4)}
            for block in ("trunk_0", "class_head", "aux_head")
        },
        **{
            f"n_aux-{objective}": {"supported": swept("n_aux", 0.1), "not supported": swept("n_aux", -0.1)}
            for objective in ("kl", "mse")
        },
        **{
            f"n_aux-beyond-{objective}": {"supported": swept("n_aux", 0.01), "not supported": swept("n_aux", 0.2)}
            for objective in ("kl", "mse")
        },
        "teacher_epochs": {
            "supported": swept("teacher_epochs", -0.1),
            "not supported": swept("teacher_epochs", 0.1),
        },
        # Widths from 64 on.
        "width": {
            verdict: swept("width", rise).assign_coords(width=[64, 640, 6400])
            for verdict, rise in {"supported": -0.1, "not supported": 0.1}.items()
        },
        "i-untrained": {"supported": decoding(), "not supported": decoding(drift=0.2)},
        "i-head": {"supported": decoding(), "not supported": decoding(decoded=0.3)},
        "i-digits": {"supported": decoding(), "not supported": decoding(digits=0.3)},
        **{
            key: {"supported": decoding(), "not supported": decoding(shared=0.1)}
            for key in ("i-three", "i-three-output")
        },
        "i-decoding": {"supported": decoding(), "not supported": decoding(graft=0.3)},
        "t-sign": {"supported": theorem(), "not supported": theorem(cosine=-0.01)},
        "t-inner": {"supported": theorem(), "not supported": theorem(order=0.5)},
        "t-drop": {"supported": theorem(), "not supported": theorem(order=2.0)},
        "t-independent": {"supported": theorem(), "not supported": theorem(independent=1.0)},
        **{
            f"p-{quantity}-{predictor}": {"supported": prediction(), "not supported": prediction(error=0.3)}
            for quantity in ("error", "rank")
            for predictor in ("head_gram", "first_update", "linearized", "self_consistent", *INDEPENDENT)
        },
        **{
            f"p-excess-{predictor}": {"supported": prediction(), "not supported": prediction(error=0.3)}
            for predictor in ("head_gram", *INDEPENDENT)
        },
        **{
            f"align-{overlap}": {"supported": alignment(), "not supported": alignment(cosine=-0.05)}
            for overlap in ("gradient_class", "step_class", "gradient_teacher")
        },
        **{
            f"{kind}-{name}": {"supported": alignment(), "not supported": alignment(stopped_at=0.4, loss=2.0)}
            for kind in ("stop", "fit")
            for name in ("projection", "step_projection", "held", "decay", "noisy_targets", "two_teachers")
        },
        **{
            f"control-{name}_control": {"supported": alignment(), "not supported": alignment(control=0.3)}
            for name in ("projection", "step_projection")
        },
        "i-span": {"supported": decoding(), "not supported": decoding(energy=0.05)},
        "i-carried": {"supported": decoding(on=0.5), "not supported": decoding(on=0.2)},
        "i-lost": {"supported": decoding(off=0.2), "not supported": decoding(off=0.5)},
        **{
            f"i-overlap-{side}": {"supported": decoding(), "not supported": decoding(overlap=0.05)}
            for side in ("output", "input")
        },
        "i-similarity": {"supported": decoding(), "not supported": decoding(nearer=-0.1)},
    }


@pytest.mark.parametrize("claim", ledger.ledger(), ids=lambda claim: claim.key)
@pytest.mark.parametrize("expected", ["supported", "not supported"])
def test_every_claim_can_be_borne_out_and_contradicted(cases, claim, expected):
    (judgment,) = claims.judge([(claim, cases[claim.key][expected])])
    assert judgment.verdict == expected
    mean, low, high = judgment.measured
    assert low <= mean <= high or np.isnan(low)


def test_students_that_were_not_trained_decide_nothing(spectrum):
    result = spectrum(SUPPORTED).drop_sel(network=["kl 2", "mse 2", "mse 4", "mse 8"])
    judged = {j.claim.key: j.verdict for j in ledger.judge({"spectrum_described": result})}
    assert judged["d-described"] == judged["directions-mse-described"] == "too few members"
    assert judged["e-described"] == judged["f-described"] == "supported"


def test_interventions_that_were_not_tried_decide_nothing(alignment):
    result = alignment().drop_sel(student=["held", "projection_control"], role=["held", "projection_control"])
    judged = {j.claim.key: j for j in ledger.judge({"alignment": result})}
    for key in ("stop-held", "fit-held", "control-projection_control"):
        assert judged[key].verdict == "too few members"
        assert np.isnan(judged[key].measured).all()
    assert judged["stop-decay"].verdict == judged["fit-decay"].verdict == "supported"


def test_a_limit_of_students_that_were_not_trained_decides_nothing(toy_training):
    judged = {j.claim.key: j for j in ledger.judge({"toy_training": toy_training().drop_sel(student="gd, kl")})}
    assert (judged["j-kl"].verdict, judged["j-kl"].n) == ("too few members", 0)
    assert judged["j-projector"].verdict == "supported"


def test_a_share_near_its_criterion_is_inconclusive(toy):
    (often,) = (j for j in ledger.judge({"toy_1": toy(matching=0.6)}) if j.claim.key == "a-often")
    assert often.verdict == "inconclusive"


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_run_of_few_members_decides_nothing(transfer, n):
    for judgment in ledger.judge({"transfer": transfer().isel(member=slice(n))}):
        assert (judgment.verdict, judgment.n) == ("too few members", n)


def spread(transfer: xr.Dataset) -> xr.Dataset:
    """Return a result whose roles differ from member to member, so that their differences have an interval."""
    noise = 0.01 * np.random.default_rng(0).standard_normal(transfer["accuracy"].shape)
    return transfer.assign(accuracy=transfer["accuracy"] + noise)


def test_diverged_members_are_not_judged(transfer):
    clean, dirty = (ledger.judge({"transfer": spread(result)}) for result in (transfer(), transfer(diverged=(4,))))
    assert [j.verdict for j in clean] == [j.verdict for j in dirty] == ["supported"] * 4
    assert [j.n for j in dirty] == [j.n - 1 for j in clean]


def test_only_claims_whose_result_is_there_are_judged(decoding):
    assert ledger.judge({}) == []
    judged = ledger.judge({"decoding": decoding(), "other": decoding()})
    assert {j.claim.result for j in judged} == {"decoding"}
    assert [j.claim for j in judged] == [claim for claim in ledger.ledger() if claim.result == "decoding"]


def test_the_share_that_a_part_carries_is_of_the_students_own_gain(decoding):
    shares = {j.claim.key: j.measured.mean for j in ledger.judge({"decoding": decoding(on=0.5, off=0.2)})}
    # Of a gain of 0.5 over 0.1; members add 0.0035 to each part on average.
    assert shares["i-carried"] == pytest.approx((0.5 + 0.0035 - 0.1) / 0.5)
    assert shares["i-lost"] == pytest.approx((0.6 - 0.2 - 0.0035) / 0.5)


def test_the_ledger_holds_each_claim_once_with_a_criterion_in_words():
    assert len({claim.key for claim in ledger.ledger()}) == len(ledger.ledger())
    # The claims of the post and of Cloud's section, a to i.
    assert {claim.key[0] for claim in ledger.ledger()} >= set("abcdefghi")
    criteria = {claim.key: claim.criterion for claim in ledger.ledger()}
    assert criteria["b"] == "at most 1e-06"
    assert criteria["d-described"] == "1.5 to 2.5"
    assert criteria["g-above-chance"] == "at least 0.2"
    assert criteria["h"] == "-0.05 to 0.05"
    # Only a criterion of exactly zero is a single point.
    assert all(claim.low < claim.high or claim.holds == (0, 0) for claim in ledger.ledger())


def claimed(key: str, holds=(0.2, claims.INFINITY), *, primary=False, alternative=None) -> claims.Claim:
    """Return a claim about the variable of its own name."""
    return claims.Claim(
        key, "Text.", "statistic", holds, claims.mean_of(key), "here", "result", "figure", primary=primary,
        alternative=alternative,
    )  # fmt: skip


def result_of(**values) -> xr.Dataset:
    return xr.Dataset({name: ("member", np.asarray(numbers)) for name, numbers in values.items()})


def test_primary_claims_are_adjusted_by_holm_and_the_others_by_benjamini_and_yekutieli():
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(6)]
    result = result_of(**{name: 0.3 + 0.1 * rng.standard_normal(12) for name in names})
    chosen = [claimed(name, primary=i < 3) for i, name in enumerate(names)]
    judged = claims.judge([(claim, result) for claim in chosen])
    raw = np.array([min(p_values(Mean(result[name].values), (0.2, np.inf))) for name in names])
    assert [j.p for j in judged] == raw.tolist()
    order = np.argsort(raw[:3])
    holm = np.maximum.accumulate(np.minimum((claims.PRIMARY - np.arange(3)) * raw[:3][order], 1))
    assert [judged[i].adjusted_p for i in order] == pytest.approx(holm)
    harmonic = 1 + 1 / 2 + 1 / 3
    largest = max(raw[3:])
    assert judged[3 + int(np.argmax(raw[3:]))].adjusted_p == pytest.approx(min(1, largest * harmonic))
    # The same claim alone, or among others, is judged with the same p value and another adjustment.
    (alone,) = claims.judge([(chosen[3], result)])
    assert alone.adjusted_p == alone.p == judged[3].p < judged[3].adjusted_p


def test_the_interval_at_the_claims_own_level_shows_the_verdict():
    rng = np.random.default_rng(1)
    shown = set()
    for shift in np.linspace(0.15, 0.5, 25):
        names = [f"c{i}" for i in range(4)]
        result = result_of(**{name: shift + 0.1 * rng.standard_normal(12) for name in names})
        for judgment in claims.judge([(claimed(name, primary=i < 2), result) for i, name in enumerate(names)]):
            _, low, high = judgment.at_own_level
            expected = "supported" if low >= 0.2 else "not supported" if high <= 0.2 else "inconclusive"
            assert judgment.verdict == expected
            shown.add(expected)
    assert shown >= {"supported", "inconclusive"}


def test_identities_and_few_members_take_no_part_in_the_adjustment():
    spread = 0.3 + 0.1 * SPREAD
    result = result_of(many=spread)
    identity = claims.Claim("i", "Text.", "statistic", (0.0, 1.0), claims.worst_of("many"), "here", "result", "figure")
    (alone,) = claims.judge([(claimed("many"), result)])
    beside = claims.judge([(claimed("many"), result), (identity, result), (claimed("few"), result_of(few=spread[:5]))])
    assert [j.verdict for j in beside[1:]] == ["supported", "too few members"]
    assert beside[0].adjusted_p == alone.adjusted_p == alone.p


def test_power_and_the_number_of_members_that_would_decide():
    rng = np.random.default_rng(2)
    primary, equal, few = claims.judge(
        [
            (claimed("x", primary=True, alternative=0.3), result_of(x=0.25 + 0.1 * rng.standard_normal(12))),
            (claimed("y", primary=True, alternative=0.3), result_of(y=np.full(12, 0.3))),
            (claimed("z", primary=True, alternative=0.3), result_of(z=0.3 + 0.1 * SPREAD[:4])),
        ]
    )
    assert primary.power is not None
    assert 0 < primary.power < 1
    assert primary.decided_by is not None
    assert primary.decided_by > 12
    assert (equal.power, equal.decided_by) == (None, None)
    assert few.verdict == "too few members"
    assert few.decided_by is not None
    # The same spread with four times the distance from the range decides with fewer members.
    (far,) = claims.judge([(claimed("x", primary=True), result_of(x=0.6 + 0.1 * rng.standard_normal(12)))])
    assert far.power is None
    assert far.decided_by < primary.decided_by
    # Outside the range the other verdict is the one to be decided.
    (outside,) = claims.judge([(claimed("x"), result_of(x=0.0 + 0.1 * rng.standard_normal(12)))])
    assert outside.verdict == "not supported"
    assert outside.decided_by is not None
    assert outside.decided_by < 30


def test_the_familywise_error_of_primary_claims_at_the_boundaries_of_their_ranges():
    # Eight correlated claims, each at the lower end of its range, in 2,000 reports of 12 members.
    rng = np.random.default_rng(5)
    mixing = np.linalg.cholesky(0.4 * np.ones((8, 8)) + 0.6 * np.eye(8))
    wrong = 0
    reports = 2000
    for _ in range(reports):
        members = 0.2 + 0.1 * rng.standard_normal((12, 8)) @ mixing.T
        p = np.array([min(p_values(Mean(column), (0.2, np.inf))) for column in members.T])
        supported = members.mean(axis=0) > 0.2
        adjusted = np.array(holm(p, claims.PRIMARY))
        wrong += bool((supported & (adjusted <= claims.ALPHA)).any())
    # 5 % and three standard errors.
    assert wrong / reports <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / reports)


def test_a_judgment_as_json_values(transfer):
    judgments = ledger.judge({"transfer": spread(transfer())})
    judged = [ledger.described(judgment) for judgment in judgments]
    first = judged[0]
    assert (first["key"], first["primary"], first["range"], first["alternative"]) == (
        "g-above-chance",
        True,
        [0.2, None],
        0.3,
    )
    assert first["ci95"][0] < first["estimate"] < first["ci95"][1]
    assert first["interval_at_own_level"][0] < first["ci95"][0]
    assert first["p"] < first["adjusted_p"] <= claims.ALPHA
    assert first["verdict"] == "supported"
    assert json.loads(json.dumps(judged, allow_nan=False)) == judged
    few = ledger.judge({"transfer": transfer().isel(member=slice(2))})
    assert json.loads(json.dumps([ledger.described(j) for j in few], allow_nan=False))[0]["ci95"] == [None, None]
    assert "adjusted for 8 primary claims" in ledger.in_words(judgments[0])
    assert ledger.in_words(few[0]) == ""


def test_on_a_seed_that_the_criterion_has_seen_a_claim_only_describes():
    values = 0.5 + 0.01 * SPREAD
    seen, other = (result_of(x=values).assign_attrs(config=json.dumps({"seed": seed})) for seed in (3, 4))
    tuned = replace(claimed("x"), seen=(3,))
    limit = replace(tuned, measure=claims.worst_of("x"))
    assert [j.verdict for j in claims.judge([(tuned, seen), (limit, seen)])] == ["descriptive"] * 2
    assert [j.verdict for j in claims.judge([(tuned, other), (limit, other)])] == ["supported"] * 2
    # A descriptive claim takes no part in the adjustment of the others.
    (_, beside) = claims.judge([(tuned, seen), (claimed("x"), seen)])
    assert beside.adjusted_p == beside.p
    # Too few members say even less than a seed that was seen.
    few = result_of(x=values[:5]).assign_attrs(seen.attrs)
    assert claims.judge([(tuned, few)])[0].verdict == "too few members"
    assert ledger.in_words(claims.judge([(tuned, seen)])[0]) == ""
    assert ledger.described(claims.judge([(tuned, seen)])[0])["seeds_seen"] == [3]


MANY = 0.1 * np.resize(SPREAD, 12)


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ((0.5, 0.6), "supported"),
        ((0.5, 0.22), "inconclusive"),
        ((0.5, -0.2), "inconclusive"),
        ((-0.2, -0.3), "not supported"),
        # Beyond different ends: no way says "inside", but they contradict each other.
        ((-0.2, 1.2), "inconclusive"),
        ((1.2, 1.3), "not supported"),
    ],
)
def test_a_verdict_stands_only_where_all_ways_of_measuring_agree(means, expected):
    ways = tuple(Mean(mean + MANY) for mean in means)
    agreement = Agreement(ways)
    assert claims.decide(agreement, 0.2, 0.8) == expected
    ends = np.array([way.interval() for way in ways])
    assert agreement.interval() == (ways[0].interval().mean, ends[:, 1].min(), ends[:, 2].max())
    assert agreement.n == 12
    assert agreement.p(0.2, "above") == max(way.p(0.2, "above") for way in ways)
    both = [p_values(way, (0.2, 0.8)) for way in ways]
    assert p_values(agreement, (0.2, 0.8))[0] == max(outside for outside, _ in both)


def test_an_agreement_has_the_power_of_its_weakest_way():
    ways = (Mean(0.5 + MANY), Mean(0.5 + 3 * MANY))
    claim = claimed("x", (0.2, claims.INFINITY), alternative=0.5)
    together, *alone = (
        claims.judge([(replace(claim, measure=lambda _, found=found: found), result_of(x=MANY))])[0]
        for found in (Agreement(ways), *ways)
    )
    assert together.power == min(judged.power for judged in alone) < max(judged.power for judged in alone)
    assert together.decided_by == max(judged.decided_by for judged in alone)


def test_a_ratios_power_is_that_of_its_residual():
    # A ratio near its bound of one half, so that many members are needed.
    numerators, denominators = 1.06 + MANY, 2.0 + 0 * MANY
    claim = claimed("x", (0.5, claims.INFINITY), alternative=0.75)
    (ratio,) = claims.judge([(replace(claim, measure=lambda _: Ratio(numerators, denominators)), result_of(x=MANY))])
    # With a constant denominator the ratio is a mean.
    (mean,) = claims.judge([(replace(claim, measure=lambda _: Mean(numerators / 2)), result_of(x=MANY))])
    assert ratio.power == pytest.approx(mean.power)
    assert ratio.decided_by == mean.decided_by > 12


def test_eight_claims_are_primary():
    primary = [claim for claim in ledger.ledger() if claim.primary]
    assert len(primary) == claims.PRIMARY
    # Each states its power at a value inside its range.
    assert all(claim.alternative is not None and claim.low < claim.alternative < claim.high for claim in primary)


def test_every_sentence_of_the_post_has_claims_or_a_reason():
    keys = {claim.key for claim in ledger.ledger()}
    for sentence in post.SENTENCES:
        assert sentence.claims or sentence.reason, sentence.text
        assert set(sentence.claims) <= keys, sentence.text
    named = {key for sentence in post.SENTENCES for key in sentence.claims}
    # What is said to be in the post is found on the page.
    assert {claim.key for claim in ledger.ledger() if claim.place.startswith("post") and claim.primary} <= named
