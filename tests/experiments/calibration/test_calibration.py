"""The calibration of the counts of directions."""

import dataclasses
import json

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.calibration import experiment as calibration
from sottovoce.experiments.calibration import findings as analysis
from sottovoce.experiments.calibration.simulate import simulate
from sottovoce.measure import counting, directions, nulls, statistics

ATTRIBUTES = {"config": json.dumps({"replicates": 40, "planted": 20}), "experiment": "calibration"}


@pytest.fixture(scope="module")
def result():
    config = calibration.Config(
        inputs=(32, 48), units=(48,), ranks=(1, 3), strengths=(0.0, 3.0), replicates=40, planted=20, members=3
    ).resolve()
    return simulate(config, range(3)).assign_attrs(ATTRIBUTES)


def test_rates_are_nominal_on_noise_and_counts_right_above_threshold(result):
    rates = analysis.rates(result)
    # The deployed edges are drawn once, from 99 draws: four standard errors of both they and the rates of 120 weights.
    tolerance = 4 * np.sqrt(0.05 * 0.95 * (1 / 120 + 1 / 101))
    calibrated = rates.sel(rule=["marchenko_pastur", "parallel", "gap"])
    assert np.abs(calibrated["false_alarm"] - 0.05).max() < tolerance
    assert rates["exact"].sel(strength=3.0).min() > 0.8
    strong, none = (
        result.sel(strength=strength).mean(("member", "null", "inputs", "units")) for strength in (3.0, 0.0)
    )
    nominal = none["power"].sel(rule=["marchenko_pastur", "parallel", "gap"])
    # The same with 240 weights over four cells, whose edges are those of two schemes.
    assert np.abs(nominal - 0.05).max() < tolerance
    assert strong["power"].min() == 1
    assert strong["excess"].max() < 0.05 + tolerance
    np.testing.assert_allclose(strong["mean_count"].sel(rank=3), 3, atol=0.2)
    assert (rates["false_alarm_low"] <= rates["false_alarm"]).all()
    assert (rates["false_alarm"] <= rates["false_alarm_high"]).all()
    assert rates.attrs == {"members": 3, "trials": 120}


def test_members_are_counted_by_the_deployed_function_on_weights_of_their_own():
    config = calibration.Config(
        inputs=(12, 16), units=(20,), nulls=("uniform",), ranks=(1,), strengths=(2.0,), replicates=30, planted=1, seed=5
    ).resolve()
    shares = simulate(config, [1])["false_alarm"].sel(member=1, null="uniform", inputs=16, units=20)
    rng = np.random.default_rng(np.random.SeedSequence(5, spawn_key=(1, 1, 16, 20)))
    values = nulls.scheme_scale("uniform", 16) * nulls.draw_values(rng, "uniform", 16, 20, 30)
    for scale in counting.SCALES:
        counts = [counting.count_values(row, 16, 20, "uniform", scale=scale) for row in values]
        for rule in directions.RULES:
            expected = np.mean([found[rule] > 0 for found in counts])
            assert float(shares.sel(scale=scale, rule=rule)) == expected


def test_a_cell_does_not_depend_on_the_other_cells():
    few = calibration.Config.smoke().resolve()
    more = dataclasses.replace(few, inputs=(24, 20), units=(16, 24))
    one, other = (simulate(config, [0]).sel(inputs=24, units=24) for config in (few, more))
    assert one.equals(other)


def test_rates_have_exact_intervals(result):
    constructed = result.copy(deep=True)
    constructed["false_alarm"][:] = 0.0
    # No success in n trials: the upper end of the exact interval is 1 - 0.025^(1/n).
    np.testing.assert_allclose(analysis.rates(constructed)["false_alarm_high"], 1 - 0.025 ** (1 / 120), rtol=1e-6)


def test_the_table_has_a_row_for_every_cell_and_planted_rates_over_all_cells(result):
    rows = analysis.table(result)
    assert len(rows) == 2 * 2 * 2 * 4 + 2 * 2 * 2 * 4
    row = rows["normal, 32 x 48, scheme scale, parallel"]
    expected = result["false_alarm"].sel(null="normal", inputs=32, units=48, scale="scheme", rule="parallel")
    assert row["mean"] == pytest.approx(float(expected.mean()))
    assert row["ci95"][0] < row["mean"] < row["ci95"][1]
    row = rows["3 planted, strength 3.0, bulk scale, gap"]
    expected = result["exact"].sel(rank=3, strength=3.0, scale="bulk", rule="gap")
    assert row["mean"] == pytest.approx(float(expected.mean()))
    # 20 weights in each of 3 members and 4 cells.
    successes = round(float(expected.sum()) * 20)
    assert row["ci95"] == pytest.approx(list(statistics.proportion(successes, 240)[1:]))


def test_notes_name_the_cell_that_is_farthest_from_what_it_should_be(result):
    constructed = result.copy(deep=True)
    constructed["false_alarm"][:], constructed["exact"][:] = 0.05, 1.0
    constructed["false_alarm"].loc[{"null": "uniform", "inputs": 48, "scale": "bulk", "rule": "parallel"}] = 0.1
    constructed["exact"].loc[{"null": "normal", "inputs": 32, "scale": "scheme", "rank": 3}] = 0.9
    notes = analysis.notes(constructed)
    assert (
        "false alarms of parallel: 5.0 to 10.0 % in 8 cells; farthest from 5 % in uniform 48 x 48, bulk scale: "
        in (notes[1])
    )
    # 12 of 120; its exact interval is that of scipy.
    low, high = statistics.proportion(12, 120)[1:]
    assert notes[1].endswith(f"10.0 % [{100 * low:.1f}, {100 * high:.1f}]")
    # Strength 0 is not written about.
    assert notes[3].startswith("marchenko_pastur counts exactly 3 planted of strength 3: 90.0 to 100.0 % in 8 cells")
    assert "in normal 32 x 48, scheme scale: 90.0 %" in notes[3]
    assert notes[4:] == [f"{null}: {counting.drawn_levels(null)}" for null in ("normal", "uniform")]


def test_a_member_does_not_depend_on_its_company():
    config = calibration.Config.smoke().resolve()
    together, alone = simulate(config, (0, 3)), simulate(config, (3,))
    assert together.sel(member=[3]).equals(alone)
    assert not together.sel(member=0, drop=True).equals(together.sel(member=3, drop=True))
    assert tuple(alone["rule"].values) == directions.RULES


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"replicates": 0}, "replicates is 0; allowed: 1 or more"),
        ({"planted": 0}, "planted is 0; allowed: 1 or more"),
        ({"inputs": ()}, "inputs is"),
        ({"units": (3,)}, "allowed: 4 or more"),
        ({"nulls": ("gauss",)}, "allowed: normal, uniform"),
        ({"ranks": (1, 33)}, "1 to half of the smallest side, 32"),
        ({"ranks": (2, 2)}, "none twice"),
        ({"strengths": (-1.0,)}, "strengths is"),
    ],
)
def test_refuses_impossible_fields(fields, message):
    with pytest.raises(UsageError, match=message):
        calibration.Config(**fields).resolve()
