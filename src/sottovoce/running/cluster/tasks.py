"""Tasks of workers and their answers: one chunk of one run, as plain values.

Before it computes, a worker compares itself with the asking process: the package's source, the experiment's version,
the identity of the configuration, the dataset's checksums. Where they differ, the worker refuses and says why.
"""

import hashlib
import signal
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import sottovoce
from sottovoce import data, parts
from sottovoce.data.image_files import FILE
from sottovoce.errors import ClusterError, SottovoceError
from sottovoce.lab import registry
from sottovoce.lab.fields import own_parts
from sottovoce.running.cluster.engine import Workers
from sottovoce.runs.execution import Job, compute_chunk
from sottovoce.runs.identity import plain, run_header
from sottovoce.runs.store import RunFolder

# Every chunk asks for them, and the embedded digits would be loaded and hashed each time.
_digests = cache(data.digests)


@cache
def code() -> str:
    """Return the package's version and the beginning of the SHA-256 of its source, which decides the values."""
    package = Path(sottovoce.__file__).parent
    digest = hashlib.sha256()
    # Sorted, with POSIX paths and separators, so that equal sources have equal digests on every system.
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"sottovoce {sottovoce.__version__} (source {digest.hexdigest()[:12]})"


def describe(job: Job, span: range, workers: Workers) -> dict[str, Any]:
    """Return a chunk of a job as a task: values that JSON can represent, with code and data by name and checksum."""
    return {
        **job.header,
        "config": plain(job.config),  # with the number of members
        "first": span[0],
        "last": span[-1],
        "code": code(),
        "origin": job.experiment.origin,
        "experiment_source": job.experiment.digest,
        "parts": [[part.kind, part.name, part.origin, part.digest] for part in own_parts(job.config)],
        "data": _digests(job.config.dataset) if job.experiment.trains else {},
        "data_file": _data_file(job.config.dataset) if job.experiment.trains else None,
        "device": workers.device,
        "devices": workers.devices,
        "save_in": str(job.folder.path.absolute()) if workers.workers_save else None,
    }


def compute(task: Mapping[str, Any]) -> dict[str, Any]:
    """Compute one chunk on a worker; exceptions are answered as text, so that none has to be unpickled.

    The reply holds `worker`, the worker's address, and what `answer` returns, or `refusal`, why no worker of this kind
    can compute the chunk, or `failure`, what went wrong.
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
    """Compute one chunk in this process; return it with its provenance, or the folder in which it was to be saved.

    Raises:
        ClusterError: the package, experiment, configuration or dataset differs from the asking process's.
    """
    from sottovoce.runs.chunks import sealed

    # The code comes first: where it differs, the later comparisons may differ because of it, and would mislead.
    _check(task["code"], code(), "install the same version there")
    experiment = _imported(task["experiment"], task["origin"])
    _check(
        task["experiment_source"],
        experiment.digest,
        f"these are sources of {experiment.name}; install the same version there",
    )
    _check(task["version"], experiment.version, f"these are versions of {experiment.name}; install the same there")
    if task["data_file"] is not None:
        # The images are then known by the name of their content, which the configuration has.
        data.choose_dataset(task["data_file"])
    for kind, name, origin, digest in task["parts"]:
        part = _imported_part(kind, name, origin)
        _check(digest, part.digest, f"these are sources of {kind} {name}; install the same version there")
    if task["parts"]:
        # First, because the trial of a user's part would start jax with a single device.
        _start(task["device"], task["devices"])
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


def check_importable(job: Job) -> None:
    """Check that workers can import the experiment of a job and its parts; else raise a ClusterError."""
    origins = {job.experiment.name: job.experiment.origin}
    for what, origin in (origins | {part.name: part.origin for part in own_parts(job.config)}).items():
        module, _, name = origin.partition(":")
        if module == "__main__" or "." in name:
            raise ClusterError(
                f"{what} is defined in {module} as {name}, which workers cannot import; put it into a module of its "
                "own, outside of functions and classes"
            )


def _data_file(name: str) -> str | None:
    """Return the file from which someone's own images were read; None for a built-in dataset.

    Raises:
        ClusterError: the images were given as arrays, which workers do not have.
    """
    if name in data.NAMES:
        return None
    source = data.load_dataset(name).provenance["source"]
    if not source.endswith(FILE):
        raise ClusterError(
            f"dataset {name} was given as arrays, which workers do not have; save them as a {FILE} file and name it"
        )
    return source


def _imported(name: str, origin: str) -> registry.Experiment:
    """Return an experiment that is known here by name, or else the one that the asker's module defines."""
    if name in registry.experiments():
        return registry.experiment(name)
    module, _, attribute = origin.partition(":")
    try:
        return registry.experiment(getattr(import_module(module), attribute)())
    except (ImportError, AttributeError) as error:
        raise ClusterError(f"this worker cannot import {origin}: {error}; install its package there") from error


def _imported_part(kind: str, name: str, origin: str) -> parts.Own:
    """Return a user's part that is known here by name, or else the one that the asker's module registers."""
    vocabulary = parts.OPEN[kind]
    module = origin.partition(":")[0]
    try:
        if vocabulary.own(name) is None:
            import_module(module)
        if (part := vocabulary.own(name)) is None:
            raise ImportError(f"it registers no {kind} {name}")
    # Whatever a module of someone else raises: the next try would raise it again.
    except Exception as error:
        raise ClusterError(f"this worker cannot import {origin}: {error}; install its package there") from error
    return part


def configuration(experiment: registry.Experiment, task: Mapping[str, Any]) -> Any:
    """Return the resolved configuration that a task describes, in which tuples travel as lists."""
    return experiment.Config(**{name: _tuples(value) for name, value in task["config"].items()}).resolve()


def dask_setup(_worker: Any) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes: the process that started this worker handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@cache
def _start(device: str, devices: int) -> None:
    """Start jax's devices, once: setting an option of jax, even to its value, makes jax trace its programs again."""
    from sottovoce.training.devices import start

    start(device, devices)


@cache
def _digests_read(name: str) -> dict[str, str]:
    """Return the checksums of the dataset that this worker trains on, as read from its own files."""
    return data.load_dataset(name).provenance["sha256"]


def _check(asked: object, own: object, fix: str) -> None:
    if asked != own:
        raise ClusterError(f"this worker has {own}, the asker {asked}; {fix}")


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
