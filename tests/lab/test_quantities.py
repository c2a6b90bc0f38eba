"""Long names and units of results: the same whichever way a result is obtained, and never in what is saved."""

import json
from dataclasses import dataclass, fields

import numpy as np
import pytest
import xarray as xr

import sottovoce as sv
from sottovoce.lab import registry
from sottovoce.lab.quantities import Quantity, labelled, words
from sottovoce.runs import catalog
from sottovoce.runs.chunks import sealed
from sottovoce.sweeps import load as load_sweep
from sottovoce.sweeps import plan


@dataclass(frozen=True)
class Config:
    """Fields."""

    scale: float = 1.0


class Timed(sv.Experiment):
    """A variable for each way in which attributes come about."""

    name, version, summary = "timed", 1, "How long?"
    Config = Config
    quantities = {  # noqa: RUF012 - as a user writes it
        "declared": Quantity("time until the end", "s"),
        "share": Quantity("share of time"),
        "both": Quantity("declared name", "s"),
        "scale": Quantity("factor"),
    }

    def simulate(self, config, members):
        x = np.full(len(members), config.scale)
        return xr.Dataset(
            {
                "declared": ("member", x),
                "share": ("member", x),
                "both": ("member", x, {"units": "ms"}),
                "not_declared": ("member", x),
                "by_scale": ("member", x, {"units": f"{config.scale} s"}),
            },
            coords={"member": list(members)},
        )


@pytest.fixture
def execution(tmp_path):
    return sv.Execution(out=tmp_path, quiet=True)


@pytest.fixture(autouse=True)
def added(monkeypatch):
    """Forget at the end of a test which experiments it added."""
    monkeypatch.setattr(registry, "ADDED", {})


@pytest.mark.parametrize("name", list(registry.experiments()))
def test_what_an_experiment_declares_is_what_it_returns(smoke, name):
    experiment, dataset = registry.experiment(name), smoke(name)
    declared = experiment._part("config").QUANTITIES.keys()
    numbers = {str(name) for name, variable in dataset.variables.items() if variable.dtype.kind in "biuf"}
    assert {*dataset.data_vars, *numbers} - {"member"} <= declared
    assert declared <= dataset.variables.keys() | {field.name for field in fields(experiment.Config)}
    assert not any(variable.attrs for variable in dataset.variables.values())
    described = labelled(dataset.assign_attrs(config="{}"), experiment.quantities)
    assert all(variable.attrs["long_name"] for variable in described.variables.values())
    assert {name for name, variable in described.variables.items() if "units" in variable.attrs} == numbers - {"member"}
    # The result that was given stays as it is.
    assert not any(variable.attrs for variable in dataset.variables.values())


@pytest.mark.parametrize(
    ("name", "variable", "objective", "unit"),
    [
        ("sharing", "final_loss", "kl", "nat"),
        ("sharing", "final_loss", "hard", "nat"),
        ("sharing", "final_loss", "mse", "logit^2"),
        ("alignment", "auxiliary_loss", "centered_mse", "logit^2"),
        ("alignment", "class_loss", "mse", "nat"),
        # The teacher's loss stands beside the students'.
        ("transfer", "final_loss", "kl", "nat"),
        ("transfer", "final_loss", "mse", "nat or logit^2"),
        # A sweep over the objective.
        ("transfer", "final_loss", None, "nat or logit^2"),
        ("sharing", "final_loss", None, "nat or logit^2"),
    ],
)
def test_the_unit_of_a_loss_follows_from_the_objective(name, variable, objective, unit):
    config = {"objective": objective} if objective else {}
    dataset = xr.Dataset({variable: ("member", [1.0])}, attrs={"config": json.dumps(config)})
    assert labelled(dataset, registry.experiment(name).quantities)[variable].attrs["units"] == unit


def test_runs_and_sweeps_have_the_same_attributes_when_they_are_loaded(execution, tmp_path):
    ran = sv.run("toy", draws=5, members=2, execution=execution)
    loaded = sv.load("toy", tmp_path)
    assert all(loaded[name].identical(ran[name]) for name in ran.variables)
    over = {"n_aux": [1, 2]}
    swept = sv.sweep("toy", over, draws=5, members=2, execution=execution)
    again = load_sweep(plan("toy", over, draws=5, members=2), tmp_path / "runs")
    assert again is not None
    assert again.identical(swept.assign_attrs(cached=1))
    assert swept["n_aux"].attrs == {"long_name": "number of auxiliary logits", "units": "1"}
    assert swept["line_angle"].attrs == ran["line_angle"].attrs
    assert ran["line_angle"].attrs["units"] == "degree"
    (line,) = swept["captured"].mean(("member", "draw", "logit"), keep_attrs=True).plot()
    assert (line.axes.get_xlabel(), line.axes.get_ylabel()) == ("number of auxiliary logits [1]", "captured energy [1]")


def test_chunk_files_hold_no_attributes_that_were_added(execution, tmp_path):
    sv.run("toy", draws=5, members=1, execution=execution)
    folder = catalog.find(tmp_path / "runs", "toy").folder
    toy = registry.experiment("toy")
    span = range(1)
    simulated = toy.simulate(toy.Config(draws=5, members=1).resolve(), span)
    assert folder.file(span).read_bytes() == sealed(span, simulated, folder.identity)
    assert not any(variable.attrs for variable in folder.read(span, folder.identity).variables.values())


def test_attributes_that_simulate_sets_are_kept_and_others_are_added(execution, tmp_path, monkeypatch):
    ran = sv.run(Timed(), members=6, execution=execution)
    assert ran["declared"].attrs == {"long_name": "time until the end", "units": "s"}
    assert ran["both"].attrs == {"long_name": "declared name", "units": "ms"}
    assert ran["not_declared"].attrs == {"long_name": "not declared"}
    assert ran["member"].attrs == {"long_name": "member"}
    # A row of the table names the unit, or the quantity where the unit says nothing.
    assert sv.table(ran)["quantity"].to_dict() == {
        "declared": "s", "share": "share of time", "both": "ms", "not_declared": "not declared", "by_scale": "1.0 s"
    }  # fmt: skip
    loaded = sv.load("timed", tmp_path)
    assert all(loaded[name].identical(ran[name]) for name in ran.variables)
    swept = sv.sweep(Timed(), {"scale": [1.0, 2.0]}, members=6, execution=execution)
    assert {name: swept[name].attrs for name in ("declared", "both", "not_declared", "member")} == {
        name: ran[name].attrs for name in ("declared", "both", "not_declared", "member")
    }
    assert swept["scale"].attrs == {"long_name": "factor", "units": "1"}
    # A unit on which the points do not agree is none of the sweep's.
    assert swept["by_scale"].attrs == {"long_name": "by scale"}
    # A program that does not know the experiment reads what is saved.
    monkeypatch.setattr(registry, "ADDED", {})
    unknown = sv.load(ran.attrs["identity"][:8], tmp_path)
    assert unknown["both"].attrs == {"long_name": "both", "units": "ms"}


def test_names_in_words():
    assert [words(name) for name in ("final_loss", "n_inputs", "norm")] == ["final loss", "number of inputs", "norm"]
