"""Running an experiment by one call from Python, in this process or on the workers of a cluster."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from sottovoce import data, parts
from sottovoce.errors import UsageError, not_among
from sottovoce.lab import registry
from sottovoce.lab.checks import check
from sottovoce.lab.fields import converted
from sottovoce.lab.quantities import labelled
from sottovoce.runs.execution import Job, LocalExecutor, check_divergence, execute
from sottovoce.runs.progress import Progress, choose, is_seen
from sottovoce.runs.store import RunFolder

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.running.cluster.dispatch import DaskExecutor

LOCAL = "local"
EXECUTORS = (LOCAL, "dask")
WORKERS = ("scheduler", "workers", "workers_save", "patience")
"""The settings that concern workers only."""


@dataclass(frozen=True)
class Execution:
    """How an experiment is run; nothing here changes a result.

    Attributes:
        out: folder for runs, figures and the report.
        data_dir: folder with dataset files, looked at before $SOTTOVOCE_DATA and the cache.
        device: auto, cpu or gpu.
        devices: how many devices share the members; unset: all (on a CPU one per core).
        chunk: members computed and saved together; unset: one per CPU device, on an accelerator as many as fit in its
            free memory, of an experiment without networks as many as gain from it.
        refresh: compute again what is already on disk.
        keep_weights: save the weights of all networks beside the results, a .safetensors file each.
        quiet: show no progress.
        executor: local (this process) or dask (worker processes, each a chunk at a time; docs/running.md).
        scheduler: address of a running dask cluster, tcp://HOST:PORT; unset: workers are started on this machine's
            cores for as long as the command runs.
        workers: how many are started; unset: one per core.
        workers_save: workers write chunks themselves, into this folder, which all machines see at the same path.
        patience: seconds without an answer after which a chunk is given to another worker as well.
    """

    out: Path = Path("out")
    data_dir: Path | None = None
    device: str = "auto"
    devices: int | None = None
    chunk: int | None = None
    refresh: bool = False
    keep_weights: bool = False
    quiet: bool = False
    executor: str = LOCAL
    scheduler: str | None = None
    workers: int | None = None
    workers_save: bool = False
    patience: float = 3600.0

    def __post_init__(self) -> None:
        """Take text for paths and NumPy's numbers for Python's.

        Raises:
            UsageError: a setting is of another type; the message names it.
        """
        hints = get_type_hints(Execution)
        for name, value in converted(Execution, vars(self)).items():
            is_path = Path in (hints[name], *get_args(hints[name]))
            if is_path and isinstance(value, str | os.PathLike):
                value = Path(value)
            elif is_path and value is not None:
                raise UsageError(f"{name} is {value!r}; allowed: a folder's path")
            elif not is_path:
                check(name, value, hints[name])
            object.__setattr__(self, name, value)


def run(
    experiment: str | registry.Experiment, /, *, execution: Execution | None = None, **settings: Any
) -> "xr.Dataset":
    """Run an experiment, or load it if it has been run before.

    Args:
        experiment: a name, for example "transfer", or an experiment of your own.
        execution: how to run it; by default progress is shown on a terminal and in a notebook, and nowhere else.
        **settings: fields of the experiment's `Config`; unset fields take the dataset's preset.

    Returns:
        The results over `member` and named dimensions, with attributes `long_name` and `units` of variables and
        coordinates (`lab.quantities.labelled`).

    Raises:
        UsageError: the experiment, a field or its value is not allowed.
        DivergenceError: more than a tenth of the members diverged; all members are saved.
    """
    chosen = registry.experiment(experiment)
    config = chosen.Config(**converted(chosen.Config, settings))
    return run_config(chosen, config, chosen_execution(execution))


def start_before_trials(experiment: registry.Experiment, execution: Execution) -> None:
    """Start the devices of this process before configurations are resolved, where users have registered parts.

    A part is tried when a configuration that names it is resolved. The trial would start jax with a single device.
    """
    if experiment.trains and any(vocabulary.has_own() for vocabulary in parts.OPEN.values()):
        prepare(execution, trains=True)


def chosen_execution(given: Execution | None) -> Execution:
    """Return how an experiment is run from Python; by default with progress where someone looks.

    Raises:
        UsageError: what is given is no `Execution`.
    """
    if given is not None and not isinstance(given, Execution):
        raise UsageError(f"execution is {given!r:.60}; allowed: sottovoce.Execution(out=..., devices=..., ...)")
    return given or Execution(quiet=not is_seen())


def run_config(experiment: registry.Experiment, config: Any, execution: Execution) -> "xr.Dataset":
    """Run one configuration as `execution` says; errors as for `run`."""
    start_before_trials(experiment, execution)
    if execution.keep_weights and not experiment.roles(config.resolve()):
        raise UsageError(f"--keep-weights is given, but {experiment.name} returns no networks; leave it out")
    dataset = results_of(experiment, config, execution)
    check_divergence(dataset, execution.out / "runs")
    return dataset


def results_of(
    experiment: registry.Experiment,
    config: Any,
    execution: Execution,
    span: range | None = None,
    progress: Progress | None = None,
) -> "xr.Dataset":
    """Run one configuration, or a span of its members, without an error where members diverge; else as `run`."""
    with data.searched_first(execution.data_dir):
        # The devices are started first, because the size of a chunk depends on their number and their memory.
        config = config.resolve()
        # Of several experiments, those without networks have no weights to keep.
        execution = replace(execution, keep_weights=execution.keep_weights and bool(experiment.roles(config)))
        executor = prepare(execution, trains=experiment.trains)
        root, size = execution.out / "runs", members_in_chunk(experiment, config, execution)
        result = execute(
            experiment,
            config,
            span,
            root=root,
            chunk_size=size,
            progress=progress or choose(experiment.name, quiet=execution.quiet),
            refresh=execution.refresh,
            executor=executor,
        )
        if execution.keep_weights:
            from sottovoce.running.weights import complete

            complete(experiment, config, result, RunFolder.of(root, result.attrs), size or 1)
    return labelled(result, experiment.quantities)


def spread(
    wanted: Sequence[tuple[registry.Experiment, Any, range | None]], execution: Execution, progress: Progress
) -> tuple[Execution, list[int]]:
    """Let workers compute the missing members of several configurations at once; without workers, do nothing.

    A span that is None stands for all members; errors are those of `cluster.fill`.

    Returns:
        How to run each configuration afterwards, so that what the workers saved is loaded; and the number of members
        of each configuration that were computed.
    """
    executor = prepare(execution, trains=any(experiment.trains for experiment, *_ in wanted))
    if isinstance(executor, LocalExecutor):
        return execution, [0] * len(wanted)
    from sottovoce.running.cluster import fill

    executor.check()
    jobs = [
        Job.of(
            experiment, config, span, root=execution.out / "runs", size=members_in_chunk(experiment, config, execution)
        )
        for experiment, config, span in wanted
    ]
    for job in jobs:
        job.prepare(refresh=execution.refresh)
    # Counted after `prepare`, which forgets the members that are to be refreshed.
    computed = [job.missing() for job in jobs]
    fill(jobs, executor, progress)
    # What the workers have just computed is not computed again.
    return replace(execution, refresh=False), computed


def prepare(execution: Execution, *, trains: bool) -> "LocalExecutor | DaskExecutor":
    """Return the executor that `execution` names; start the devices of this process if it is to train networks.

    Raises:
        UsageError: fields of the execution contradict each other, or the devices are not available.
    """
    if execution.executor not in EXECUTORS:
        raise not_among("--executor", execution.executor, EXECUTORS)
    if execution.executor != LOCAL:
        if execution.keep_weights:
            raise UsageError(
                f"--keep-weights is given with --executor {execution.executor}, whose workers send results and no "
                "weights; allowed: --executor local, which also adds the weights of members that are on disk"
            )
        from sottovoce.running.cluster import DaskExecutor

        # Workers that are started here share this machine's cores; elsewhere, a worker knows its own devices.
        own_cores = execution.scheduler is None and execution.device == "auto"
        same = {name: getattr(execution, name) for name in (*WORKERS, "data_dir")}
        return DaskExecutor(**same, device="cpu" if own_cores else execution.device, devices=execution.devices or 1)
    # A setting that would have no effect is refused instead of ignored.
    for name in WORKERS:
        if (value := getattr(execution, name)) != getattr(Execution, name):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is {value}, but there are no workers; add --executor dask")
    if trains:
        from sottovoce.training import devices

        devices.start(execution.device, execution.devices)
    return LocalExecutor(execution.keep_weights)


def members_in_chunk(experiment: registry.Experiment, config: Any, execution: Execution) -> int | None:
    """Return how many members are computed and saved together, once `prepare` has started the devices."""
    chunk = experiment.vectorized if execution.chunk is None else execution.chunk
    if chunk is not None or not experiment.trains:
        return chunk
    # The devices of the workers and their memory are not known in this process.
    if execution.executor != LOCAL:
        return 1
    import jax

    from sottovoce.training import devices

    return jax.local_device_count() * devices.members_at_once(config.member_bytes())
