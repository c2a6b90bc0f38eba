"""Coverage of the deployed intervals: against binomial sums, and what is promised holds at few members."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import stats

from sottovoce.errors import UsageError
from sottovoce.experiments.coverage import experiment as coverage
from sottovoce.experiments.coverage import figures, findings, simulate
from sottovoce.experiments.coverage.config import SERVED, Config
from sottovoce.lab import claims


def described(config):
    dataset = simulate.simulate(config, range(config.members))
    return dataset.assign_attrs(config=json.dumps(asdict(config)), experiment="coverage", identity="0123456789abcdef")


@pytest.fixture(scope="module")
def measured():
    return described(Config(sizes=(4, 6, 12), experiments=400).resolve())


def test_the_coverage_of_a_share_is_that_of_the_binomial_sum(measured):
    pooled = findings.rates(measured)
    for size in (4, 6, 12):
        inside = [low <= 0.9 <= high for low, high in map(lambda k, n=size: _exact(k, n), range(size + 1))]
        expected = stats.binom.pmf(range(size + 1), size, 0.9)[inside].sum()
        found = float(pooled["coverage"].sel(law="share", size=size))
        assert found == pytest.approx(expected, abs=4 * np.sqrt(0.25 / pooled.attrs["trials"]))
        assert expected >= 0.95


def _exact(successes, trials):
    low = stats.beta.ppf(0.025, successes, trials - successes + 1) if successes else 0.0
    high = stats.beta.ppf(0.975, successes + 1, trials - successes) if successes < trials else 1.0
    return low, high


@pytest.mark.parametrize("law", SERVED)
def test_what_is_promised_holds_from_six_members_on(measured, law):
    rate = findings.rates(measured)["coverage"].sel(law=law, size=[6, 12])
    # Four standard errors of 3,200 experiments beside the promised range.
    error = 4 * np.sqrt(0.05 * 0.95 / 3_200)
    assert ((rate > 0.93 - error) & (rate < 0.97 + error)).all()


def test_laws_have_the_means_and_the_skewness_that_are_said():
    for law in simulate._LAWS.values():
        drawn = law.draw(np.random.default_rng(0), (1_000, 200))
        assert drawn.mean() == pytest.approx(law.mean, abs=4 * drawn.std() / np.sqrt(drawn.size))
    for name in SERVED:
        drawn = simulate._LAWS[name].draw(np.random.default_rng(1), (1_000, 200))
        assert abs(stats.skew(drawn.ravel())) <= 1


def test_a_law_has_the_same_numbers_in_any_company():
    config = Config(sizes=(4, 6), experiments=30, members=1)
    alone = simulate.simulate(replace(config, laws=("ratio",)).resolve(), [0])
    both = simulate.simulate(replace(config, laws=("normal", "ratio")).resolve(), [0])
    assert alone["coverage"].equals(both["coverage"].sel(law=["ratio"]))


def test_rates_pool_the_members_and_the_table_says_them(measured):
    pooled = findings.rates(measured)
    assert pooled.attrs["trials"] == 8 * 400
    np.testing.assert_allclose(pooled["coverage"], measured["coverage"].mean("member"))
    rows = findings.table(measured)
    assert len(rows) == 8 * 3
    row = rows["exponential, n = 6"]
    assert row["ci95"][0] <= row["mean"] <= row["ci95"][1] < 0.93
    assert row["members"] == 3_200


def test_a_promise_is_judged_at_its_worst_size():
    result = described(Config(laws=("normal",), sizes=(4, 6, 8), experiments=100, seed=1).resolve())
    spread = 0.001 * np.arange(8)
    for size, value in ((4, 0.5), (6, 0.95), (8, 0.90)):
        result["coverage"].loc[{"size": size}] = value + spread[:, None]
    (claim,) = (claim for claim in coverage.claims if claim.key == "coverage-normal")
    (judgment,) = claims.judge([(claim, result)])
    assert judgment.measured.mean == pytest.approx(0.9035)
    assert judgment.verdict == "not supported"


def test_the_figure_has_a_line_for_each_law(measured):
    (drawing,) = figures.draw_section({"coverage": measured})
    labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert labels == measured["law"].values.tolist()
    assert figures.draw_section({}) == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("laws", ("cauchy",), "laws is 'cauchy'; allowed: normal"),
        ("laws", (), "laws is "),
        ("sizes", (6, 6), "none twice"),
        ("sizes", (3, 6), "4 or more, a whole number, since there is no interval below"),
        ("experiments", 0, "experiments is 0; allowed: 1 or more"),
        ("members", 0, "members is 0"),
        ("seed", -1, "seed is -1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(field, value, message):
    with pytest.raises(UsageError, match=message):
        replace(Config(), **{field: value}).resolve()
