"""Connections to dask workers: those of a running cluster, or processes started on this machine while needed."""

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
class Workers:
    """Which dask workers compute, and how; the fields are those of `Execution`, with `devices` per worker."""

    scheduler: str | None = None
    workers: int | None = None
    workers_save: bool = False
    patience: float = 3600.0
    device: str = "auto"
    devices: int = 1
    data_dir: Path | None = None

    def check(self, *_: Any) -> None:
        """Raise a UsageError if no workers can be had with these settings; workers check their own dataset files."""
        if importlib.util.find_spec("distributed") is None:
            missing = "--executor dask needs distributed, which is not installed"
            raise UsageError(f"{missing}; run: pip install 'sottovoce[cluster]'")
        if self.patience <= 0:
            raise UsageError(f"--patience is {self.patience}; allowed: a positive number of seconds")
        if self.scheduler is not None:
            self._check_scheduler(self.scheduler)
        elif self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers is {self.workers}; allowed: 1 or more")
        elif self.device == "gpu":
            raise UsageError(
                "--device is 'gpu', but the workers started on this machine compute on its cores; start one worker "
                "per GPU as docs/running.md shows, and name their --scheduler"
            )

    def _check_scheduler(self, address: str) -> None:
        from distributed import Security

        if not _ADDRESS.fullmatch(address):
            raise UsageError(f"--scheduler is {address!r}; allowed: tcp://HOST:PORT or tls://HOST:PORT")
        for flag, value in (("--workers", self.workers), ("--data-dir", self.data_dir)):
            if value is not None:
                raise UsageError(
                    f"{flag} is {value}, but the workers of --scheduler {address} were started elsewhere; "
                    "leave it out, and start them with what they need (SOTTOVOCE_DATA names their dataset files)"
                )
        # If dask's settings do not fit the address, dask's own client raises an error that names neither.
        security, settings = Security(), f"--scheduler is {address}, but dask's settings"
        if address.startswith("tls://") and not security.get_connection_args("client").get("ssl_context"):
            raise UsageError(f"{settings} name no certificate; docs/running.md shows how to name one")
        if address.startswith("tcp://") and security.require_encryption:
            raise UsageError(f"{settings} demand encryption; allowed: tls://HOST:PORT")


@contextmanager
def connected(workers: Workers) -> "Iterator[Client]":
    """Yield a client of the workers' scheduler; workers that are started here end with the block.

    Raises:
        ClusterError: no scheduler answers.
    """
    from distributed import Client

    if workers.scheduler is None:
        # Not dask's default client, which would take over the user's own dask computations in the same process.
        with _local_cluster(workers) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    try:
        client = Client(workers.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        silent = f"no scheduler answers at {workers.scheduler} within {CONNECT_SECONDS} s"
        raise ClusterError(f"{silent}; start one with: dask scheduler --host ADDRESS") from error
    with client:
        yield client


def _local_cluster(wanted: Workers) -> Any:
    """Start workers that only this machine can reach; each computes one chunk at a time on its share of the cores."""
    from dask import config as dask_config
    from distributed import LocalCluster

    from sottovoce.training.devices import n_cores

    workers = wanted.workers or n_cores()
    data = {} if wanted.data_dir is None else {"SOTTOVOCE_DATA": str(wanted.data_dir.absolute())}
    with dask_config.set(KEEPS_MEMORY):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=LOOPBACK,
            # Without the dashboard a health page of the scheduler remains; it takes any free port.
            scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
            memory_limit=0,  # no limit, as without workers
            silence_logs=logging.CRITICAL,
            env={"NPROC": str(max(1, n_cores() // workers)), **data},  # XLA takes NPROC for the number of cores
            # Added to what the user preloads. dask calls `dask_setup` of this module, so that workers leave Ctrl-C to
            # the asker.
            preload=[*dask_config.get("distributed.worker.preload"), "sottovoce.running.cluster.tasks"],
        )
