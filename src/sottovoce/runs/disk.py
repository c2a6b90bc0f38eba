"""Files that are either complete or absent, and disk failures as errors of one line."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sottovoce.errors import StoreError

TEMPORARY = ".*.tmp"


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn every OSError into a StoreError that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = "free some space and run the same command again" if full else "choose another folder"
        reason = error.strerror or str(error)
        raise StoreError(f"cannot use {path}: {reason}; what was saved is kept; {remedy}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that its name never denotes a partial file, even if the process or the machine dies.

    Raises:
        StoreError: the disk refuses; the temporary file is removed, and an older file of the name is untouched.
    """
    # In the same folder, because a rename is atomic within one file system only; the random part keeps two writers
    # apart.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                # Before the rename: after a power failure, the name could otherwise denote a file whose content never
                # reached the disk.
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C as well
            with suppress(OSError):  # of the clean-up: the first error is the one to report
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # A rename is a change of the folder, which has to reach the disk as well; Windows cannot open folders.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
