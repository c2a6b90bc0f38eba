"""Which saved runs the report shows."""

import json

import pytest

from sottovoce import reproduction, sweeps
from sottovoce.api import Execution, run
from sottovoce.errors import UsageError


def test_the_preset_stands_for_an_experiment_whatever_was_run_since(tmp_path):
    execution = Execution(out=tmp_path, quiet=True)
    run("capture", execution=execution, members=2)
    run("toy", execution=execution, members=2, n_aux=2)
    sweeps.sweep("capture", {"hidden": [4, 5]}, execution=execution, members=3)
    loaded = reproduction.load_all(tmp_path / "runs")
    assert list(loaded) == ["toy_2", "capture"]
    assert json.loads(loaded["capture"].attrs["config"])["hidden"] == 16
    assert loaded["capture"].sizes["member"] == 2


def test_without_a_preset_the_newest_run_is_shown(tmp_path):
    execution = Execution(out=tmp_path, quiet=True)
    for hidden in (5, 4):
        run("capture", execution=execution, members=2, hidden=hidden)
    loaded = reproduction.load_all(tmp_path / "runs")
    assert json.loads(loaded["capture"].attrs["config"])["hidden"] == 4


def test_nothing_saved_says_what_to_run(tmp_path):
    with pytest.raises(UsageError, match="make them with: sottovoce reproduce"):
        reproduction.load_all(tmp_path)
