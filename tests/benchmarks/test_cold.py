"""The time to the first member: in a process of its own, whose cache of compiled programs is empty."""

import subprocess
from pathlib import Path

from sottovoce.benchmarks import cold
from sottovoce.lab import registry


def test_each_experiment_starts_in_its_own_process_with_an_empty_cache(monkeypatch):
    seen = []

    def run(command, *, check, env):
        assert check
        folder = Path(env["JAX_COMPILATION_CACHE_DIR"])
        assert not folder.exists()
        seen.append((command[-2], folder))
        # A program of one experiment must not be there for the next.
        folder.mkdir()

    monkeypatch.setattr(subprocess, "run", run)
    found = cold.first_member_seconds(["transfer", "sharing"])
    assert [name for name, _ in seen] == ["transfer", "sharing"]
    assert len({folder for _, folder in seen}) == 2
    assert list(found) == [
        f"first_member_{name}_{unit}" for name in ("transfer", "sharing") for unit in ("s", "core_s")
    ]


def test_a_member_is_computed():
    found = cold.first_member_seconds(["inputs"])
    # A process that computes nothing would still take time, so only the order of the two is known.
    assert found["first_member_inputs_core_s"] > 0
    assert found["first_member_inputs_s"] > 0


def test_every_trained_experiment_takes_the_fields_that_are_set():
    for experiment in registry.experiments().values():
        if experiment.trains:
            fields = next(iter(experiment.results.values())).fields
            assert experiment.Config(**{"dataset": "digits", "members": 1, **fields}).resolve().members == 1
