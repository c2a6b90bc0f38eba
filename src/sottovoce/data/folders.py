"""Where a dataset's files are, and reading them only when every byte is right."""

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

_first: ContextVar[Path | None] = ContextVar("searched_first", default=None)


@contextlib.contextmanager
def searched_first(folder: Path | None) -> Iterator[None]:
    """Look for datasets in this folder before all others, for as long as the context lasts.

    It holds in this thread only: a new thread starts without it.

    Args:
        folder: holds the files, or a folder named like the dataset that does; None for the usual places only.
    """
    token = _first.set(folder)
    try:
        yield
    finally:
        _first.reset(token)


def cache_folder() -> Path:
    """Return the user's cache, where fetched datasets are kept, each in a folder of its name."""
    return Path(pooch.os_cache("sottovoce"))


def candidates(name: str, data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """List the folders a dataset may be in, whether they exist or not, in the order they are searched.

    Args:
        name: the dataset.
        data_dir: searched first; None stands for the folder of `searched_first`, if any.

    Returns:
        Of data_dir, $SOTTOVOCE_DATA and the user cache, each: its subfolder of the dataset's name, then
        itself (unless it is named like another dataset, whose files have the same names).

    Raises:
        UsageError: when data_dir is no folder.
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
    """Find the first folder with all of a dataset's files at their right sizes, without reading them.

    Args:
        name: a dataset of the catalog.
        data_dir: searched first; None stands for the folder of `searched_first`, if any.

    Returns:
        The folder, or None where there is none.

    Raises:
        UsageError: when the name is not in the catalog, or data_dir is no folder.
    """
    wanted = collection(name)
    return next((folder for folder in candidates(name, data_dir) if _is_complete(folder, wanted)), None)


def read_verified(
    name: str, data_dir: str | os.PathLike[str] | None = None
) -> tuple[Path, dict[str, UInt8[np.ndarray, "..."]]]:
    """Read a dataset from the first folder whose files all have the right SHA-256.

    A folder with a damaged file is passed over, with a logged warning, when a later one is sound: so a
    fetch into the cache mends a folder that cannot be written to.

    Args:
        name: a dataset of the catalog.
        data_dir: searched first; None stands for the folder of `searched_first`, if any.

    Returns:
        The folder, and the read-only arrays by role.

    Raises:
        UsageError: when the name is not in the catalog, or data_dir is no folder.
        DataError: when no folder holds sound files; it tells what is wrong in the first that holds any.
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
    raise DataError(f"{name}: {wanted.files[0].name} and the other files are in none of {looked}; {wanted.mend}")


def _is_complete(folder: Path, wanted: Collection) -> bool:
    found = {name: size for name, size, _ in _stamp(folder, wanted)}
    return all(found.get(file.name) == file.size for file in wanted.files)


def _stamp(folder: Path, wanted: Collection) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of change of those files that are there: enough to notice a change."""
    stamp = []
    for file in wanted.files:
        with contextlib.suppress(OSError):
            stat = (folder / file.name).stat()
            stamp.append((file.name, stat.st_size, stat.st_mtime_ns))
    return tuple(stamp)


# The stamp is there for the cache's key: a changed file is read again.
@lru_cache(maxsize=2)
def _read_folder(folder: Path, wanted: Collection, _stamp: object) -> dict[str, UInt8[np.ndarray, "..."]]:
    arrays = {}
    for file in wanted.files:
        path = folder / file.name
        try:
            with path.open("rb") as stream:
                content = stream.read(file.size + 1)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; {wanted.mend}") from None
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); {wanted.mend}") from None
        if len(content) > file.size:
            raise DataError(f"{path}: holds more than the {file.size} bytes it should; {wanted.mend}")
        # The checked bytes themselves are parsed: the file cannot change in between.
        if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
            raise DataError(f"{path}: wrong checksum: expected SHA-256 {file.sha256}, found {found}; {wanted.mend}")
        arrays[file.role] = read_idx(content, file.shape, path, wanted.mend)
    return arrays
