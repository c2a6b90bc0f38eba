"""An experiment without networks, and processes that run it, for tests that kill them."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr

from sottovoce.errors import SottovoceError
from sottovoce.lab.experiment import Experiment
from sottovoce.runs.execution import execute
from sottovoce.runs.locking import claim
from sottovoce.runs.store import RunFolder


@dataclass(frozen=True)
class Config:
    members: int | None = None
    seed: int = 0
    rate: float = 0.1
    diverging: tuple[int, ...] = ()

    def resolve(self) -> Self:
        return replace(self, members=6) if self.members is None else self


@dataclass(frozen=True)
class Fake(Experiment):
    """Draws numbers from (seed, member) alone; slow and talkative on demand."""

    name: str = "fake"
    version: int = 1
    summary: str = "A fake."
    Config: type = Config
    seconds: float = 0.0
    log: Path | None = None

    def simulate(self, config: Config, members: Sequence[int]) -> xr.Dataset:
        if self.log:
            with self.log.open("a") as stream:
                stream.writelines(f"{member}\n" for member in members)
        time.sleep(self.seconds)
        draws = np.stack([np.random.default_rng([config.seed, member]).normal(size=5) for member in members])
        return xr.Dataset(
            {
                "draws": (("member", "sample"), draws.astype(np.float32)),
                "grid": ("sample", np.arange(5) * config.rate),
                "diverged": (("member", "role"), [[m in config.diverging, False] for m in members]),
            },
            coords={"member": list(members), "role": ["teacher", "student"]},
        )

    def simulated(self) -> list[int]:
        """Every member ever simulated, repeats included."""
        return [int(line) for line in self.log.read_text().split()] if self.log and self.log.exists() else []


def bytes_of(dataset: xr.Dataset) -> bytes:
    """All values, names and attributes; `cached` tells how they were come by and does not count."""
    attributes = {name: value for name, value in dataset.attrs.items() if name != "cached"}
    variables = {name: (v.dims, v.dtype.str, v.values.tobytes()) for name, v in dataset.variables.items()}
    return repr((attributes, variables)).encode()


# A server that has imported this module once forks each process in milliseconds, free of jax's threads.
_context = multiprocessing.get_context("forkserver")


def start(target: Callable[..., None], *arguments: Any) -> Any:
    """Start target(ready, *arguments) in a process and wait until it says that it is ready."""
    _context.set_forkserver_preload(["fake_experiment"])
    ready = _context.Event()
    process = _context.Process(target=target, args=(ready, *arguments))
    process.start()
    assert ready.wait(30)
    return process


def run(ready: Any, experiment: Fake, config: Config, root: Path, chunk_size: int, message: Path) -> None:
    """Execute, and write the error's class and message, or nothing."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited: a test presses Ctrl-C
    ready.set()
    try:
        execute(experiment, config, root=root, chunk_size=chunk_size)
        message.write_text("")
    except SottovoceError as error:
        message.write_text(f"{type(error).__name__} {error.exit_code}: {error}")


def run_and_die(ready: Any, at: str, experiment: Fake, config: Config, root: Path) -> None:
    """Execute, and die by SIGKILL at the chunk file's os.fsync or os.replace, before or after it."""
    when, function = at.split()
    original = getattr(os, function)
    calls = 0

    def deadly(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        # run.json's fsyncs (file, folder) and rename come first, then the provenance's, then the chunk's.
        last = calls == {"fsync": 5, "replace": 3}[function]
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        original(*arguments)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, function, deadly)
    ready.set()
    execute(experiment, config, root=root, chunk_size=2)


def hold_claim(ready: Any, folder: RunFolder, members: range, size: int) -> None:
    """Claim members and keep them until killed."""
    with claim(folder, members, size):
        ready.set()
        time.sleep(60)
