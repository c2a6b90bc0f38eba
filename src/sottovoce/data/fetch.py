"""Downloading a dataset: each file from the first mirror that serves the right bytes, or not at all."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch

from sottovoce.data.catalog import Collection, File, collection
from sottovoce.data.folders import cache_folder, locate
from sottovoce.errors import DataError

Progress = Callable[[str, int], None]


def fetch(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    silence: float = 10.0,
    limit: float = float("inf"),
    progress: Progress | None = None,
) -> Path:
    """Download those files of a dataset that are not there yet, or are damaged.

    A file appears under its name only complete and with the right SHA-256.

    Args:
        name: a dataset of the catalog.
        data_dir: the files go into its subfolder of the dataset's name; None stands for the user cache.
        silence: seconds a mirror may take to connect, or between two pieces, before the next one is tried.
        limit: seconds the whole fetch may take.
        progress: called with a file's name and the number of bytes of it that have arrived.

    Returns:
        The folder that now holds the dataset.

    Raises:
        UsageError: when the name is not in the catalog.
        DataError: when the folder cannot be written to, or no mirror serves a file with the right checksum.
    """
    wanted = collection(name)
    folder = (cache_folder() if data_dir is None else Path(data_dir).expanduser()) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}); name another with --data-dir") from None
    deadline = time.monotonic() + limit
    with _quiet_pooch():
        for file in wanted.files:
            _fetch_file(wanted, file, folder, silence, deadline, progress)
    return folder


def attempt(name: str, limit: float) -> bool:
    """Try to fetch a dataset into the user cache, and give up without a word.

    Args:
        name: a dataset of the catalog.
        limit: seconds after which this returns in any case. Files that arrived by then are kept.

    Returns:
        Whether the dataset is there now.
    """

    def work() -> None:
        with contextlib.suppress(Exception):
            fetch(name, silence=limit, limit=limit)

    # A thread, because no time limit of a socket covers the look-up of a host's name.
    thread = threading.Thread(target=work, daemon=True, name=f"fetch {name}")
    thread.start()
    thread.join(limit)
    return locate(name) is not None


def _fetch_file(
    wanted: Collection,
    file: File,
    folder: Path,
    silence: float,
    deadline: float,
    progress: Progress | None,
) -> None:
    failures = []
    for mirror in wanted.mirrors:
        meter: Any = _Meter(file.name, deadline, progress)
        timeout = max(0.001, min(silence, deadline - time.monotonic()))
        downloader: Any = pooch.HTTPDownloader(meter, chunk_size=1 << 16, timeout=timeout)
        try:
            pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
        except ValueError:
            failures.append(f"{mirror} sent something else (wrong checksum)")
        except OSError as error:  # the family of every error of the network, and of the disk
            failures.append(f"{mirror} {_first_words(error)}")
        else:
            return
    raise DataError(
        f"{file.name} of {wanted.name} could not be fetched: {'; '.join(failures)}; "
        f"try again later, or put the files into a folder and name it with --data-dir"
    )


@dataclass
class _Meter:
    """A progress bar to pooch: passes on what arrived, and stops a download that is out of time."""

    name: str
    deadline: float
    progress: Progress | None
    total: int = 0
    arrived: int = 0

    def update(self, n_byte: int) -> None:
        if time.monotonic() > self.deadline:
            raise TimeoutError("ran out of time")
        # pooch counts whole pieces, of which the last is usually shorter.
        self.arrived = min(self.arrived + n_byte, self.total)
        if self.progress:
            self.progress(self.name, self.arrived)

    def reset(self) -> None:
        self.arrived = 0

    def close(self) -> None:
        """Nothing to close."""


def _first_words(error: OSError) -> str:
    """Return what went wrong with a mirror in one short line; the network's own messages nest deep."""
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return words if len(words) <= 100 else f"{type(error).__name__}: {words[:80]}..."


@contextlib.contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from printing a line per download to standard error."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
