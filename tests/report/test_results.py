"""Which saved runs the report shows, and that it reads no others."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import tyro

from sottovoce import sweeps
from sottovoce.cli import explore
from sottovoce.cli.main import main
from sottovoce.errors import StoreError, UsageError
from sottovoce.experiments.capture import experiment as capture
from sottovoce.lab import registry
from sottovoce.lab.checks import DEFAULT_SEED
from sottovoce.report import build, ledger, results
from sottovoce.running.run import Execution, run
from sottovoce.runs import catalog
from sottovoce.runs.identity import run_header
from sottovoce.runs.store import RunFolder


def test_the_preset_stands_for_an_experiment_whatever_was_run_since(tmp_path):
    execution = Execution(out=tmp_path, quiet=True)
    run("capture", execution=execution, members=2)
    run("toy", execution=execution, members=2, n_aux=2)
    sweeps.sweep("capture", {"hidden": [4, 5]}, execution=execution, members=3)
    loaded = results.load_all(tmp_path / "runs")
    assert list(loaded) == ["toy_2", "capture"]
    assert json.loads(loaded["capture"].attrs["config"])["hidden"] == 16
    assert loaded["capture"].sizes["member"] == 2


def test_without_a_preset_the_newest_run_is_shown(tmp_path):
    execution = Execution(out=tmp_path, quiet=True)
    for hidden in (5, 4):
        run("capture", execution=execution, members=2, hidden=hidden)
    loaded = results.load_all(tmp_path / "runs")
    assert json.loads(loaded["capture"].attrs["config"])["hidden"] == 4


def test_the_judging_seed_is_shown_and_the_newest_other_seed_replicates_it(tmp_path):
    execution = Execution(out=tmp_path, quiet=True)
    for seed, draws in ((DEFAULT_SEED, 2000), (2, 2000), (3, 2000), (4, 50)):
        run("toy", execution=execution, members=1, seed=seed, draws=draws)
    loaded = results.load_all(tmp_path / "runs")
    replications = results.load_replications(tmp_path / "runs", loaded)
    seeds = [json.loads(found["toy_1"].attrs["config"])["seed"] for found in (loaded, replications)]
    # The run of seed 4 differs in more than its seed.
    assert seeds == [DEFAULT_SEED, 3]
    judged, others = ({j.claim.key: j for j in ledger.judge(found)} for found in (loaded, replications))
    assert (judged["a"].seed, others["a"].seed) == (DEFAULT_SEED, 3)
    shown = ledger.described(judged["a"], others["a"])
    assert shown["replication"]["estimate"] == others["a"].measured.mean != shown["estimate"]
    assert shown["replication"]["replication"] is None
    page = build.write(loaded, tmp_path, replications).read_text(encoding="utf-8")
    assert page.count("<dt>Second seed</dt><dd>seed 3: ") == len(judged)
    assert "Second seed" not in build.write(loaded, tmp_path).read_text(encoding="utf-8")


def test_a_run_does_not_replicate_itself(tmp_path):
    execution = Execution(out=tmp_path, quiet=True)
    run("toy", execution=execution, members=1, seed=2)
    run("toy", execution=execution, members=1, seed=DEFAULT_SEED)
    loaded = results.load_all(tmp_path / "runs")
    replications = results.load_replications(tmp_path / "runs", loaded)
    assert json.loads(replications["toy_1"].attrs["config"])["seed"] == 2
    assert results.load_replications(tmp_path / "none", loaded) == {}


def test_nothing_saved_says_what_to_run(tmp_path):
    with pytest.raises(UsageError, match="make them with: sottovoce reproduce"):
        results.load_all(tmp_path)


@pytest.mark.parametrize("experiment", ["toy", "transfer"])
def test_a_run_without_members_names_the_command_that_computes_them(tmp_path, experiment):
    Config = registry.experiment(experiment).Config
    config = Config(dataset="digits", n_aux=2, seed=3) if experiment == "transfer" else Config(n_aux=2, seed=3)
    header = run_header(experiment, registry.experiment(experiment).version, config.resolve())
    RunFolder.of(tmp_path, header).prepare(header)
    (empty,) = catalog.runs(tmp_path)
    with pytest.raises(StoreError) as caught:
        results.load(empty)
    said, command = str(caught.value).split("; compute them with: ")
    assert said == f"{tmp_path / empty.name} has no members yet"
    words = command.split()
    assert words[:3] == ["sottovoce", "run", experiment]
    given = tyro.cli(Config, args=words[3:]).resolve()
    assert run_header(experiment, header["version"], given) == header, "the command makes this run"


def test_a_preset_run_without_members_does_not_stand_for_the_experiment(tmp_path):
    run("capture", execution=Execution(out=tmp_path, quiet=True), members=1, hidden=4)
    header = run_header("capture", registry.experiment("capture").version, capture.Config())
    RunFolder.of(tmp_path / "runs", header).prepare(header)
    loaded = results.load_all(tmp_path / "runs")
    assert json.loads(loaded["capture"].attrs["config"])["hidden"] == 4


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """A store of a thousand runs, of which two can be read: a chunk of the others is no chunk, and older."""
    out = tmp_path_factory.mktemp("thousand")
    for name, fields in (("capture", {"draws": 1000}), ("toy", {"n_aux": 2, "draws": 20})):
        run(name, execution=Execution(out=out, quiet=True), members=1, **fields)
    for index in range(998):
        # Every third is a preset but for its seed; the others are points of a sweep.
        config = capture.Config(seed=index + DEFAULT_SEED + 1, hidden=16 if index % 3 == 0 else 4)
        header = run_header("capture", capture.version, config)
        folder = RunFolder.of(out / "runs", header)
        folder.chunks.mkdir(parents=True)
        (folder.path / "run.json").write_text(json.dumps({"format": 1, **header}))
        (folder.chunks / "members-000000-000000.h5").write_bytes(b"read me and I am set aside")
        os.utime(folder.chunks, (1e9, 1e9 + index))
    return out


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that are read, counted."""
    read_bytes, names = Path.read_bytes, Counter()

    def counted(self):
        names[self.name if self.name == "run.json" else self.suffix] += 1
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", counted)
    return names


def test_of_a_thousand_runs_the_report_reads_the_chunks_that_it_shows(thousand, opened):
    loaded = results.load_all(thousand / "runs")
    assert list(loaded) == ["toy_2", "capture"]
    assert opened[".h5"] == 2
    # The newest run of each experiment is what is shown: no other is looked into.
    assert opened["run.json"] <= 8
    assert not list(thousand.glob("runs/*/chunks/*.damaged"))


def test_without_a_preset_no_run_is_looked_into_twice(thousand, opened, monkeypatch):
    monkeypatch.setattr(results, "_is_preset", lambda run, fixed: not run.config)
    results.load_all(thousand / "runs")
    assert opened[".h5"] == 2
    # Each once to choose, and those chosen again to load.
    assert 1000 <= opened["run.json"] <= 1000 + 2 * 2


def test_of_a_thousand_runs_list_reads_no_chunk_and_show_one_runs_files(thousand, opened, capsys):
    main(["list", "--out", str(thousand)])
    assert capsys.readouterr().out.count("\n  capture-") == 999
    assert opened == {"run.json": 1000}
    opened.clear()
    main(["show", "toy", "--out", str(thousand)])
    assert opened == {"run.json": 1, ".json": 1}


def test_of_a_thousand_runs_the_picker_reads_what_is_picked(thousand, opened):
    saved = catalog.runs(thousand / "runs")
    assert (len(saved), opened) == (1000, {})
    newest = next(run for run in saved if run.experiment == "capture")
    drawings, _ = explore.drawings_of(newest)
    assert drawings
    assert opened[".h5"] == 1
    assert opened["run.json"] <= 3
