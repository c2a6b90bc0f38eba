"""Runs that version 0.1 saved stay readable, and are not computed again where their experiment is the same."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.lab import registry
from sottovoce.report import ledger, results
from sottovoce.running.run import Execution
from sottovoce.runs import catalog

STORE = Path(__file__).parent / "store_of_0_1"
HEADERS = {path.parent.name: json.loads(path.read_text()) for path in sorted(STORE.glob("runs/*/run.json"))}


def is_current(name: str) -> bool:
    """Return whether the experiment still is in the version of the run, so that members can be added to the run."""
    header = HEADERS[name]
    return registry.experiment(header["experiment"]).version == header["version"]


@pytest.fixture
def out(tmp_path):
    shutil.copytree(STORE, tmp_path / "out")
    return tmp_path / "out"


def test_the_store_has_a_run_of_every_experiment_of_0_1():
    trained = {"transfer", "spectrum", "inputs", "decoding", "sharing", "theorem", "prediction", "alignment"}
    others = {"toy", "toy_training", "capture", "calibration"}
    assert {header["experiment"] for header in HEADERS.values()} == trained | others


def test_runs_of_an_older_definition_are_listed_and_loaded_and_not_reported(out):
    older = [name for name in HEADERS if not is_current(name)]
    for name in older:
        run = catalog.find(out / "runs", name)
        assert (run.config, run.version) == (HEADERS[name]["config"], HEADERS[name]["version"])
        assert results.load(run).attrs["identity"] == HEADERS[name]["identity"]
    assert not {HEADERS[name]["experiment"] for name in older} & {*results.load_all(out / "runs")}


# Rates of the older `calibration` are by width, those of today's by shape.
@pytest.mark.parametrize("name", [name for name in HEADERS if HEADERS[name]["experiment"] != "calibration"])
def test_a_run_of_0_1_is_read_with_its_table_claims_and_figures(name, out):
    dataset = results.load(catalog.find(out / "runs", name))
    experiment = registry.of(dataset)
    assert experiment.table(dataset)
    for result in experiment.results:
        assert all(judgment.verdict for judgment in ledger.judge({result: dataset}))
        for drawing in experiment.draw({result: dataset}):
            assert drawing.data.sizes


@pytest.mark.parametrize("name", [name for name in HEADERS if is_current(name)])
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


@pytest.mark.parametrize("name", HEADERS)
def test_variables_of_a_run_of_0_1_have_long_names_and_units(name, out):
    run = catalog.find(out / "runs", name)
    saved = run.folder.load(run.folder.members())
    assert not any(variable.attrs for variable in saved.variables.values())
    dataset = sv.load(name, out)
    for variable in dataset.data_vars.values():
        assert variable.attrs.keys() == {"long_name", "units"}, variable.name
    for coordinate in dataset.coords.values():
        assert coordinate.attrs["long_name"], coordinate.name
