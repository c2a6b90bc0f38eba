"""Reaching workers: those of a cluster that runs somewhere, or processes started here while they are needed."""

import importlib.util
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from distributed import Client

LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 10
# By default dask makes workers give freed memory back at once, and training, which takes it again at every step, is
# slower by half to two thirds for it (docs/scaling.md).
KEEPS_MEMORY = {"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d+")


@dataclass(frozen=True)
class Engine:
    """Which workers compute, and how.

    Attributes:
        scheduler: address of a running scheduler; None: worker processes are started on this machine.
        workers: how many are started; None: one per core.
        workers_save: whether workers write chunks themselves, into the folder of the same path.
        patience: seconds without an answer after which a chunk is given to another worker as well.
        device: auto, cpu or gpu; what a worker computes on.
        devices: how many devices of a worker share the members.
        data_dir: folder with dataset files for the workers started on this machine.
    """

    scheduler: str | None = None
    workers: int | None = None
    workers_save: bool = False
    patience: float = 3600.0
    device: str = "auto"
    devices: int = 1
    data_dir: Path | None = None

    def check(self) -> None:
        """Refuse settings that name no workers.

        Raises:
            UsageError: distributed is not installed, or a setting is not allowed or contradicts another.
        """
        if importlib.util.find_spec("distributed") is None:
            raise UsageError(
                "--executor dask needs distributed, which is not installed; run: pip install 'sottovoce[cluster]'"
            )
        if self.patience <= 0:
            raise UsageError(f"--patience is {self.patience}; allowed: a positive number of seconds")
        if self.scheduler is None:
            if self.workers is not None and self.workers < 1:
                raise UsageError(f"--workers is {self.workers}; allowed: 1 or more")
            if self.device == "gpu":
                raise UsageError(
                    "--device is 'gpu', but the workers started on this machine compute on its cores; start one worker "
                    "per GPU as docs/running.md shows, and name their --scheduler"
                )
            return
        if not _ADDRESS.fullmatch(self.scheduler):
            raise UsageError(f"--scheduler is {self.scheduler!r}; allowed: tcp://HOST:PORT or tls://HOST:PORT")
        for flag, value in (("--workers", self.workers), ("--data-dir", self.data_dir)):
            if value is not None:
                raise UsageError(
                    f"{flag} is {value}, but the workers of --scheduler {self.scheduler} were started elsewhere; "
                    "leave it out, and start them with what they need (SOTTOVOCE_DATA names their dataset files)"
                )
        _check_encryption(self.scheduler)


def _check_encryption(address: str) -> None:
    """Refuse an address that dask's settings cannot reach, which it would say with a traceback."""
    from distributed import Security

    security = Security()
    has_certificate = security.get_connection_args("client").get("ssl_context") is not None
    if address.startswith("tls://") and not has_certificate:
        raise UsageError(
            f"--scheduler is {address}, but dask's settings name no certificate; docs/running.md shows how to name one"
        )
    if address.startswith("tcp://") and security.require_encryption:
        raise UsageError(f"--scheduler is {address}, but dask's settings demand encryption; allowed: tls://HOST:PORT")


@contextmanager
def connected(engine: Engine) -> "Iterator[Client]":
    """Reach the workers until the block ends.

    Args:
        engine: which workers.

    Yields:
        A client of their scheduler.

    Raises:
        ClusterError: no scheduler answers.
    """
    from distributed import Client

    if engine.scheduler is None:
        with _local_cluster(engine) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    try:
        client = Client(engine.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        silent = f"no scheduler answers at {engine.scheduler} within {CONNECT_SECONDS} s"
        raise ClusterError(f"{silent}; start one with: dask scheduler --host ADDRESS") from error
    with client:
        yield client


def _local_cluster(engine: Engine) -> Any:
    """Start worker processes that this machine alone reaches; each computes one chunk at a time on its cores' share."""
    from dask import config as of_dask
    from distributed import LocalCluster

    from sottovoce.training.devices import n_cores

    workers = engine.workers or n_cores()
    # What XLA takes for the number of cores.
    environment = {"NPROC": str(max(1, n_cores() // workers))}
    if engine.data_dir is not None:
        environment["SOTTOVOCE_DATA"] = str(engine.data_dir.absolute())
    with of_dask.set(KEEPS_MEMORY):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=LOOPBACK,
            # What is left of the dashboard is a page that says the scheduler is well; at whatever port is free.
            scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
            memory_limit=0,  # as without workers: a chunk takes what it takes
            silence_logs=logging.CRITICAL,
            env=environment,
            preload=[*of_dask.get("distributed.worker.preload"), "sottovoce.running.cluster.tasks"],
        )
