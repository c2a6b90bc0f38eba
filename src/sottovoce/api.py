"""Experiments as one call from Python."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce import data
from sottovoce.experiments import registry
from sottovoce.experiments.settings import check_name
from sottovoce.runs.execution import execute
from sottovoce.runs.progress import Progress, choose

if TYPE_CHECKING:
    import xarray as xr


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
        quiet: show no progress.
    """

    out: Path = Path("out")
    data_dir: Path | None = None
    device: str = "auto"
    devices: int | None = None
    chunk: int | None = None
    refresh: bool = False
    quiet: bool = False


def run(name: str, *, execution: Execution | None = None, **settings: Any) -> "xr.Dataset":
    """Run an experiment, or load it if it has been run before.

    Args:
        name: an experiment, for example "transfer".
        execution: how to run it; silent by default.
        **settings: fields of the experiment's `Config`; unset fields take the dataset's preset.

    Returns:
        The results over `member` and named dimensions.

    Raises:
        UsageError: the experiment, a field or its value is not allowed.
    """
    experiment = registry.experiment(name)
    for given in settings:
        check_name(experiment.Config, given)
    return run_config(experiment, experiment.Config(**settings), execution or Execution(quiet=True))


def run_config(
    experiment: registry.Experiment,
    config: Any,
    execution: Execution,
    span: range | None = None,
    progress: Progress | None = None,
) -> "xr.Dataset":
    """Run one configuration, or a span of its members, as `execution` says; arguments and errors as for `run`."""
    chunk = experiment.side_by_side if execution.chunk is None else execution.chunk
    with data.searched_first(execution.data_dir):
        config = config.resolve()
        if experiment.trains:
            from sottovoce.training import devices

            n_devices = devices.configure(execution.device, execution.devices)
            devices.keep_programs(data.folders.cache_folder() / "programs")
            if chunk is None:
                chunk = n_devices * devices.members_at_once(config.member_bytes())
        return execute(
            experiment,
            config,
            span,
            root=execution.out / "runs",
            chunk_size=chunk,
            progress=progress or choose(experiment.name, quiet=execution.quiet),
            refresh=execution.refresh,
        )
