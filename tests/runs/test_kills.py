"""Real processes, really killed: what survives is whole, what follows equals a run that nothing disturbed."""

import os
import random
import signal
import time

import pytest
from fake_experiment import Config, Fake, bytes_of, hold_claim, run, run_and_die, start

from sottovoce.runs.execution import execute
from sottovoce.runs.identity import run_header
from sottovoce.runs.store import RunFolder

CONFIG = Config(members=6)


@pytest.fixture
def uninterrupted(tmp_path):
    """Result and chunk files of a run that nothing disturbed."""
    root = tmp_path / "uninterrupted"
    result = execute(Fake(), CONFIG, root=root, chunk_size=2)
    return bytes_of(result), chunks(folder_of(root))


def folder_of(root, config=CONFIG):
    return RunFolder.of(root, run_header("fake", 1, config))


def chunks(folder):
    return {file.name: file.read_bytes() for file in folder.chunks.glob("*.h5")}


def resumed_equals(uninterrupted, root, experiment):
    """Check what a dead process left, go on, and compare with the run that nothing disturbed."""
    result, files = uninterrupted
    left = chunks(folder_of(root))
    assert left.items() <= files.items()
    before = experiment.simulated()
    resumed = execute(experiment, CONFIG, root=root, chunk_size=2)
    assert (bytes_of(resumed), chunks(folder_of(root))) == (result, files)
    assert list(folder_of(root).path.rglob("*.tmp")) == []
    # Only the chunk in flight was lost: what is on disk is not computed again, all else at most twice.
    assert len(experiment.simulated()) - len(before) == 6 - 2 * len(left)
    assert len(before) - 2 * len(left) in {0, 2}


def test_killed_at_twenty_random_moments(tmp_path, uninterrupted):
    process = start(run, Fake(seconds=0.02), CONFIG, tmp_path / "whole", 2, tmp_path / "message")
    began = time.perf_counter()
    process.join()
    by_chunk = (time.perf_counter() - began) / 3
    survivors = set()
    for repeat in range(20):
        root = tmp_path / str(repeat)
        experiment = Fake(seconds=0.02, log=tmp_path / f"{repeat}.log")
        # A moment of the run, not of the clock: a machine with other work to do is not always equally fast.
        rng = random.Random(repeat)
        saved, later = rng.randrange(3), rng.uniform(0, by_chunk)
        process = start(run, experiment, CONFIG, root, 2, tmp_path / "message")
        while len(folder_of(root).spans()) < saved:
            time.sleep(0.001)
        time.sleep(later)
        process.kill()
        process.join()
        survivors.add(len(chunks(folder_of(root))))
        resumed_equals(uninterrupted, root, experiment)
    assert len(survivors) > 1, "all moments were alike"


@pytest.mark.parametrize("at", ["before fsync", "after fsync", "before replace", "after replace"])
def test_killed_at_every_step_of_writing_a_chunk(tmp_path, uninterrupted, at):
    experiment = Fake(log=tmp_path / "log")
    process = start(run_and_die, at, experiment, CONFIG, tmp_path / "root")
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert len(chunks(folder_of(tmp_path / "root"))) == (at == "after replace")
    resumed_equals(uninterrupted, tmp_path / "root", experiment)


def test_interrupted_by_the_user(tmp_path, uninterrupted):
    experiment = Fake(seconds=0.15, log=tmp_path / "log")
    root, message = tmp_path / "root", tmp_path / "message"
    process = start(run, experiment, CONFIG, root, 2, message)
    while not folder_of(root).spans():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    process.join(30)
    safe = 2 * len(chunks(folder_of(root)))
    assert message.read_text() == (
        f"Interrupted 130: interrupted: {safe} of 6 members are safe in {folder_of(root).path}; "
        "run the same command again to go on"
    )
    assert list(folder_of(root).path.rglob("*.tmp")) == list(folder_of(root).path.rglob("*.lock")) == []
    resumed_equals(uninterrupted, root, experiment)


def test_two_processes_share_a_run_none_of_it_twice(tmp_path):
    config = Config(members=24)
    logs = [Fake(seconds=0.03, log=tmp_path / f"log{size}") for size in (2, 3)]
    messages = [tmp_path / "a", tmp_path / "b"]
    processes = [
        start(run, fake, config, tmp_path / "root", size, message)
        for fake, size, message in zip(logs, (2, 3), messages, strict=True)
    ]
    for process in processes:
        process.join(60)
    assert [message.read_text() for message in messages] == ["", ""]
    shares = [fake.simulated() for fake in logs]
    assert all(shares)
    assert sorted(shares[0] + shares[1]) == list(range(24))
    shared = execute(Fake(), config, root=tmp_path / "root")
    assert shared.attrs["cached"] == 1
    assert bytes_of(shared) == bytes_of(execute(Fake(), config, root=tmp_path / "alone"))


def test_a_process_waits_for_what_another_computes(tmp_path):
    other = Fake(seconds=1.0, log=tmp_path / "other")
    process = start(run, other, CONFIG, tmp_path / "root", 6, tmp_path / "message")
    while not other.simulated():
        time.sleep(0.01)
    mine = Fake(log=tmp_path / "mine")
    assert execute(mine, CONFIG, root=tmp_path / "root").sizes["member"] == 6
    process.join()
    assert mine.simulated() == []


def test_a_process_takes_over_from_one_that_died_while_it_waited(tmp_path, uninterrupted):
    folder = folder_of(tmp_path / "root")
    owner = start(hold_claim, folder, range(6), 2)
    experiment = Fake(log=tmp_path / "log")
    waiting = start(run, experiment, CONFIG, tmp_path / "root", 2, tmp_path / "message")
    while len(folder.spans()) < 2:
        time.sleep(0.01)
    owner.kill()
    owner.join()
    waiting.join(30)
    assert (tmp_path / "message").read_text() == ""
    assert sorted(experiment.simulated()) == list(range(6))
    assert chunks(folder) == uninterrupted[1]
