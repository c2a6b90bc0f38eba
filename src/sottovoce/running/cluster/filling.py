"""Filling a store from workers: the members that several runs lack, their chunks side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sottovoce.errors import ClusterError
from sottovoce.running.cluster.dispatch import Dispatcher
from sottovoce.running.cluster.engine import Engine, connected
from sottovoce.running.cluster.flights import Job
from sottovoce.runs.execution import Interrupted
from sottovoce.runs.progress import Progress
from sottovoce.runs.store import RunFolder


@dataclass(frozen=True)
class Workers:
    """An executor whose chunks are computed by a cluster's workers.

    Attributes:
        engine: which workers.
    """

    engine: Engine

    def check(self, _experiment: Any, _config: Any, /) -> None:
        """Raise a UsageError where the engine names no workers; data is looked for where they are."""
        self.engine.check()

    def compute(
        self, experiment: Any, config: Any, folder: RunFolder, members: range, size: int, progress: Progress
    ) -> None:
        """Compute and save one configuration's missing members; see `fill`."""
        fill([Job(experiment, config, folder, members, size)], self.engine, progress)


def fill(jobs: Sequence[Job], engine: Engine, progress: Progress) -> None:
    """Compute and save every missing member of all jobs.

    Args:
        jobs: what is wanted; their folders are prepared.
        engine: which workers.
        progress: told of every saved chunk.

    Raises:
        ClusterError: no scheduler answers or it is lost, a worker is not what this process is, or a chunk failed on
            several workers; what was finished is saved.
        StoreError: the store cannot be read or written.
        Interrupted: Ctrl-C; what was finished is saved.
    """
    total, lacking = sum(len(job.members) for job in jobs), sum(len(job.missing()) for job in jobs)
    progress.start(total, total - lacking)
    try:
        if lacking:
            progress.phase("reaching workers")
            with connected(engine) as client:
                Dispatcher(client, jobs, engine, progress).run()
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {_safe(jobs)}") from None
    except ClusterError as error:
        raise ClusterError(f"{error}; {_safe(jobs)}") from error
    finally:
        progress.finish()


def _safe(jobs: Sequence[Job]) -> str:
    total, lacking = sum(len(job.members) for job in jobs), sum(len(job.missing()) for job in jobs)
    root = jobs[0].folder.path.parent
    return f"{total - lacking} of {total} members are safe in {root}; run the same command again to go on"
