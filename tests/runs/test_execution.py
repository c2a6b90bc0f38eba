import errno
import json
import logging
import os
import re
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_experiment import Config, Fake, bytes_of

from sottovoce import runs
from sottovoce.errors import DataError, DivergenceError, StoreError, UsageError
from sottovoce.runs.execution import Interrupted, check_divergence, execute
from sottovoce.runs.identity import run_header
from sottovoce.runs.store import RunFolder


@pytest.fixture
def fake(tmp_path):
    return Fake(log=tmp_path / "log")


def folder_of(root, config):
    return RunFolder.of(root, run_header("fake", 1, config.resolve()))


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.chunks.glob("*.h5")}


def test_a_run_says_what_it_is_and_the_second_time_is_cached(fake, tmp_path):
    first, second = (runs.execute(fake, Config(), root=tmp_path) for _ in range(2))
    assert first.attrs == {
        "identity": run_header("fake", 1, Config(members=6))["identity"],
        "experiment": "fake",
        "version": 1,
        "config": '{"diverging":[],"members":6,"rate":0.1,"seed":0}',
        "cached": 0,
        "diverged_members": [],
    }
    assert second.attrs["cached"] == 1
    assert bytes_of(second) == bytes_of(first)
    assert fake.simulated() == list(range(6))
    assert not any(b"cached" in data for data in contents(folder_of(tmp_path, Config())).values())
    first.to_netcdf(tmp_path / "copy.nc", engine="h5netcdf")  # the attributes are such as a file can hold


def test_any_object_with_the_names_of_an_experiment_is_one(tmp_path):
    fake = Fake()
    plain = SimpleNamespace(
        name="plain", version=2, sources=fake.sources, check_data=fake.check_data, simulate=fake.simulate
    )
    assert execute(plain, Config(), root=tmp_path).attrs["version"] == 2


@pytest.mark.parametrize("refresh", [False, True])
def test_data_is_asked_for_only_where_members_are_to_be_computed(fake, tmp_path, refresh):
    class Bereft(Fake):
        def check_data(self, config):
            raise DataError("gone")

    with pytest.raises(DataError, match="gone"):
        execute(Bereft(), Config(), root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    execute(fake, Config(), root=tmp_path)
    if refresh:
        with pytest.raises(DataError, match="gone"):
            execute(Bereft(), Config(), root=tmp_path, refresh=True)
    assert execute(Bereft(), Config(), root=tmp_path).attrs["cached"] == 1


def test_the_same_configuration_twice_is_the_same_bytes(fake, tmp_path):
    results = []
    for root in (tmp_path / "a", tmp_path / "b"):
        dataset = execute(fake, Config(), root=root, chunk_size=4)
        results.append((bytes_of(dataset), contents(folder_of(root, Config()))))
    assert results[0] == results[1]


def test_an_enlarged_ensemble_computes_only_the_new_members(fake, tmp_path):
    execute(fake, Config(members=5), root=tmp_path, chunk_size=2)
    larger = execute(fake, Config(members=8), root=tmp_path, chunk_size=3)
    assert fake.simulated() == list(range(8))
    assert bytes_of(larger) == bytes_of(execute(fake, Config(members=8), root=tmp_path / "fresh", chunk_size=8))
    smaller = execute(fake, Config(members=3), root=tmp_path)
    assert smaller["member"].values.tolist() == [0, 1, 2]
    assert smaller.attrs["cached"] == 1


def test_version_seed_and_rate_are_other_runs_chunk_size_is_not(fake, tmp_path):
    execute(fake, Config(), root=tmp_path, chunk_size=1)
    execute(fake, Config(), root=tmp_path, chunk_size=6)
    assert len(list(tmp_path.glob("fake-*"))) == 1
    execute(Fake(version=2), Config(), root=tmp_path)
    execute(fake, Config(seed=1), root=tmp_path)
    execute(fake, Config(rate=0.2), root=tmp_path)
    assert len(list(tmp_path.glob("fake-*"))) == 4


def test_refresh_computes_again(fake, tmp_path):
    execute(fake, Config(), root=tmp_path)
    assert execute(fake, Config(), root=tmp_path, refresh=True).attrs["cached"] == 0
    assert sorted(fake.simulated()) == sorted(2 * list(range(6)))


def test_a_damaged_chunk_alone_is_computed_again_with_a_warning(fake, tmp_path, caplog):
    whole = execute(fake, Config(), root=tmp_path, chunk_size=2)
    before = contents(folder_of(tmp_path, Config()))
    file = folder_of(tmp_path, Config()).chunks / "members-000002-000003.h5"
    file.write_bytes(file.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        mended = execute(fake, Config(), root=tmp_path, chunk_size=2)
    assert len(caplog.records) == 1
    assert "\n" not in caplog.text.strip()
    assert fake.simulated() == [*range(6), 2, 3]
    assert (bytes_of(mended), mended.attrs["cached"]) == (bytes_of(whole), 0)
    assert contents(folder_of(tmp_path, Config())) == before


def test_provenance_stands_beside_every_chunk(tmp_path):
    execute(Fake(seconds=0.01), Config(), root=tmp_path, chunk_size=3)
    described = folder_of(tmp_path, Config()).provenance()
    assert len(described) == 2
    assert all(chunk["wall_seconds"] >= 0.01 for chunk in described)


@pytest.mark.parametrize(("members", "size", "name"), [(0, None, "members"), (-1, None, "members"), (3, 0, "--chunk")])
def test_sizes_below_one_are_refused_before_anything_is_written(fake, tmp_path, members, size, name):
    with pytest.raises(UsageError, match=rf"{name} is {members if name == 'members' else size}; allowed: 1 or more"):
        execute(fake, Config(members=members), root=tmp_path, chunk_size=size)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_loses_only_the_chunk_in_flight(fake, tmp_path, monkeypatch):
    replace = os.replace

    def full(source, target):
        if "members-000004" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StoreError, match=r"No space left on device.*free some space") as error:
            execute(fake, Config(), root=tmp_path, chunk_size=2)
    assert "\n" not in str(error.value)
    folder = folder_of(tmp_path, Config())
    assert folder.spans() == [range(2), range(2, 4)]
    assert list(folder.chunks.glob(".*")) == []
    resumed = execute(fake, Config(), root=tmp_path, chunk_size=2)
    assert bytes_of(resumed) == bytes_of(execute(fake, Config(), root=tmp_path / "fresh", chunk_size=2))


@pytest.fixture
def unprivileged_root():
    """A folder anyone may enter, with this process, if it is root, made an ordinary user until the end."""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        try:
            yield Path(root)
        finally:
            os.seteuid(os.getuid())


@pytest.mark.skipif(os.name != "posix", reason="permissions are tested where folders have mode bits")
def test_a_read_only_folder_serves_what_it_has_and_refuses_the_rest(fake, tmp_path, unprivileged_root):
    root = unprivileged_root
    execute(fake, Config(), root=tmp_path)  # imports everything while this process may still read it all
    execute(Fake(), Config(), root=root)
    chunk = folder_of(root, Config()).chunks / "members-000000-000000.h5"
    folders = [path for path in (root, *root.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    if os.getuid() == 0:
        os.seteuid(65534)
    assert execute(Fake(), Config(), root=root).attrs["cached"] == 1
    for config in (Config(seed=1), Config(members=7)):
        with pytest.raises(StoreError, match=r"Permission denied.*choose another folder") as error:
            execute(Fake(), config, root=root)
        assert "\n" not in str(error.value)
    assert chunk.exists()
    os.seteuid(os.getuid())
    for path in folders:
        path.chmod(0o755)


def test_a_store_of_a_newer_version_is_refused(fake, tmp_path):
    execute(fake, Config(), root=tmp_path)
    file = folder_of(tmp_path, Config()).path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 99}))
    for refresh in (False, True):
        with pytest.raises(StoreError, match="written by a newer sottovoce"):
            execute(fake, Config(), root=tmp_path, refresh=refresh)
    assert len(contents(folder_of(tmp_path, Config()))) == 6


def test_a_tenth_may_diverge_and_is_named(fake, tmp_path):
    dataset = execute(fake, Config(members=20, diverging=(3, 7)), root=tmp_path, chunk_size=10)
    assert dataset.attrs["diverged_members"] == [3, 7]
    check_divergence(dataset, tmp_path)


def test_more_than_a_tenth_is_a_failure_after_everything_is_saved(fake, tmp_path):
    config = Config(members=20, diverging=(3, 7, 19))
    for _ in range(2):
        dataset = execute(fake, config, root=tmp_path, chunk_size=10)
        saved = re.escape(str(folder_of(tmp_path, config).path))
        with pytest.raises(DivergenceError, match=rf"3 of 20 members diverged.*: 3, 7, 19; all are saved in {saved};"):
            check_divergence(dataset, tmp_path)
    assert folder_of(tmp_path, config).missing(range(20)) == []
    assert fake.simulated() == list(range(20))


def test_an_experiment_without_the_variable_has_no_diverged_members(tmp_path):
    silent = SimpleNamespace(
        name="fake",
        version=1,
        sources=Fake().sources,
        check_data=Fake().check_data,
        simulate=lambda config, members: Fake().simulate(config, members).drop_vars("diverged"),
    )
    assert execute(silent, Config(), root=tmp_path).attrs["diverged_members"] == []


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def start(self, total, done):
        self.told.append(("start", total, done))

    def advance(self, n):
        self.told.append(("advance", n))

    def phase(self, text):
        self.told.append(("phase", text))

    def finish(self):
        self.told.append(("finish",))


def test_progress_counts_what_is_on_disk(fake, tmp_path):
    execute(fake, Config(members=2), root=tmp_path)
    recorder = Recorder()
    execute(fake, Config(members=5), root=tmp_path, chunk_size=2, progress=recorder)
    assert recorder.told == [
        ("start", 5, 2),
        ("phase", "members-000002-000003"),
        ("advance", 2),
        ("phase", "members-000004-000004"),
        ("advance", 1),
        ("finish",),
    ]
    silent = Recorder()
    execute(fake, Config(members=5), root=tmp_path, progress=silent)
    assert silent.told == []


def test_default_chunks_are_about_a_sixteenth(fake, tmp_path):
    execute(fake, Config(members=40), root=tmp_path)
    assert {len(span) for span in folder_of(tmp_path, Config()).spans()} == {2}


def test_an_interrupt_between_chunks_or_within_one_is_told_and_leaves_no_litter(tmp_path):
    class Impatient(Fake):
        def simulate(self, config, members):
            if 2 in members:
                raise KeyboardInterrupt
            return super().simulate(config, members)

    recorder = Recorder()
    with pytest.raises(Interrupted, match=r"interrupted: 2 of 6 members are safe in .*; run the same command") as error:
        execute(Impatient(), Config(), root=tmp_path, chunk_size=1, progress=recorder)
    assert error.value.exit_code == 130
    assert recorder.told[-1] == ("finish",)
    assert [p.name for p in (folder_of(tmp_path, Config()).path / "claims").glob("*.lock")] == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_dropped_ends_the_run_after_its_chunk(tmp_path):
    class Finalized:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    class Impatient(Fake):
        def simulate(self, config, members):
            if 2 in members:
                Finalized()
            return super().simulate(config, members)

    with pytest.raises(Interrupted, match=r"interrupted: 3 of 6 members are safe in"):
        execute(Impatient(), Config(), root=tmp_path, chunk_size=1)


def test_an_experiment_that_fails_keeps_what_was_finished(tmp_path):
    class Failing(Fake):
        def simulate(self, config, members):
            if 4 in members:
                raise ZeroDivisionError
            return super().simulate(config, members)

    with pytest.raises(ZeroDivisionError):
        execute(Failing(), Config(), root=tmp_path, chunk_size=2)
    assert folder_of(tmp_path, Config()).missing(range(6)) == [4, 5]
