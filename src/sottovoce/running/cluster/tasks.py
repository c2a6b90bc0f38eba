"""What a worker is asked and what it answers: one chunk of one run, as plain values.

A worker compares what it is with what the asking process is before it computes: the package's source, the experiment's
version, the meaning of the configuration, the dataset's bytes. Where they differ it refuses, and says so.
"""

import hashlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sottovoce
from sottovoce import data
from sottovoce.errors import ClusterError, SottovoceError
from sottovoce.lab import registry
from sottovoce.runs.execution import compute_chunk
from sottovoce.runs.identity import plain, run_header
from sottovoce.runs.store import RunFolder

_digests = cache(data.digests)


@dataclass(frozen=True, eq=False)
class Job:
    """The members of one resolved configuration that are wanted in a prepared folder, in chunks of `size`."""

    experiment: registry.Experiment
    config: Any
    folder: RunFolder
    members: range
    size: int


@cache
def code() -> str:
    """Return the package's version, with the beginning of the SHA-256 of its source, which decides the values."""
    package = Path(sottovoce.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package).as_posix()).encode() + b"\0" + file.read_bytes() + b"\0")
    return f"sottovoce {sottovoce.__version__} (source {digest.hexdigest()[:12]})"


def describe(job: Job, span: range, device: str, devices: int, workers_save: bool) -> dict[str, Any]:
    """Return a chunk of a job as a task: values that JSON could say; code and data by name and checksum."""
    return {
        **run_header(job.experiment.name, job.experiment.version, job.config),
        "config": plain(job.config),  # with the number of members
        "first": span[0],
        "last": span[-1],
        "code": code(),
        "data": _digests(job.config.dataset) if job.experiment.trains else {},
        "device": device,
        "devices": devices,
        "save_in": str(job.folder.path.absolute()) if workers_save else None,
    }


def compute(task: Mapping[str, Any]) -> dict[str, Any]:
    """Compute one chunk on a worker; nothing is raised, so that no exception travels.

    Returns:
        `worker`, its address, and what `answer` returns or one of: `refusal`, why no worker of this kind can compute
        the chunk; `failure`, what went wrong.
    """
    from distributed import get_worker

    worker = {"worker": get_worker().address}
    try:
        return worker | answer(task)
    except SottovoceError as error:
        return worker | {"refusal": str(error)}
    except Exception as error:
        return worker | {"failure": f"{type(error).__name__}: {error}"}


def answer(task: Mapping[str, Any]) -> dict[str, Any]:
    """Compute one chunk in this process.

    Returns:
        `chunk` (sealed bytes) and `provenance`, or `saved`, the run's folder, if the task says where to save.

    Raises:
        ClusterError: package, experiment, configuration or dataset are not those of the asking process.
        DataError: the dataset's files are missing or damaged.
        StoreError: the chunk cannot be stored.
    """
    from sottovoce.runs.chunks import sealed

    _check(task["code"], code(), "install the same version there")
    experiment = registry.experiment(task["experiment"])
    _check(task["version"], experiment.version, f"these are versions of {experiment.name}; install the same there")
    config = configuration(experiment, task)
    identity = run_header(experiment.name, experiment.version, config)["identity"]
    _check(task["identity"], identity, "these are identities of one configuration; install the same version there")
    if experiment.trains:
        _check(task["data"], _digests_read(config.dataset), f"these are checksums of {config.dataset}")
        _start(task["device"], task["devices"])
    span = range(task["first"], task["last"] + 1)
    results, provenance = compute_chunk(experiment, config, span)
    if task["save_in"] is None:
        return {"chunk": sealed(span, results, identity), "provenance": provenance}
    RunFolder(Path(task["save_in"])).save(span, results, provenance)
    return {"saved": task["save_in"]}


def configuration(experiment: registry.Experiment, task: Mapping[str, Any]) -> Any:
    """Return the configuration that a task describes, in which tuples travel as lists."""
    return experiment.Config(**{name: _tuples(value) for name, value in task["config"].items()})


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that started this worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@cache
def _start(device: str, devices: int) -> None:
    """Start jax's devices, once: each setting of jax, even to what it is, makes it trace its programs again."""
    from sottovoce.training import devices as of_jax

    of_jax.start(device, devices)


@cache
def _digests_read(name: str) -> dict[str, str]:
    """Return the checksums of the dataset that this worker would train on, as read from its own files."""
    return data.load_dataset(name).provenance["sha256"]


def _check(asked: object, here: object, fix: str) -> None:
    if asked != here:
        raise ClusterError(f"this worker has {here}, the asker {asked}; {fix}")


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
