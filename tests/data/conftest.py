"""Small stand-ins for the datasets in files, and a machine that has none of them."""

import gzip
import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest

from sottovoce.data import catalog

N_TRAIN, N_TEST, SIDE = 12, 7, 3

# Taken before any test changes them: where real files may be.
_REAL_VARIABLE, _REAL_CACHE = os.environ.get("SOTTOVOCE_DATA", ""), pooch.os_cache("sottovoce")


def pack(array: np.ndarray) -> bytes:
    """Write an IDX file by the format's description, independently of the reader."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def make_arrays(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)

    def draw(high: int, *shape: int) -> np.ndarray:
        return rng.integers(0, high, shape, dtype=np.uint8)

    return {
        "train_images": draw(256, N_TRAIN, SIDE, SIDE),
        "train_labels": draw(10, N_TRAIN),
        "test_images": draw(256, N_TEST, SIDE, SIDE),
        "test_labels": draw(10, N_TEST),
    }


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Leave no dataset anywhere, and no way to the network; return the (empty) cache."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda _project: cache)
    monkeypatch.delenv("SOTTOVOCE_DATA", raising=False)
    monkeypatch.setenv("SOTTOVOCE_OFFLINE", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return cache


@pytest.fixture
def real_machine(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the datasets of this machine back."""
    assert not bare_machine.exists()
    monkeypatch.setattr(pooch, "os_cache", lambda _project: _REAL_CACHE)
    monkeypatch.setenv("SOTTOVOCE_DATA", _REAL_VARIABLE)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return make_arrays(0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, arrays: dict[str, np.ndarray]) -> dict[str, dict[str, bytes]]:
    """Put small files in the catalog's place; return their bytes by dataset and file name.

    No mirror is left: a test that wants one names it.
    """
    contents, entries = {}, {}
    for name, own in (("mnist", arrays), ("fashion-mnist", make_arrays(1))):
        entry = catalog.CATALOG[name]
        packed = {file.role: pack(own[file.role]) for file in entry.files}
        files = tuple(
            replace(
                file,
                size=len(packed[file.role]),
                sha256=hashlib.sha256(packed[file.role]).hexdigest(),
                shape=own[file.role].shape,
            )
            for file in entry.files
        )
        entries[name] = replace(entry, files=files, mirrors=())
        contents[name] = {file.name: packed[file.role] for file in files}
    monkeypatch.setattr(catalog, "CATALOG", entries)
    return contents


@pytest.fixture
def put(small: dict[str, dict[str, bytes]]) -> Callable[..., Path]:
    """Return a function that writes a dataset's files into a folder, some changed or (None) left out."""

    def write(folder: Path, name: str = "mnist", **changed: bytes | None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for file in catalog.CATALOG[name].files:
            content = changed.get(file.role, small[name][file.name])
            if content is not None:
                (folder / file.name).write_bytes(content)
        return folder

    return write
