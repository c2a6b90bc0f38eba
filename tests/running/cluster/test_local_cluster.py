"""Workers started for one command: they are reached from this machine alone, may die at any moment, and go with it."""

import os
import random
import signal
import subprocess
import threading
from dataclasses import replace

import dask
import distributed  # noqa: F401 - or its own settings are lost with those that a test sets for a while
import psutil
import pytest
from left_behind import chunks
from mischief import Config, Fake
from processes import HERE, environment, process, until, workers_of

import sottovoce as sv
from sottovoce import sweeps
from sottovoce.running.run import Execution
from sottovoce.runs.execution import execute
from sottovoce.runs.identity import run_header
from sottovoce.runs.merging import merge
from sottovoce.runs.store import RunFolder

RATES = (0.1, 0.2, 0.3, 0.4)
MEMBERS = 50
KILL_EVERY = 45


class Killer(threading.Thread):
    """Kills a random worker of this process whenever KILL_EVERY more chunks are saved; looks at open ports, too."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.root, self.kills, self.listening, self.over = root, 0, set(), threading.Event()

    def saved(self):
        return sum(1 for _ in self.root.glob("fake-*/chunks/*.h5"))

    def run(self):
        draw = random.Random(0)
        while not self.over.wait(0.01):
            if self.saved() >= KILL_EVERY * (self.kills + 1) and (alive := workers_of(os.getpid())):
                self.look(alive)
                draw.choice(alive).kill()
                self.kills += 1

    def look(self, alive):
        for one in (psutil.Process(), *alive):
            try:
                self.listening |= {c.laddr.ip for c in one.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
            except psutil.Error:
                continue


def test_a_sweep_whose_workers_are_killed_at_random_equals_the_serial_one_and_that_of_four_shards(
    tmp_path, monkeypatch
):
    over, root = {"rate": RATES}, tmp_path / "killed" / "runs"
    killer = Killer(root)
    killer.start()
    execution = Execution(out=root.parent, executor="dask", workers=2, chunk=1, quiet=True)
    with dask.config.set({"distributed.worker.preload": ["mischief"]}):
        killed = sv.sweep("fake", over, members=MEMBERS, execution=execution)
    killer.over.set()
    killer.join()
    serial = sv.sweep("fake", over, members=MEMBERS, execution=Execution(out=tmp_path / "serial", chunk=1, quiet=True))
    for index in range(1, 5):
        planned = replace(sweeps.plan("fake", over, members=MEMBERS), shard=sweeps.Shard(index, 4))
        done = sweeps.run_shard(planned, Execution(out=tmp_path / f"disk{index}", chunk=1, quiet=True))
        assert (done.computed, done.missing) == (MEMBERS, 3 * MEMBERS)
        merge(tmp_path / f"disk{index}" / "runs", tmp_path / "merged" / "runs")
    assert killer.kills >= 4
    assert killed.attrs == serial.attrs
    assert killed.attrs["cached"] == 0
    assert killed.drop_attrs().identical(serial.drop_attrs())
    for rate in RATES:
        header = run_header("fake", 1, Config(members=MEMBERS, rate=rate))
        names = ("killed", "serial", "merged")
        here, there, merged = (chunks(RunFolder.of(tmp_path / name / "runs", header)) for name in names)
        assert len(here) == MEMBERS
        assert here == there == merged
    assert killer.listening == {"127.0.0.1"}


@pytest.fixture
def client(tmp_path, mischief):
    """Start a client, wait until some chunks are saved, and yield it with its workers; one chunk is never finished."""
    (mischief / "stalled").touch()
    (mischief / "stall-5").write_text("x")
    options = {"env": environment(MISCHIEF=str(mischief)), "stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    with process([str(HERE / "client.py"), str(tmp_path)], start_new_session=True, **options) as started:
        until(lambda: started.poll() is not None or len(list(tmp_path.glob("runs/*/chunks/*.h5"))) >= 3)
        assert started.poll() is None, started.stderr.read()
        workers = workers_of(started.pid)
        assert len(workers) >= 2
        yield started, workers


def goes_on(root):
    """Run what is left without workers, and hold all of it against a run that nothing disturbed."""
    configs = [Config(members=6, rate=rate, seconds=0.1) for rate in (0.1, 0.2)]
    folders = [RunFolder.of(root / "runs", run_header("fake", 1, config)) for config in configs]
    left = {folder: chunks(folder) for folder in folders if folder.path.exists()}
    for config in configs:
        execute(Fake(), config, root=root / "runs", chunk_size=1)
        execute(Fake(), config, root=root / "serial", chunk_size=1)
    for config, folder in zip(configs, folders, strict=True):
        whole = chunks(RunFolder.of(root / "serial", run_header("fake", 1, config)))
        assert chunks(folder) == whole
        assert left.get(folder, {}).items() <= whole.items()
    assert 3 <= sum(map(len, left.values())) < 12


def test_a_killed_client_takes_its_workers_along_and_leaves_its_chunks(client, tmp_path):
    process, workers = client
    process.kill()
    process.wait()
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    goes_on(tmp_path)


def test_ctrl_c_says_how_to_go_on_and_leaves_no_process(client, tmp_path):
    process, workers = client
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    out, said = process.communicate(timeout=60)
    saved = len(list(tmp_path.glob("runs/*/chunks/*.h5")))
    assert process.returncode == 130, said
    expected = f"error: interrupted: {saved} of 12 members are safe in {tmp_path / 'runs'}; run the same command again"
    assert said.splitlines()[-1].startswith(expected), said
    assert "Traceback" not in said
    assert out == ""
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    assert list(tmp_path.rglob("*.lock")) == []
    goes_on(tmp_path)
