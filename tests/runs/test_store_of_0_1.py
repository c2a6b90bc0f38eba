"""Runs that version 0.1 saved are found, whole and not computed again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.lab import registry
from sottovoce.report import results
from sottovoce.running.run import Execution
from sottovoce.runs import catalog

STORE = Path(__file__).parent / "store_of_0_1"
HEADERS = {path.parent.name: json.loads(path.read_text()) for path in sorted(STORE.glob("runs/*/run.json"))}


@pytest.fixture
def out(tmp_path):
    shutil.copytree(STORE, tmp_path / "out")
    return tmp_path / "out"


def test_the_store_has_a_run_of_every_experiment_of_0_1():
    trained = {"transfer", "spectrum", "inputs", "decoding", "sharing", "theorem", "prediction", "alignment"}
    others = {"toy", "toy_training", "capture", "calibration"}
    assert {header["experiment"] for header in HEADERS.values()} == trained | others


# Experiments whose definition has changed since: their runs can be read, but are no result of today's experiment.
OLD = [
    name for name, header in HEADERS.items() if header["version"] < registry.experiment(header["experiment"]).version
]


def test_runs_of_an_older_definition_are_listed_and_read_and_not_reported(out):
    assert {HEADERS[name]["experiment"] for name in OLD} == {"calibration"}
    listed = {run.name: run for run in catalog.runs(out / "runs")}
    for name in OLD:
        run = listed[name]
        assert run.config == HEADERS[name]["config"]
        assert run.version == HEADERS[name]["version"]
        assert results.load(run).attrs["identity"] == HEADERS[name]["identity"]
    assert not {HEADERS[name]["experiment"] for name in OLD} & {*results.load_all(out / "runs")}


@pytest.mark.parametrize("name", [name for name in HEADERS if name not in OLD])
def test_a_run_of_0_1_is_loaded_and_nothing_is_computed(name, out, monkeypatch):
    header = HEADERS[name]
    experiment = registry.experiment(header["experiment"])

    def simulate(*_):
        raise AssertionError(f"{name} is computed again")

    monkeypatch.setattr(type(experiment), "simulate", simulate)
    settings = {field: tuple(v) if isinstance(v, list) else v for field, v in header["config"].items()}
    members = len([*catalog.find(out / "runs", name).folder.members()])
    result = sv.run(header["experiment"], members=members, execution=Execution(out=out, quiet=True), **settings)
    assert result.attrs["cached"]
    assert result.attrs["identity"] == header["identity"]
    assert result.sizes["member"] == members
    assert any(np.isfinite(values).all() for values in result.data_vars.values() if values.dtype.kind == "f")
