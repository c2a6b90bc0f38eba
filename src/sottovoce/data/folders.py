"""Search for a dataset's files, and reading them only if every byte is right."""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import numpy as np
import pooch
from jaxtyping import UInt8

from sottovoce.data.catalog import CATALOG, Collection, collection
from sottovoce.data.idx import read_idx
from sottovoce.errors import DataError, UsageError

VARIABLE = "SOTTOVOCE_DATA"

# No plain global: runs in two threads may look in different folders.
_first: ContextVar[Path | None] = ContextVar("searched_first", default=None)


@contextlib.contextmanager
def searched_first(folder: Path | None) -> Iterator[None]:
    """Look for datasets in this folder before all others, for as long as the context lasts.

    The setting holds in this thread only: a new thread starts without it.

    Args:
        folder: contains the files, or a subfolder with the dataset's name that does; None for the usual places only.
    """
    token = _first.set(folder)
    try:
        yield
    finally:
        _first.reset(token)


def cache_folder() -> Path:
    """Return the user's cache, where each fetched dataset is kept in a folder with its name."""
    return Path(pooch.os_cache("sottovoce"))


def candidates(name: str, data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """List the folders a dataset may be in, whether or not they exist, in the order in which they are searched.

    For each of data_dir (or the folder of `searched_first`), $SOTTOVOCE_DATA and the user cache these are the subfolder
    with the dataset's name, then the folder itself, unless it has the name of another dataset, whose files are named
    alike.

    Raises:
        UsageError: data_dir is no folder.
    """
    given = _first.get() if data_dir is None else data_dir
    roots = [cache_folder()]
    if variable := os.environ.get(VARIABLE):
        roots.insert(0, Path(variable).expanduser())
    if given is not None:
        if not (folder := Path(given).expanduser()).is_dir():
            raise UsageError(f"data_dir is {str(given)!r}, which is not a folder; name one that holds {name}")
        roots.insert(0, folder)
    others = CATALOG.keys() - {name}
    folders = [folder for root in roots for folder in (root / name, root) if folder.name not in others]
    return list(dict.fromkeys(folders))


def locate(name: str, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Find the first folder with all files of a dataset in their right sizes; no file is read.

    A `data_dir` of None stands for the folder of `searched_first`, if any.

    Raises:
        UsageError: the name is not in the catalog, or data_dir is no folder.
    """
    wanted = collection(name)
    sizes = [(file.name, file.size) for file in wanted.files]
    folders = candidates(name, data_dir)
    return next((folder for folder in folders if [(n, size) for n, size, _ in _stamp(folder, wanted)] == sizes), None)


def read_verified(
    name: str, data_dir: str | os.PathLike[str] | None = None
) -> tuple[Path, dict[str, UInt8[np.ndarray, "..."]]]:
    """Read a dataset from the first folder whose files all have the right SHA-256.

    A folder with a damaged file is skipped, with a logged warning, if a later folder is intact. Fetching into the cache
    therefore repairs a dataset whose folder cannot be written to.

    Returns:
        The folder, and read-only arrays by role.

    Raises:
        UsageError: the name is not in the catalog, or data_dir is no folder.
        DataError: no folder has intact files; the message says what is wrong in the first folder that has any.
    """
    wanted = collection(name)
    folders = candidates(name, data_dir)
    problems: list[DataError] = []
    for folder in folders:
        if not (stamp := _stamp(folder, wanted)):
            continue
        try:
            arrays = _read_folder(folder, wanted, stamp)
        except DataError as problem:
            problems.append(problem)
            continue
        for problem in problems:
            logging.getLogger(__name__).warning("%s (reading the sound copy in %s instead)", problem, folder)
        return folder, arrays
    if problems:
        raise problems[0]
    looked = ", ".join(map(str, folders))
    raise DataError(f"{name}: {wanted.files[0].name} and the other files are in none of {looked}; {wanted.fix}")


def _stamp(folder: Path, wanted: Collection) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of change of the files that exist: enough to notice a change."""
    stamp = []
    for file in wanted.files:
        with contextlib.suppress(OSError):
            stat = (folder / file.name).stat()
            stamp.append((file.name, stat.st_size, stat.st_mtime_ns))
    return tuple(stamp)


# The stamp is part of the cache's key, so that a changed file is read again. Two entries, because MNIST unpacked takes
# 55 MB.
@lru_cache(maxsize=2)
def _read_folder(folder: Path, wanted: Collection, _stamp: object) -> dict[str, UInt8[np.ndarray, "..."]]:
    arrays = {}
    for file in wanted.files:
        path = folder / file.name
        try:
            with path.open("rb") as stream:
                content = stream.read(file.size + 1)  # one byte too many shows a longer file without reading it all
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; {wanted.fix}") from None
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); {wanted.fix}") from None
        if len(content) > file.size:
            raise DataError(f"{path}: holds more than the {file.size} bytes it should; {wanted.fix}")
        # The checked bytes themselves are parsed, so that the file cannot change in between.
        if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
            raise DataError(f"{path}: wrong checksum: expected SHA-256 {file.sha256}, found {found}; {wanted.fix}")
        arrays[file.role] = read_idx(content, file.shape, path, wanted.fix)
    return arrays
