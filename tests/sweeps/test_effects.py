"""Differences and trends of sweeps made by hand: what was planted is found, and chance is not."""

import json

import numpy as np
import pytest
import xarray as xr

from sottovoce.errors import UsageError
from sottovoce.experiments.spectrum import sweeps as spectrum_sweeps
from sottovoce.measure import statistics
from sottovoce.sweeps import effects, points
from sottovoce.sweeps import tables as summaries

ROLES = ["reference", "teacher", "student"]
RNG = np.random.default_rng(0)


def swept(student, over=None, baseline=0, diverged=None):
    """Return a sweep whose students have these accuracies by point and member, their teachers 0.9."""
    student = np.asarray(student, dtype=float)
    over = {"width": [10, 100, 1000]} if over is None else over
    shape = tuple(len(values) for values in over.values())
    accuracy = np.stack([np.full_like(student, 0.1), np.full_like(student, 0.9), student], axis=-1)
    dims = (*over, "member")
    flags = np.zeros(student.shape, dtype=bool) if diverged is None else np.asarray(diverged)
    return xr.Dataset(
        {
            "accuracy": ((*dims, "role"), accuracy.reshape(*shape, *accuracy.shape[1:])),
            "diverged": (dims, flags.reshape(*shape, -1)),
        },
        coords={**over, "member": np.arange(student.shape[1]), "role": ROLES},
        attrs={
            "experiment": "transfer",
            "swept": list(over),
            "config": "{}",
            "configs": [json.dumps({"classes": list(range(10)), "dataset": "digits"})] * len(student),
            "baseline": baseline,
            "identity": "0" * 64,
            "command": "sottovoce sweep",
        },
    )


@pytest.mark.parametrize("baseline", [0, 1])
def test_differences_are_those_of_each_member(baseline):
    student = RNG.uniform(0.2, 0.8, (3, 6))
    found = effects.differences(swept(student, baseline=baseline))
    others = [i for i in range(3) if i != baseline]
    assert found["width"].values.tolist() == [[10, 100, 1000][i] for i in others]
    assert found.attrs["baseline"] == {"width": [10, 100, 1000][baseline]}
    assert found["network"].values.tolist() == ["student"]
    for row, i in enumerate(others):
        change = student[i] - student[baseline]
        here = found.isel(comparison=row, network=0)
        assert (float(here["mean"]), float(here["low"]), float(here["high"])) == statistics.interval(change)
        ends = statistics.simultaneous(change, 2)[1:]
        assert (float(here["simultaneous_low"]), float(here["simultaneous_high"])) == ends
    # Pairing: what members share does not widen a difference.
    spread = np.array([[0.0], [0.1], [0.2]]) * (1 + 0.01 * np.arange(6))
    paired = effects.differences(swept(student[:1] + spread, baseline=baseline))
    assert (paired["high"] - paired["low"] < 0.02).all()


def test_a_member_that_diverged_at_one_point_is_left_out_of_its_pairs_alone():
    student = RNG.uniform(0.2, 0.8, (3, 6))
    flags = np.zeros((3, 6), dtype=bool)
    flags[2, [0, 3]] = True
    student[flags] = np.nan
    found = effects.differences(swept(student, diverged=flags))
    assert found["n"].values.ravel().tolist() == [6, 4]
    kept = [1, 2, 4, 5]
    assert float(found["mean"][1, 0]) == pytest.approx((student[2] - student[0])[kept].mean())
    # At a point without members there is nothing to compare and nothing to correct for.
    flags[2] = True
    none = effects.differences(swept(np.where(flags, np.nan, student), diverged=flags))
    assert none.attrs["intervals"] == 1
    assert np.isnan(none["mean"][1, 0])


def test_a_grid_is_compared_point_by_point():
    over = {"width": [10, 100], "inputs": ["uniform", "images"]}
    student = np.array([[0.1], [0.2], [0.4], [0.8]]) + RNG.normal(0, 0.01, (4, 5))
    found = effects.differences(swept(student, over, baseline=2))
    at = list(zip(found["width"].values.tolist(), found["inputs"].values.tolist(), strict=True))
    assert at == [(10, "uniform"), (10, "images"), (100, "images")]
    np.testing.assert_allclose(found["mean"][:, 0], (student[[0, 1, 3]] - student[2]).mean(axis=1))
    assert effects.trend(swept(student, over)) is None


def test_recovered_fractions_are_compared_too():
    student = RNG.uniform(0.2, 0.8, (3, 6))
    accuracy, fraction = (effects.differences(swept(student), name) for name in ("accuracy", "recovered_fraction"))
    np.testing.assert_allclose(fraction["mean"], accuracy["mean"] / 0.8)
    by = points.by_point(swept(student), "recovered_fraction")
    np.testing.assert_allclose(by["mean"].sel(role="student"), ((student - 0.1) / 0.8).mean(axis=1))
    with pytest.raises(UsageError, match="the sweep has accuracy, diverged, recovered_fraction"):
        points.by_point(swept(student), "loss")


def test_a_planted_trend_is_found():
    rise = 0.1 + 0.01 * np.arange(6)
    per_tenfold = effects.trend(swept(0.2 + rise * np.array([[0.0], [1.0], [2.0]])))
    assert (per_tenfold.attrs["per"], per_tenfold.attrs["field"]) == ("tenfold", "width")
    expected = statistics.simultaneous(rise)
    assert [float(per_tenfold[name][0]) for name in ("mean", "low", "high")] == pytest.approx(list(expected))
    values = [0.0, 2.0, 3.0]
    per_unit = effects.trend(swept(0.2 + rise * np.array(values)[:, None], {"sigma": values}))
    assert per_unit.attrs["per"] == "unit"
    assert float(per_unit["mean"][0]) == pytest.approx(rise.mean())


def test_a_slope_is_that_of_a_least_squares_line_over_the_points_there_are():
    values = RNG.standard_normal((5, 4, 1))
    values[3, 1] = np.nan
    values[:3, 2] = np.nan
    x = np.array([0.0, 1.0, 1.5, 2.0, 4.0])
    found = effects._slopes(x, values)[:, 0]
    assert found[0] == pytest.approx(np.polyfit(x, values[:, 0, 0], 1)[0])
    kept = [0, 1, 2, 4]
    assert found[1] == pytest.approx(np.polyfit(x[kept], values[kept, 1, 0], 1)[0])
    # Two points are a difference, not a trend.
    assert np.isnan(found[2])


def test_a_slope_can_be_over_the_points_from_one_on():
    accuracy = RNG.uniform(0.2, 0.8, size=(5, 6))
    over = {"width": [16, 32, 64, 128, 256]}
    found = effects.slopes(swept(accuracy, over), least=64)
    assert found is not None
    expected = np.polyfit(np.log10([64, 128, 256]), accuracy[2:], 1)[0]
    np.testing.assert_allclose(found.sel(network="student"), expected)
    # Two points are left from 128 on, which have no slope.
    assert effects.slopes(swept(accuracy, over), least=128) is None


def test_where_there_is_no_trend_one_is_found_in_one_sweep_of_twenty():
    trials, members = 2000, 6
    # Members differ in level, which pairing removes; one network per trial.
    values = RNG.standard_normal((5, members, trials)) + 10 * RNG.standard_normal((1, members, trials))
    slopes = effects._slopes(np.arange(5.0), values)
    found = [statistics.simultaneous(column) for column in slopes.T]
    alarms = np.mean([not i.low <= 0 <= i.high for i in found])
    assert alarms == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / trials))


@pytest.mark.parametrize("over", [{"inputs": ["uniform", "images", "normal"]}, {"width": [10, 100]}], ids=str)
def test_words_and_two_values_have_no_trend(over):
    (values,) = over.values()
    assert effects.trend(swept(RNG.uniform(size=(len(values), 4)), over)) is None


def test_one_run_over_n_aux_is_a_sweep(spectrum):
    run = spectrum({}, accuracy={"kl 2": 0.2, "kl 4": 0.4, "kl 8": 0.6, "mse 2": 0.3, "mse 4": 0.5, "mse 8": 0.7})
    run = run.assign_attrs(config=json.dumps({"classes": list(range(10)), "width": 4}))
    alone = spectrum_sweeps.as_sweep(run.drop_sel(network="kl 2"))
    result = spectrum_sweeps.as_sweep(run)
    assert result["network"].values.tolist() == ["reference", "teacher", "kl", "mse"]
    means = result["accuracy"].mean("member")
    assert means.sel(network="kl").values.tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert means.sel(network="reference").values.tolist() == pytest.approx([0.1, 0.1, 0.1])
    assert effects.students(result) == ["kl", "mse"]
    found = effects.differences(result)
    assert found.attrs["intervals"] == 4
    # A number that one objective lacks is no baseline, and its difference is not there and not counted.
    assert np.isnan(alone["accuracy"].sel(network="kl", n_aux=2)).all()
    lacking = effects.differences(alone)
    assert lacking.attrs["baseline"] == {"n_aux": 4}
    assert lacking["n"].values.tolist() == [[0, 8], [8, 8]]
    assert lacking.attrs["intervals"] == 3


def test_rows_of_the_report_say_which_intervals_hold_together():
    student = RNG.uniform(0.2, 0.8, (3, 6))
    dataset = swept(student, baseline=1)
    rows = summaries.sweep_rows(dataset)
    assert rows["width = 10: student"]["mean"] == pytest.approx(student[0].mean())
    assert rows["width = 10: student, recovered fraction"]["quantity"] == "recovered fraction"
    assert "width = 10: teacher, recovered fraction" not in rows
    difference = rows["width = 1000 less width = 100: student, simultaneous"]
    found = effects.differences(dataset).sel(network="student").isel(comparison=1)
    assert difference["ci95"] == [float(found["simultaneous_low"]), float(found["simultaneous_high"])]
    assert "student, per tenfold of width, simultaneous" in rows
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_one_member_has_differences_without_intervals():
    found = summaries.effects_of(swept([[0.2], [0.3], [0.4]]))
    assert [row["mean"] for row in found["differences"]] == pytest.approx([0.1, 0.2])
    assert all(row["ci95"] == row["simultaneous95"] == [None, None] for row in found["differences"])
    assert json.dumps(found, allow_nan=False)
