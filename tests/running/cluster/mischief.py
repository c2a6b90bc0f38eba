"""An experiment without networks, and workers that misbehave where a file says so; workers load this module first.

The folder $MISCHIEF holds the files: of `die-3`, `fail-3`, `stall-3` and `garbage-3` each computation of the chunk that
begins with member 3 takes a line away, and dies, raises, waits for as long as `stalled` is there, or answers nonsense.
Members that are computed are written to `computed`.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr

from sottovoce.lab import registry
from sottovoce.lab.experiment import Experiment
from sottovoce.running.cluster import tasks
from sottovoce.runs.chunks import sealed

LONGEST_STALL = 60.0  # a test that waits for it fails instead of waiting forever

# What a worker may answer in place of a chunk, given the task and the chunk.
GARBAGE = {
    "nothing": lambda task, chunk: None,
    "a text": lambda task, chunk: "done",
    "no keys": lambda task, chunk: {},
    "no bytes": lambda task, chunk: {"worker": "w", "chunk": None, "provenance": {}},
    "no provenance": lambda task, chunk: {"worker": "w", "chunk": chunk, "provenance": {1, 2}},
    "cut short": lambda task, chunk: {"worker": "w", "chunk": chunk[:-100], "provenance": {}},
    "a flipped bit": lambda task, chunk: {"worker": "w", "chunk": flipped(chunk), "provenance": {}},
    "other members": lambda task, chunk: {"worker": "w", "chunk": other(task, 1, task["identity"]), "provenance": {}},
    "another run": lambda task, chunk: {"worker": "w", "chunk": other(task, 0, 64 * "0"), "provenance": {}},
}


def flipped(chunk: bytes) -> bytes:
    middle = len(chunk) // 2
    return chunk[:middle] + bytes([chunk[middle] ^ 1]) + chunk[middle + 1 :]


def other(task: Mapping[str, Any], shift: int, identity: str) -> bytes:
    span = range(task["first"] + shift, task["last"] + 1 + shift)
    return sealed(span, drawn(0.1, span), identity)


@dataclass(frozen=True)
class Config:
    """Attributes: rate, swept; pair, a tuple that travels as a list."""

    members: int | None = None
    seed: int = 0
    rate: float = 0.1
    pair: tuple[int, ...] = (1, 2)
    seconds: float = 0.0

    def resolve(self) -> Self:
        return replace(self, members=6) if self.members is None else self


SIX = Config(members=6)


@dataclass(frozen=True)
class Fake(Experiment):
    """Draws numbers from (rate, member) alone."""

    name: str = "fake"
    version: int = 1
    Config: type = Config
    summary: str = "A fake."

    def simulate(self, config: Config, members: Sequence[int]) -> xr.Dataset:
        if folder := os.environ.get("MISCHIEF"):
            misbehave(Path(folder), members)
        time.sleep(config.seconds)
        return drawn(config.rate, members)


def drawn(rate: float, members: Sequence[int]) -> xr.Dataset:
    draws = [np.random.default_rng([int(1e6 * rate), member]).normal(size=5) for member in members]
    return xr.Dataset({"draws": (("member", "sample"), np.array(draws))}, coords={"member": list(members)})


def misbehave(folder: Path, members: Sequence[int]) -> None:
    with (folder / "computed").open("a") as stream:
        stream.writelines(f"{member}\n" for member in members)
    if taken(folder, f"stall-{members[0]}"):
        end = time.monotonic() + LONGEST_STALL
        while (folder / "stalled").exists() and time.monotonic() < end:
            time.sleep(0.02)
    if taken(folder, f"die-{members[0]}"):
        os.kill(os.getpid(), signal.SIGKILL)
    if taken(folder, f"fail-{members[0]}"):
        raise ArithmeticError("the sum is off")


def taken(folder: Path, name: str) -> str | None:
    """Take away one line of a file, and the file with its last; return the line."""
    file = folder / name
    if not file.exists():
        return None
    first, *rest = file.read_text().splitlines()
    if rest:
        file.write_text("\n".join(rest))
    else:
        file.unlink()
    return first


def dask_setup(_worker: Any) -> None:
    """Register the experiment in a worker, and let it answer nonsense."""
    honest = tasks.compute

    def compute(task: Mapping[str, Any]) -> Any:
        answer = honest(task)
        kind = taken(Path(os.environ["MISCHIEF"]), f"garbage-{task['first']}") if "MISCHIEF" in os.environ else None
        return GARBAGE[kind](task, answer["chunk"]) if kind else answer

    tasks.compute = compute
    registry.ADDED["fake"] = Fake()
