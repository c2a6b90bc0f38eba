"""What a worker is asked and what it answers: one chunk of one run, as plain values.

A worker compares what it is with what the asker is before it computes: the package's code, the experiment's version,
the meaning of the configuration, the dataset's bytes. Where they differ it refuses, and says so.
"""

import hashlib
import json
import signal
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import sottovoce
from sottovoce import data
from sottovoce.errors import ClusterError, SottovoceError
from sottovoce.lab import registry
from sottovoce.runs.execution import compute_chunk
from sottovoce.runs.identity import canonical, run_header
from sottovoce.runs.store import RunFolder


@cache
def code() -> str:
    """Return the package's version, with the beginning of the SHA-256 of its source: what decides values."""
    package = Path(sottovoce.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package).as_posix()).encode() + b"\0" + file.read_bytes() + b"\0")
    return f"sottovoce {sottovoce.__version__} (source {digest.hexdigest()[:12]})"


def describe(
    experiment: registry.Experiment, config: Any, span: range, device: str, devices: int, save_in: Path | None
) -> dict[str, Any]:
    """Return a chunk as a task: the names of things, never the things.

    Args:
        experiment: the experiment.
        config: a resolved configuration.
        span: the members.
        device: auto, cpu or gpu.
        devices: how many of a worker's devices share the members.
        save_in: the run's folder, for workers that write chunks themselves.

    Returns:
        Values that JSON could say.
    """
    return {
        "experiment": experiment.name,
        "version": experiment.VERSION,
        "config": canonical(config),
        "first": span[0],
        "last": span[-1],
        "identity": run_header(experiment.name, experiment.VERSION, config)["identity"],
        "code": code(),
        "data": _digests(config.dataset) if experiment.trains else {},
        "device": device,
        "devices": devices,
        "save_in": None if save_in is None else str(save_in.absolute()),
    }


def compute(task: Mapping[str, Any]) -> dict[str, Any]:
    """Compute one chunk; runs on a worker.

    Args:
        task: from `describe`.

    Returns:
        `worker`, its address, and one of: `chunk` (sealed bytes) and `provenance`; `saved`, the name of a chunk that
        is in the store; `refusal`, why no worker of this kind can compute it; `failure`, what went wrong.
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

    Args:
        task: from `describe`.

    Returns:
        `chunk` and `provenance`, or `saved` (see `compute`).

    Raises:
        ClusterError: package, experiment, configuration or dataset are not what the asker has.
        DataError: the dataset's files are missing or damaged.
        StoreError: the chunk cannot be stored.
    """
    from sottovoce.runs.chunks import sealed

    _check(task["code"], code(), "install the same version there")
    experiment = registry.experiment(task["experiment"])
    _check(task["version"], experiment.VERSION, f"these are versions of {experiment.name}; install the same there")
    config = configuration(experiment, task)
    found = run_header(experiment.name, experiment.VERSION, config)["identity"]
    _check(task["identity"], found, "these are identities of one configuration; install the same version there")
    if experiment.trains:
        _check(task["data"], _digests_here(config.dataset), f"these are checksums of {config.dataset}")
        _start(task["device"], task["devices"])
    span = range(task["first"], task["last"] + 1)
    results, provenance = compute_chunk(experiment, config, span)
    if task["save_in"] is not None:
        folder = RunFolder(Path(task["save_in"]))
        folder.save(span, results, provenance)
        return {"saved": str(folder.path)}
    return {"chunk": sealed(span, results, task["identity"]), "provenance": provenance}


def configuration(experiment: registry.Experiment, task: Mapping[str, Any]) -> Any:
    """Return the configuration that a task describes."""
    return experiment.Config(**{name: _frozen(value) for name, value in json.loads(task["config"]).items()})


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that started this worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@cache
def _start(device: str, devices: int) -> None:
    """Start jax's devices, once: each setting of jax, even to what it is, makes it trace its programs again."""
    from sottovoce.training import devices as of_jax

    of_jax.start(device, devices)


def _check(asked: object, here: object, mend: str) -> None:
    if asked != here:
        raise ClusterError(f"this worker has {here}, the asker {asked}; {mend}")


_digests = cache(data.digests)


@cache
def _digests_here(name: str) -> dict[str, str]:
    """Return the checksums of the dataset that this worker would train on, as read from its own files."""
    return data.load_dataset(name).provenance["sha256"]


def _frozen(value: Any) -> Any:
    """Return a JSON value with the tuples that configurations have."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
