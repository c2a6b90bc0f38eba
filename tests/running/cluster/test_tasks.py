"""A task says everything by name, and a worker that is not what the asker is refuses it."""

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from left_behind import computed
from mischief import SIX, Fake

import sottovoce as sv
from sottovoce import data, parts
from sottovoce.cli.main import main
from sottovoce.errors import ClusterError
from sottovoce.lab import registry
from sottovoce.lab.experiment import Result
from sottovoce.report import results
from sottovoce.running.cluster import tasks
from sottovoce.running.cluster.engine import Workers
from sottovoce.running.run import Execution
from sottovoce.runs.chunks import opened
from sottovoce.runs.execution import Job

TINY = {"dataset": "digits", "members": 2, "width": 8, "teacher_epochs": 1, "student_epochs": 1, "n_inputs": 64}


def described(experiment, config, span, device="auto"):
    job = Job.of(experiment, config, span, root=Path("unused"))
    return tasks.describe(job, span, Workers(device=device))


def task_of(config=SIX, span=range(2, 4)):
    return described(Fake(), config, span)


def test_a_task_is_small_plain_values():
    assert json.loads(json.dumps(task_of())) == task_of()
    assert len(json.dumps(task_of())) < 1000


@pytest.mark.parametrize("name", registry.experiments())
def test_every_experiments_configuration_survives_the_way_to_a_worker(name):
    experiment = registry.experiment(name)
    config = experiment.Config.smoke().resolve()
    task = described(experiment, config, range(1))
    assert tasks.configuration(experiment, json.loads(json.dumps(task))) == config


def test_a_worker_computes_what_this_process_would():
    answer = tasks.answer(task_of())
    chunk = opened(answer["chunk"], range(2, 4), task_of()["identity"])
    np.testing.assert_array_equal(chunk["draws"], Fake().simulate(SIX, range(2, 4))["draws"])
    assert answer["provenance"]["versions"]["sottovoce"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": "sottovoce 0.0.9 (source 0123456789ab)"}, "the asker sottovoce 0.0.9"),
        ({"version": 2}, "this worker has 1, the asker 2; these are versions of fake"),
        ({"identity": 64 * "0"}, "these are identities of one configuration"),
    ],
)
def test_a_difference_is_refused_by_name(changed, said):
    with pytest.raises(ClusterError, match="this worker has") as caught:
        tasks.answer(task_of() | changed)
    assert said in str(caught.value)


def test_other_images_of_the_same_name_are_refused():
    experiment = registry.experiment("transfer")
    task = described(experiment, experiment.Config(**TINY).resolve(), range(1), "cpu")
    assert task["data"] == data.load_dataset("digits").provenance["sha256"]
    with pytest.raises(ClusterError, match="these are checksums of digits"):
        tasks.answer(task | {"data": {name: 64 * "0" for name in task["data"]}})


OWN_OBJECTIVE = """
import jax.numpy as jnp
import sottovoce as sv

@sv.register_objective("near")
def near(student, teacher, mask, temperature):
    return jnp.sum(jnp.where(mask, (student - teacher) ** 2, 0.0), axis=1)
"""


@pytest.fixture
def asked(tmp_path, monkeypatch, own_parts):
    """A task with an objective of a module that this process, from here on a worker, has not imported."""
    (tmp_path / "near_parts.py").write_text(OWN_OBJECTIVE)
    monkeypatch.syspath_prepend(tmp_path)
    import_module("near_parts")
    experiment = registry.experiment("transfer")
    task = described(experiment, experiment.Config(**TINY, objective="near").resolve(), range(1), "cpu")
    del sys.modules["near_parts"]
    parts.OBJECTIVES._own.clear()
    yield task
    sys.modules.pop("near_parts", None)


def test_a_worker_imports_the_module_of_a_part(asked):
    assert [part[:3] for part in asked["parts"]] == [["objective", "near", "near_parts:near"]]
    # As many devices as this process has started with.
    task = json.loads(json.dumps(asked | {"devices": 2}))
    chunk = opened(tasks.answer(task)["chunk"], range(1), task["identity"])
    assert np.isfinite(chunk["accuracy"]).all()
    assert "near" in parts.OBJECTIVES


def test_a_workers_devices_start_before_a_part_is_tried(asked, monkeypatch):
    order, configuration = [], tasks.configuration
    monkeypatch.setattr(tasks, "_start", lambda *devices: order.append(devices))
    monkeypatch.setattr(tasks, "configuration", lambda *given: order.append("tried") or configuration(*given))
    tasks.answer(json.loads(json.dumps(asked | {"devices": 2})))
    assert order[:2] == [("cpu", 2), "tried"]


def test_a_part_that_cannot_be_imported_is_refused(asked, tmp_path):
    (tmp_path / "near_parts.py").unlink()
    with pytest.raises(ClusterError, match=r"this worker cannot import near_parts:near: No module .*; install"):
        tasks.answer(asked)


def test_a_module_that_fails_is_refused(asked, tmp_path):
    (tmp_path / "near_parts.py").write_text("raise ValueError('not on this machine')\n")
    with pytest.raises(ClusterError, match="this worker cannot import near_parts:near: not on this machine; install"):
        tasks.answer(asked)


def test_a_module_that_registers_no_such_part_is_refused(asked, tmp_path):
    (tmp_path / "near_parts.py").write_text(OWN_OBJECTIVE.replace('"near"', '"far"'))
    with pytest.raises(ClusterError, match="cannot import near_parts:near: it registers no objective near; install"):
        tasks.answer(asked)


def test_another_source_of_a_part_is_refused(asked, tmp_path):
    (tmp_path / "near_parts.py").write_text(OWN_OBJECTIVE.replace("** 2", "** 4"))
    with pytest.raises(ClusterError, match="these are sources of objective near; install the same version there"):
        tasks.answer(asked)


@pytest.mark.parametrize(("module", "name"), [("__main__", "near"), ("package", "function.<locals>.near")])
def test_a_part_that_workers_cannot_import_is_refused_before_anything_is_sent(own_parts, tmp_path, module, name):
    def near(student, teacher, mask, temperature):
        return abs(student - teacher).sum(axis=1, where=mask)

    near.__module__, near.__qualname__ = module, name
    parts.register_objective("near")(near)
    experiment = registry.experiment("transfer")
    config = replace(experiment.Config(**TINY), objective="near")
    with pytest.raises(ClusterError, match=rf"near is defined in {module} as .*put it into a module of its own"):
        tasks.check_importable(Job.of(experiment, config, root=tmp_path))
    assert not [*tmp_path.iterdir()]


def test_what_a_dataset_must_be_is_known_without_its_files(monkeypatch, tmp_path):
    monkeypatch.setattr("sottovoce.data.folders.cache_folder", lambda: tmp_path)
    monkeypatch.delenv("SOTTOVOCE_DATA", raising=False)
    assert {len(digest) for digest in data.digests("mnist").values()} == {64}
    assert len(data.digests("mnist")) == 4


def test_trained_members_are_the_same_on_workers(running, tmp_path):
    here = Execution(out=tmp_path / "here", devices=2, quiet=True)
    there = Execution(out=tmp_path / "there", executor="dask", scheduler=running, chunk=2, quiet=True)
    expected = sv.run("transfer", execution=here, **TINY)
    found = sv.run("transfer", execution=there, **TINY)
    assert found.attrs == expected.attrs
    assert found.drop_attrs().identical(expected.drop_attrs())
    again = sv.run("transfer", execution=there, **TINY)
    assert again.attrs["cached"] == 1


def test_the_command_line_reaches_a_running_cluster(running, tmp_path, capsys):
    words = f"run toy --draws 5 --members 3 --chunk 1 --quiet --json --out {tmp_path / 'there'}"
    main([*words.split(), "--executor", "dask", "--scheduler", running])
    there = capsys.readouterr().out
    main(words.replace("there", "here").split())
    assert capsys.readouterr().out == there


def test_refresh_computes_a_whole_sweep_again(running, tmp_path, mischief):
    execution = Execution(out=tmp_path, executor="dask", scheduler=running, chunk=1, quiet=True)
    over = {"rate": [0.1, 0.2]}
    first = sv.sweep("fake", over, members=2, execution=execution)
    again = sv.sweep("fake", over, members=2, execution=execution)
    fresh = sv.sweep("fake", over, members=2, execution=Execution(**{**vars(execution), "refresh": True}))
    assert [result.attrs["cached"] for result in (first, again, fresh)] == [0, 1, 0]
    assert len(computed(mischief)) == 8


def test_a_shard_on_workers_has_its_own_members_alone(running, tmp_path, mischief):
    words = f"sweep fake --over rate=0.1,0.2 --members 4 --chunk 1 --quiet --out {tmp_path} --executor dask"
    for shard in ("1/2", "2/2"):
        before = len(computed(mischief))
        main([*words.split(), "--scheduler", running, "--shard", shard])
        assert len(computed(mischief)) == before + 4
    assert computed(mischief) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_all_results_of_reproduce_are_computed_on_workers(running, tmp_path, monkeypatch):
    few = {
        "toy_1": (registry.experiment("toy"), Result({"draws": 5, "members": 2})),
        "capture": (registry.experiment("capture"), Result({"draws": 5, "hidden": 3, "members": 2})),
    }
    monkeypatch.setattr(results, "named", lambda: ((name, *result) for name, result in few.items()))
    there = Execution(out=tmp_path / "there", executor="dask", scheduler=running, chunk=1, quiet=True)
    said = []
    found = results.run_all(there, said.append, dataset="digits", members=3)
    expected = results.run_all(Execution(out=tmp_path / "here", quiet=True), said.append)
    assert said[:2] == said[2:] == ["toy_1: 2 members, computed", "capture: 2 members, computed"]
    assert list(found) == list(few)
    for name, result in found.items():
        assert result.identical(expected[name])
    results.run_all(there, said.append)
    assert said[4:] == ["toy_1: 2 members, cached", "capture: 2 members, cached"]
