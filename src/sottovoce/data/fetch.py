"""Download of a dataset: each file comes from the first mirror that serves the right bytes, or not at all."""

import contextlib
import io
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pooch

from sottovoce.data.catalog import Collection, File, collection
from sottovoce.data.folders import cache_folder, locate
from sottovoce.errors import DataError

# Seconds that a mirror may take to connect, or between two pieces.
_SILENCE = 10.0


def fetch(name: str, data_dir: str | os.PathLike[str] | None = None, *, limit: float = float("inf")) -> Path:
    """Download the files of a dataset that are missing or damaged.

    A file appears under its name only when it is complete and has the right SHA-256. A mirror that is silent for
    10 seconds is given up for the next.

    Args:
        name: a dataset of the catalog.
        data_dir: the files are saved in the subfolder with the dataset's name; None stands for the user cache.
        limit: seconds that the whole download may take.

    Returns:
        The folder that now holds the dataset.

    Raises:
        UsageError: the name is not in the catalog.
        DataError: the folder cannot be written to, or no mirror serves a file with the right checksum.
    """
    wanted = collection(name)
    folder = (cache_folder() if data_dir is None else Path(data_dir).expanduser()) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}); name another with --data-dir") from None
    deadline, logger = time.monotonic() + limit, pooch.get_logger()
    with contextlib.ExitStack() as stack:
        # pooch would print a line for every download to standard error.
        stack.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.WARNING)
        for file in wanted.files:
            _fetch_file(wanted, file, folder, deadline)
    return folder


def attempt(name: str, limit: float) -> bool:
    """Try for `limit` seconds to fetch a dataset into the user cache, and return whether it is complete then.

    A failure is silent, and files that arrived in time are kept.
    """

    def work() -> None:
        with contextlib.suppress(Exception):
            fetch(name, limit=limit)

    # A thread, because a socket's time limit does not cover the lookup of a host's name; a daemon, so that a lookup
    # that hangs does not keep the process from ending.
    thread = threading.Thread(target=work, daemon=True, name=f"fetch {name}")
    thread.start()
    thread.join(limit)
    return locate(name) is not None


def _fetch_file(wanted: Collection, file: File, folder: Path, deadline: float) -> None:
    def download(url: str, path: str, _pooch: object) -> None:
        # Past the deadline no time is left, which the HTTP library refuses by a ValueError: it would read as a wrong
        # checksum.
        timeout = max(0.001, min(_SILENCE, deadline - time.monotonic()))
        with _Bounded(path, file, deadline) as output:
            pooch.HTTPDownloader(timeout=timeout, chunk_size=1 << 16)(url, output, None)

    downloader: Any = download  # pooch's own downloaders do not fit its declared type either
    failures = []
    for mirror in wanted.mirrors:
        try:
            pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
        except ValueError:  # which pooch raises for a wrong checksum
            failures.append(f"{mirror} sent something else (wrong checksum)")
        except OSError as error:  # the base class of all errors of the network and the disk
            # Messages of the network nest several errors, of which one short line is enough.
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            failures.append(f"{mirror} {words if len(words) <= 100 else f'{type(error).__name__}: {words[:80]}...'}")
        else:
            return
    raise DataError(
        f"{file.name} of {wanted.name} could not be fetched: {'; '.join(failures)}; "
        f"try again later, or put the files into a folder and name it with --data-dir"
    )


class _Bounded(io.BufferedWriter):
    """The file to which pooch writes a download: it refuses bytes beyond the catalog's size or after the deadline."""

    def __init__(self, path: str, file: File, deadline: float) -> None:
        super().__init__(io.FileIO(path, "wb"))
        self._size, self._deadline = file.size, deadline

    def write(self, piece: Any, /) -> int:
        if time.monotonic() > self._deadline:
            raise TimeoutError("ran out of time")
        # The checksum is taken only at the end, so that without this bound a mirror could fill the disk.
        if self.tell() + len(piece) > self._size:
            raise OSError(f"sent more than the {self._size} bytes of the file")
        return super().write(piece)
