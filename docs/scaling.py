"""The measurements of docs/scaling.md: what a chunk costs besides its computing, and a model held against emulation.

    python docs/scaling.py            everything but training, a few minutes
    python docs/scaling.py training   efficiency of training on this machine's cores, quiet machine wanted

Chunks that sleep stand for chunks that train, so that many workers fit on few cores; a delay added to every answer
stands for a slow network. Processor time, unlike wall time, hardly depends on what else the machine does.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import psutil
import xarray as xr

from sottovoce.lab import registry
from sottovoce.running.cluster.dispatch import CHUNKS_PER_THREAD, DaskExecutor, fill
from sottovoce.running.run import Execution, run
from sottovoce.runs import chunks
from sottovoce.runs.disk import write_atomically
from sottovoce.runs.execution import Job
from sottovoce.runs.progress import Silent
from sottovoce.training.devices import n_cores

ROLES = 6
CHUNKS = 200
REPEATS = 20
MEMBERS = 12  # of training, to each worker
# Emulated: workers, seconds of a chunk, seconds that are added to every answer.
CASES = ((4, 1.0, 0.0), (16, 1.0, 0.0), (64, 1.0, 0.0), (16, 0.1, 0.0), (16, 0.5, 0.4), (16, 0.5, 2.0))


@dataclass(frozen=True)
class Config:
    """A chunk's length in seconds, and what tells one run from another."""

    members: int
    seconds: float
    label: int = 0

    def resolve(self) -> "Config":
        """Return itself."""
        return self


@dataclass(frozen=True)
class Sleeping:
    """Sleeps instead of training, and returns as many variables as the experiment transfer does."""

    name: str = "sleeping"
    version: int = 1
    Config: type = Config
    trains: bool = False

    def simulate(self, config: Config, members: Sequence[int]) -> xr.Dataset:
        """Sleep, and return numbers."""
        time.sleep(config.seconds)
        values = np.random.default_rng(members[0]).normal(size=(len(members), ROLES))
        names = ("accuracy", "agreement", "final_loss", "diverged")
        variables = {name: (("member", "role"), values) for name in names}
        return xr.Dataset(variables, coords={"member": list(members), "role": [f"role{i}" for i in range(ROLES)]})


def dask_setup(_worker: Any) -> None:
    """Make a worker know the experiment, and let its threads, each of which stands for a worker, seal one by one.

    Side by side in one process they take two to three times as long over it, which workers of one thread do not.
    """
    registry.ADDED["sleeping"] = Sleeping()  # pyright: ignore[reportArgumentType]
    alone, seal = threading.Lock(), chunks.sealed

    def one_by_one(*arguments: Any) -> bytes:
        with alone:
            return seal(*arguments)

    chunks.sealed = one_by_one


@contextmanager
def emulated(threads: int) -> Iterator[tuple[str, psutil.Process, psutil.Process]]:
    """Start a scheduler and a process of as many threads as workers are emulated; yield address and both processes."""
    listen = ["--host", "127.0.0.1", "--no-dashboard"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *listen, "--port", "0"]
        quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        scheduler = subprocess.Popen([*command, "--scheduler-file", str(file)], **quiet)
        while not file.exists() or not file.read_text().endswith("}"):
            time.sleep(0.05)
        command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), *listen]
        options = ["--nthreads", str(threads), "--no-nanny", "--preload", __file__, "--local-directory", folder]
        worker = subprocess.Popen([*command, *options], **quiet)
        try:
            address = json.loads(file.read_text())["address"]
            fill([job(Path(folder), Config(2, 0.0, -1))], DaskExecutor(address), Silent())  # wakes everything
            yield address, psutil.Process(scheduler.pid), psutil.Process(worker.pid)
        finally:
            worker.kill()
            scheduler.kill()
            worker.wait()
            scheduler.wait()


def job(root: Path, config: Config) -> Job:
    """Return a job of one-member chunks in a prepared folder."""
    made = Job(Sleeping(), config, range(config.members), 1, root)
    made.prepare()
    return made


@dataclass(frozen=True)
class Costs:
    """What a chunk costs besides its computing, in seconds.

    Attributes:
        client: processor time of the process that hands out, checks and saves.
        disk: its wait for two files to reach the disk.
        scheduler: processor time of the scheduler.
        worker: processor time of a worker.
    """

    client: float
    disk: float
    scheduler: float
    worker: float

    @property
    def narrowest(self) -> float:
        """The longest of what happens one chunk after another: its inverse is the most chunks a second."""
        return max(self.client + self.disk, self.scheduler)


def costs() -> Costs:
    """Measure what chunks cost that compute nothing."""
    with tempfile.TemporaryDirectory() as folder, emulated(1) as (address, scheduler, worker):
        made = job(Path(folder), Config(CHUNKS, 0.0))
        others = (scheduler, worker)
        before = [sum(one.cpu_times()[:2]) for one in others]
        own = time.process_time()
        fill([made], DaskExecutor(address), Silent())
        own = time.process_time() - own
        spent = [sum(one.cpu_times()[:2]) - was for one, was in zip(others, before, strict=True)]
        waits = []
        for _ in range(REPEATS):
            start = time.perf_counter() - time.thread_time()
            for name in ("a", "b"):
                write_atomically(Path(folder) / name, bytes(8000))
            waits.append(time.perf_counter() - time.thread_time() - start)
    return Costs(own / CHUNKS, float(np.median(waits)), spent[0] / CHUNKS, spent[1] / CHUNKS)


def predicted(workers: int, seconds: float, delay: float, n: int, cost: Costs, cores: float | None = None) -> float:
    """Return how long n chunks take.

    Args:
        workers: how many compute.
        seconds: of computing in a chunk.
        delay: between a worker's being done and the client's knowing.
        n: chunks.
        cost: of a chunk.
        cores: what client, scheduler and all workers share in an emulation, where workers do not run side by side: as
            many as are free.

    Returns:
        Seconds: the slowest of the workers, of the client (or scheduler), of the chunks in flight, of which each worker
        has two, and, in an emulation, of its cores; and the time that the first chunk takes.
    """
    chunk = seconds + cost.worker
    per_chunk = [chunk / workers, cost.narrowest, (chunk + delay) / (CHUNKS_PER_THREAD * workers)]
    if cores is not None:
        per_chunk += [cost.worker, (cost.client + cost.scheduler + cost.worker) / cores]
    return (n - workers) * max(per_chunk) + chunk + delay + workers * max(per_chunk[1], *per_chunk[3:], 0.0)


@contextmanager
def delayed(seconds: float) -> Iterator[None]:
    """Let the client know of every finished chunk only some time later."""
    at_once = distributed.Future.add_done_callback

    def later(future: Any, call: Any) -> None:
        at_once(future, lambda done: threading.Timer(seconds, call, [done]).start())

    distributed.Future.add_done_callback = later
    try:
        yield
    finally:
        distributed.Future.add_done_callback = at_once


def check(cost: Costs) -> list[str]:
    """Hold the model against emulated workers; return a table."""
    names = ("workers", "chunk, s", "delay, s", "chunks", "free cores", "predicted, s", "measured, s")
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for workers, seconds, delay in CASES:
        n, free = 6 * workers, max(1.0, n_cores() * (1 - psutil.cpu_percent(interval=2.0) / 100))
        with tempfile.TemporaryDirectory() as folder, emulated(workers) as (address, *_), delayed(delay):
            made = job(Path(folder), Config(n, seconds))
            start = time.perf_counter()
            fill([made], DaskExecutor(address), Silent())
            took = time.perf_counter() - start
        expected = predicted(workers, seconds, delay, n, cost, free)
        rows.append(f"| {workers} | {seconds} | {delay} | {n} | {free:.1f} | {expected:.1f} | {took:.1f} |")
    return rows


def on_paper(cost: Costs) -> list[str]:
    """Return the efficiency of many workers, by the length of a chunk, at a hundred chunks each."""
    lengths, rows = (15, 60, 300, 900), []
    for workers in (10, 100, 1000, 3000, 10_000):
        n = 100 * workers
        shares = [n * t / workers / predicted(workers, t, 0.1, n, cost) for t in lengths]
        rows.append(f"| {workers} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")
    return ["| workers | " + " | ".join(f"{t} s" for t in lengths) + " |", "|---|" + "---|" * len(lengths), *rows]


def training() -> list[str]:
    """Train members of transfer on digits in this process on one device, with one worker and with two; return a table.

    The time of one member to each, which starts processes and reads compiled programs, is taken off.
    """
    rows = ["| workers | members | seconds | members a minute and worker |", "|---|---|---|---|"]
    for workers in (0, 1, 2):
        each = max(1, workers)
        # The first is not counted: it compiles.
        _, start, whole = (seconds_of(workers, members) for members in (each, each, (1 + MEMBERS) * each))
        rate = 60 * MEMBERS / (whole - start)
        rows.append(f"| {workers or 'none'} | {MEMBERS * each} | {whole - start:.1f} | {rate:.1f} |")
    return rows


def seconds_of(workers: int, members: int) -> float:
    """Return how long members of transfer take, in chunks of one; without workers on one device of this process."""
    with tempfile.TemporaryDirectory() as folder:
        execution = Execution(out=Path(folder), chunk=1, devices=1, quiet=True)
        if workers:
            execution = replace(execution, executor="dask", workers=workers)
        start = time.perf_counter()
        run("transfer", dataset="digits", members=members, execution=execution)
        return time.perf_counter() - start


def main() -> None:
    """Print what docs/scaling.md shows."""
    if "training" in sys.argv[1:]:
        print("\n".join(training()))
        return
    cost = costs()
    for name, value in vars(cost).items():
        print(f"{name}: {1e3 * value:.1f} ms a chunk")
    print(f"at most {1 / cost.narrowest:.0f} chunks a second")
    print("\n".join(["", *on_paper(cost), "", *check(cost)]))


if __name__ == "__main__":
    main()
