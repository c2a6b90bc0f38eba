"""Sweeps: every point is the run it would be alone, what is there is loaded, and nothing bad starts."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sottovoce as sv
from sottovoce import sweeps
from sottovoce.cli.main import main
from sottovoce.errors import DivergenceError, UsageError
from sottovoce.lab import registry
from sottovoce.lab.experiment import Experiment
from sottovoce.running.run import Execution
from sottovoce.sweeps import points as by
from sottovoce.sweeps.running import missing as n_missing
from sottovoce.training import ensemble

SMALL = {"dataset": "digits", "members": 2, "width": 16, "teacher_epochs": 1, "student_epochs": 1, "n_inputs": 256}


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(out=tmp_path, devices=2, quiet=True)


def test_each_point_of_a_grid_is_the_run_it_would_be_alone(execution):
    over = {"hidden": [4, 6], "objective": ["mse", "kl"]}
    swept = sv.sweep("toy", over, execution=execution, generator="gaussian", n_aux=2, draws=20, members=3)
    assert dict(swept.sizes)["hidden"] == dict(swept.sizes)["objective"] == 2
    assert swept["hidden"].values.tolist() == [4, 6]
    for hidden in (4, 6):
        for objective in ("mse", "kl"):
            fields = dict(generator="gaussian", n_aux=2, draws=20, members=3, hidden=hidden, objective=objective)
            alone = sv.run("toy", execution=execution, **fields)
            assert alone.attrs["cached"] == 1
            here = swept.sel(hidden=hidden, objective=objective)
            for name in ("cosine", "captured", "rank"):
                np.testing.assert_array_equal(here[name], alone[name])


def test_an_enlarged_sweep_computes_only_what_is_new(execution):
    def missing(over):
        planned = sweeps.plan("toy", over, draws=10, members=2, generator="gaussian")
        return sum(n_missing(planned, execution))

    sv.sweep("toy", {"hidden": [4, 5]}, execution=execution, draws=10, members=2, generator="gaussian")
    assert missing({"hidden": [4, 5]}) == 0
    assert missing({"hidden": [4, 5, 6]}) == 2
    again = sv.sweep("toy", {"hidden": [4, 5]}, execution=execution, draws=10, members=2, generator="gaussian")
    assert again.attrs["cached"] == 1


def test_a_list_of_points_has_one_dimension_with_its_fields_along_it(execution):
    points = [{"hidden": 4, "n_aux": 1}, {"hidden": 8, "n_aux": 3}]
    swept = sv.sweep("toy", points=points, execution=execution, generator="gaussian", draws=10, members=2)
    assert swept.sizes["point"] == 2
    assert swept["hidden"].dims == swept["n_aux"].dims == ("point",)
    assert [at for at, _ in by.points(swept)] == points
    # Three auxiliary logits here, one there: the shorter is padded.
    assert np.isnan(swept["cosine"].isel(point=0).values[..., -1]).all()


def test_settings_that_change_no_shape_share_one_program(execution):
    before = ensemble._run_sharded._cache_size()
    over = {"n_aux": [2, 3], "objective": ["kl", "mse"], "learning_rate": [1e-3, 2e-3]}
    swept = sv.sweep("transfer", over, execution=execution, **SMALL)
    assert ensemble._run_sharded._cache_size() == before + 1
    assert swept["accuracy"].dims == ("n_aux", "objective", "learning_rate", "member", "role")
    assert json.loads(swept.attrs["config"])["n_aux_built"] == 3
    # More distilled logits leave reference and teacher alone.
    kept = swept["accuracy"].sel(role=["reference", "teacher"], learning_rate=1e-3)
    assert (kept == kept.isel(n_aux=0, objective=0)).all()


@pytest.mark.parametrize(
    ("name", "over", "settings", "baseline"),
    [
        ("transfer", {"width": [64, 256, 512]}, {}, 1),
        ("transfer", {"width": [64, 512]}, {}, 0),
        ("transfer", {"learning_rate": [1e-4, 1e-3], "n_aux": [2, 3]}, {}, 3),
        # Without a value from the sweep, one logit is refused under the preset's kl.
        ("transfer", {"objective": ["mse"]}, {"n_aux": 1}, 0),
    ],
)
def test_points_are_compared_with_the_preset_or_else_the_first(name, over, settings, baseline):
    assert sweeps.plan(name, over, dataset="digits", **settings).baseline == baseline


def test_a_sweep_that_measures_no_networks_has_no_effects_and_no_figure(tmp_path, capsys):
    words = ["sweep", "toy", "--over", "hidden=4,5", "--generator", "gaussian", "--draws", "5", "--members", "2"]
    main([*words, "--quiet", "--json", "--out", str(tmp_path)])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["differences"], printed["trend"], printed["multiplicity"]) == ([], [], None)
    main([*words, "--quiet", "--out", str(tmp_path)])
    assert "cosine" in capsys.readouterr().out
    assert not (tmp_path / "figures").exists()


class Unstable(Experiment):
    """An experiment whose members diverge above a number of draws."""

    name, version, summary, Config = "unstable", 1, "Unstable?", registry.experiment("toy").Config

    def simulate(self, config, members):
        ill = config.draws > 10
        flags = ("member", [ill and member < 2 for member in members])
        accuracy = np.where(flags[1], np.nan, 0.5)[:, None]
        data = {"accuracy": (("member", "role"), accuracy), "diverged": flags}
        return xr.Dataset(data, coords={"member": list(members), "role": ["student"]})


def test_a_point_that_diverges_stands_in_the_sweep_with_its_members_flagged(execution, monkeypatch):
    monkeypatch.setitem(registry.ADDED, "unstable", Unstable())
    with pytest.raises(DivergenceError):
        sv.run("unstable", execution=execution, draws=20, members=4)
    swept = sv.sweep("unstable", {"draws": [10, 20]}, execution=execution, members=4)
    assert swept["diverged"].sel(draws=20).values.tolist() == [True, True, False, False]
    estimate = by.by_point(swept)
    assert estimate["n"].values.tolist() == [4, 2]
    assert float(estimate["mean"].sel(draws=10, role="student")) == 0.5


def test_a_point_at_which_all_members_diverged_has_no_mean(execution, monkeypatch):
    monkeypatch.setitem(registry.ADDED, "unstable", Unstable())
    estimate = by.by_point(sv.sweep("unstable", {"draws": [10, 20]}, execution=execution, members=2))
    assert estimate["n"].values.tolist() == [2, 0]
    assert np.isnan(estimate["mean"].sel(draws=20)).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (({"n_uax": [1]},), "did you mean 'n_aux'"),
        (({"members": [1, 2]},), "members cannot be swept"),
        (({"hidden": []},), "hidden is swept over []"),
        (({"hidden": [4, 4]},), "none twice"),
        (({},), "give one of the two"),
        (({"hidden": [4]}, [{"hidden": 4}]), "give one of the two"),
        ((None, [{"hidden": 4}, {"n_aux": 1}]), "points differ in their fields"),
        (({"draws": [5, 6]},), "draws is swept and also set to 10"),
        (({"hidden": [4, 0]},), "hidden is 0; allowed: 1 or more"),
    ],
)
def test_nothing_runs_if_any_point_is_not_allowed(execution, arguments, words):
    with pytest.raises(UsageError) as caught:
        sv.sweep("toy", *arguments, execution=execution, draws=10, generator="gaussian")
    assert words in str(caught.value)
    assert not (execution.out / "runs").exists()


def test_the_command_prints_every_point_and_leaves_a_figure(tmp_path, capsys):
    words = ["sweep", "transfer", "--over", "n_aux=2,3", "--quiet", "--json", "--out", str(tmp_path)]
    main(words + [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))])
    printed = json.loads(capsys.readouterr().out)
    assert [point["at"] for point in printed["points"]] == [{"n_aux": 2}, {"n_aux": 3}]
    assert printed["points"][0]["table"]["student"]["members"] == 2
    assert list(tmp_path.glob("figures/sweep-transfer-*.svg"))
    assert printed.keys() == {
        "experiment", "identity", "swept", "config", "points", "differences", "trend", "multiplicity"
    }  # fmt: skip
    (difference,) = printed["differences"]
    # The preset's three logits are what two are compared with.
    assert (difference["at"], difference["baseline"]) == ({"n_aux": 2}, {"n_aux": 3})
    two, three = (point["table"]["student"]["mean"] for point in printed["points"])
    assert difference["mean"] == pytest.approx(two - three, abs=1e-9)
    assert printed["multiplicity"] == {"correction": "Bonferroni", "level": 0.95, "comparisons": 1, "trends": 0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--over", "n_aux"], "--over is 'n_aux'; allowed: field=a,b,c"),
        (["--point", "n_aux=2,kl"], "--point is 'kl'; allowed: field=a,other=b"),
        (["--over", "n_aux=2", "--over", "n-aux=3"], "--over names n_aux twice"),
        (["--over", "n_aux=1,2"], "gradient is exactly zero"),
    ],
)
def test_the_command_refuses_in_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["sweep", "transfer", "--dataset", "digits", *words])
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_an_announcement_says_how_many_and_how_long(execution):
    planned = sweeps.plan("transfer", {"learning_rate": [1e-3, 2e-3]}, **SMALL)
    assert sweeps.announcement(planned, execution).startswith(
        "sweep transfer: 2 points, 4 members, 4 to compute, about "
    )
    # Twice the rate, half the part that is products.
    overhead = sweeps.seconds_expected(planned, execution, 1e12)
    slow, fast = (sweeps.seconds_expected(planned, execution, rate) - overhead for rate in (1.0, 2.0))
    assert slow == pytest.approx(2 * fast, rel=1e-6)
