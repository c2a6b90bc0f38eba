"""The calibration of the counts of directions."""

import json

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.calibration import experiment as calibration
from sottovoce.experiments.calibration import findings as analysis
from sottovoce.experiments.calibration.simulate import simulate
from sottovoce.measure import directions


@pytest.fixture(scope="module")
def result():
    config = calibration.Config(
        widths=(24, 32), ranks=(1, 3), strengths=(0.0, 3.0), planted_width=48, replicates=40, draws=59, members=3
    ).resolve()
    attributes = {"config": json.dumps({"replicates": config.replicates}), "experiment": "calibration"}
    return simulate(config, range(3)).assign_attrs(attributes)


def test_rates_are_nominal_on_noise_and_counts_right_above_threshold(result):
    rates = analysis.rates(result)
    # Rates of 120 trials against edges of 59 draws per member: five standard errors of both.
    tolerance = 5 * np.sqrt(0.05 * 0.95 * (1 / 120 + 1 / (3 * 61)))
    calibrated = rates.sel(rule=["marchenko_pastur", "parallel", "gap"])
    assert np.abs(calibrated["false_alarm"] - 0.05).max() < tolerance
    assert np.abs(calibrated["power"].sel(strength=0.0) - 0.05).max() < tolerance
    assert rates["power"].sel(strength=3.0).min() == 1
    assert rates["exact"].sel(strength=3.0).min() > 0.8
    assert rates["excess"].sel(strength=3.0).max() < 0.05 + tolerance
    np.testing.assert_allclose(rates["mean_count"].sel(strength=3.0, rank=3), 3, atol=0.2)
    assert (rates["false_alarm_low"] <= rates["false_alarm"]).all()
    assert (rates["false_alarm"] <= rates["false_alarm_high"]).all()
    assert rates.attrs == {"members": 3, "trials": 120}


def test_rates_have_exact_intervals(result):
    constructed = result.copy(deep=True)
    constructed["false_alarm"][:] = 0.0
    # No success in n trials: the upper end of the exact interval is 1 - 0.025^(1/n).
    np.testing.assert_allclose(analysis.rates(constructed)["false_alarm_high"], 1 - 0.025 ** (1 / 120), rtol=1e-6)


def test_the_table_has_a_row_for_every_rate(result):
    rows = analysis.table(result)
    assert len(rows) == 2 * 2 * 2 * 4 + 2 * 2 * 2 * 4
    row = rows["normal, 24 wide, scheme scale, parallel"]
    expected = result["false_alarm"].sel(null="normal", width=24, scale="scheme", rule="parallel")
    assert row["mean"] == pytest.approx(float(expected.mean()))
    assert row["ci95"][0] < row["mean"] < row["ci95"][1]


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
        ({"draws": 18}, "draws is 18; allowed: 19 or more"),
        ({"widths": ()}, "widths is"),
        ({"widths": (3,)}, "allowed: 4 or more"),
        ({"nulls": ("gauss",)}, "allowed: normal, uniform"),
        ({"ranks": (1, 65)}, "1 to half of planted_width, 64"),
        ({"ranks": (2, 2)}, "none twice"),
        ({"strengths": (-1.0,)}, "strengths is"),
    ],
)
def test_refuses_impossible_fields(fields, message):
    with pytest.raises(UsageError, match=message):
        calibration.Config(**fields).resolve()
