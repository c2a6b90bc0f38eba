"""Every experiment of the list: it runs in seconds, twice the same, and members do not feel each other."""

from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from sottovoce import experiments
from sottovoce.errors import UsageError
from sottovoce.lab import registry
from sottovoce.runs.identity import canonical

NAMES = list(registry.experiments())
each = pytest.mark.parametrize("name", NAMES)


@each
def test_smoke_has_the_members_asked_for_and_finite_numbers(smoke, name):
    dataset = smoke(name)
    assert dataset["member"].values.tolist() == [0, 1]
    measured = [variable for variable in dataset.data_vars.values() if "member" in variable.dims]
    assert measured
    for variable in measured:
        assert np.isfinite(variable.astype(float)).any(), variable.name
    if "diverged" in dataset:
        assert not dataset["diverged"].any()


@each
def test_the_same_configuration_gives_the_same_bytes(smoke, name):
    experiment = registry.experiment(name)
    again = experiment.simulate(experiment.Config.smoke().resolve(), (0, 1))
    assert again.identical(smoke(name))


@each
def test_a_member_does_not_depend_on_its_company(smoke, name):
    both, other = smoke(name), smoke(name, (5, 1))
    assert other["member"].values.tolist() == [5, 1]
    by_member = [variable for variable in both.data_vars if "member" in both[variable].dims]
    assert other[by_member].sel(member=1).identical(both[by_member].sel(member=1))
    assert (
        not other[by_member].sel(member=5).drop_vars("member").equals(both[by_member].sel(member=0).drop_vars("member"))
    )


@each
def test_a_configuration_is_a_frozen_value_that_json_can_say(name):
    Config = registry.experiment(name).Config
    config = Config.smoke()
    assert is_dataclass(Config)
    with pytest.raises(FrozenInstanceError):
        config.members = 3
    resolved = config.resolve()
    assert resolved == resolved.resolve()
    assert all(getattr(resolved, field.name) is not None for field in fields(resolved))
    assert canonical(resolved)
    assert hash(resolved) == hash(config.resolve())


@each
def test_an_experiment_on_devices_says_how_much_memory_a_member_takes(name):
    experiment = registry.experiment(name)
    if experiment.trains:
        assert experiment.Config.smoke().resolve().member_bytes() > 0


@each
def test_a_module_says_what_it_asks(name):
    experiment = registry.experiment(name)
    assert experiment.version >= 1
    assert experiment.name == name
    assert experiment.summary.split()
    module = experiment._part("config")
    for word in ("Question:", "Setting:", "Expected:", "Runtime:"):
        assert word in module.__doc__


@each
def test_everything_that_concerns_all_experiments_is_derived_from_the_list(name):
    experiment = registry.experiment(name)
    assert registry.experiment(experiment.section).heading[0]
    assert experiment.draw({}) == []
    assert {claim.result for claim in experiment.claims} <= experiment.results.keys() | experiment.sweeps.keys()
    for result in experiment.results.values():
        config = experiment.Config(**result.fields)
        assert experiment.source(vars(config.resolve()))
    assert getattr(experiments, name).experiment is experiment
    assert not {key for other in NAMES if other != name for key in registry.experiment(other).results} & set(
        experiment.results
    )


def test_the_list_and_the_folders_are_one():
    folders = {path.parent.name for path in Path(experiments.__file__).parent.glob("*/__init__.py")}
    assert folders - {"protocol"} == set(NAMES) == set(experiments.BUILT_IN)
    assert set(dir(experiments)) == folders


def test_an_unknown_experiment_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"experiment is 'trasnfer'; allowed: .*; did you mean 'transfer'"):
        registry.experiment("trasnfer")
