"""The sweeps of the report: there when all their points are, made by the command that stands beside them."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from sottovoce import sweeps
from sottovoce.cli import commands, main
from sottovoce.experiments.spectrum import sweeps as spectrum_sweeps
from sottovoce.experiments.transfer import sweeps as transfer_sweeps
from sottovoce.lab import registry
from sottovoce.lab.experiment import NamedSweep
from sottovoce.report import results
from sottovoce.running import run as running_run
from sottovoce.running.run import Execution
from sottovoce.runs.identity import run_header

SMALL = {"width": 8, "teacher_epochs": 1, "student_epochs": 1, "n_inputs": 1024}
LISTED = [
    (experiment, name, dataset)
    for experiment in registry.experiments().values()
    for name, by_dataset in experiment.sweeps.items()
    for dataset in by_dataset
]
each = pytest.mark.parametrize(
    ("experiment", "name", "dataset"), LISTED, ids=lambda value: getattr(value, "name", value)
)


def identities(experiment, sweep, dataset):
    over = {sweep.field: [sweep.values] if sweep.one_run else sweep.values}
    planned = sweeps.plan(experiment.name, points=[{k: v for k, (v,) in over.items()}] if sweep.one_run else None,
                          over=None if sweep.one_run else over, **sweep.settings(dataset))  # fmt: skip
    return [job.header["identity"] for job in planned.jobs(Path("unused"))]


@each
def test_the_printed_command_makes_the_runs_that_the_report_looks_for(experiment, name, dataset, monkeypatch):
    sweep = experiment.sweeps[name][dataset]
    made = []

    def header(experiment, config):
        return run_header(experiment.name, experiment.version, config.resolve())["identity"]

    def note_sweep(experiment, over, point, settings, execution, *, part, as_json):
        grid, points = sweeps.read(experiment, over, point)
        planned = sweeps.plan(experiment.name, grid, points, **settings)
        assert planned.configs[0].members == 7
        made.extend(header(experiment, config) for config in planned.configs)

    monkeypatch.setattr(commands, "sweep", note_sweep)
    monkeypatch.setattr(main, "run_config", lambda experiment, config, _: made.append(header(experiment, config)))
    monkeypatch.setattr(main, "_print_result", lambda result, as_json: None)
    main.main(shlex.split(sweep.command(experiment.name, dataset, 7))[1:])
    assert made == identities(experiment, sweep, dataset)
    assert len(set(made)) == (1 if sweep.one_run else len(sweep.values))


def test_the_page_on_sweeps_lists_these_commands():
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    listed = {line.strip() for line in page.partition("## In the report")[2].splitlines() if line.startswith("    ")}
    members = {"mnist": 10, "digits": 6}
    assert listed == {
        experiment.sweeps[name][dataset].command(experiment.name, dataset, members[dataset])
        for experiment, name, dataset in LISTED
    }


def test_the_presets_values_are_among_those_swept():
    for experiment, name, dataset in LISTED:
        sweep = experiment.sweeps[name][dataset]
        if not sweep.one_run:
            preset = experiment.Config(**sweep.settings(dataset)).resolve()
            assert getattr(preset, sweep.field) in sweep.values, (name, dataset)


@pytest.fixture
def small(monkeypatch):
    """Replace the list by one sweep and one run of seconds, on two datasets."""
    over = NamedSweep("learning_rate", (1e-3, 3e-3), SMALL)
    run = NamedSweep("n_aux", (1, 2), {"variant": "described", **SMALL}, one_run=True)
    rates = {"sweep_learning_rate": {"mnist": over, "digits": over}}
    monkeypatch.setattr(transfer_sweeps, "SWEEPS", rates)
    monkeypatch.setattr(spectrum_sweeps, "SWEEPS", {"sweep_n_aux": {"digits": run}})
    return rates


def test_a_sweep_is_shown_once_all_its_points_are_saved_with_the_members_they_share(small, tmp_path):
    execution, runs = Execution(out=tmp_path, devices=2, quiet=True), tmp_path / "runs"
    settings = {"dataset": "digits", **SMALL}
    assert results.load_named(runs) == {}
    running_run.run("transfer", execution=execution, learning_rate=1e-3, members=2, **settings)
    assert results.load_named(runs) == {}
    running_run.run("transfer", execution=execution, learning_rate=3e-3, members=3, **settings)
    running_run.run("spectrum", execution=execution, n_aux=(1, 2), variant="described", members=2, **settings)
    found = results.load_all(runs)
    assert {"sweep_learning_rate", "sweep_n_aux"} <= found.keys()
    swept = found["sweep_learning_rate"]
    assert swept["member"].values.tolist() == [0, 1]
    assert swept.attrs["members"] == 2
    assert swept.attrs["command"] == small["sweep_learning_rate"]["digits"].command("transfer", "digits", 2)
    # As if it had been run as a sweep.
    again = sweeps.sweep("transfer", {"learning_rate": [1e-3, 3e-3]}, execution=execution, members=2, **settings)
    assert again.attrs["cached"] == 1
    assert again.attrs["identity"] == swept.attrs["identity"]
    np.testing.assert_array_equal(again["accuracy"], swept["accuracy"])
    assert found["sweep_n_aux"]["accuracy"].dims == ("n_aux", "member", "network")
    assert json.loads(found["sweep_n_aux"].attrs["config"])["n_aux"] == [1, 2]
    assert np.isnan(found["sweep_n_aux"]["accuracy"].sel(network="kl", n_aux=1)).all()
