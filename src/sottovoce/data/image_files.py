"""The user's own labeled images from files of NumPy arrays, which are checked before anything is allocated."""

import math
import os
import zipfile
from pathlib import Path

import numpy as np

from sottovoce.data.images import PARTS, LabeledImages
from sottovoce.errors import DataError, UsageError

FILE = ".npz"
"""The ending of files with the user's own images."""
LARGEST_FILE = 8 * 2**30
"""Bytes of a file's arrays together, above which it is not read."""


def read(path: str | os.PathLike[str]) -> LabeledImages:
    """Read the user's own images from a file of NumPy arrays.

    The arrays are `train_images`, `train_labels`, `test_images` and `test_labels`, or `images` and `labels`, of which
    every fifth image of each class is held out; and `brightest`, if it is not 255.

    Raises:
        UsageError: there is no such file, or its arrays are no images with labels.
        DataError: the file is damaged, or too large.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"dataset is {str(path)!r}, which is no file; allowed: a {FILE} file with images and labels")
    try:
        with zipfile.ZipFile(file) as archive:
            _check_sizes(file, archive)
        # Without pickle, so that the file cannot run code.
        with np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is no archive of NumPy arrays: {error}") from error
    given = {"brightest": found.pop("brightest")} if "brightest" in found else {}
    parts = [found.get(name) for name in PARTS]
    if set(found) == {"images", "labels"}:
        parts = [found["images"], found["labels"], None, None]
    elif set(found) != set(PARTS):
        raise UsageError(
            f"{file} has the arrays {', '.join(sorted(found)) or 'none'}; allowed: {', '.join(PARTS)}, or images and "
            "labels; and brightest"
        )
    try:
        return LabeledImages(*parts, **given, source=str(file.absolute()))
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def _check_sizes(file: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a file whose arrays are too large, or larger than what is stored of them, before any is allocated."""
    total = 0
    for member in archive.infolist():
        with archive.open(member) as stream:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(stream)
        size = math.prod(shape) * dtype.itemsize
        if size > member.file_size:
            raise DataError(f"{file}: {member.filename} declares {size} bytes and holds {member.file_size}")
        total += size
    if total > LARGEST_FILE:
        raise DataError(f"{file} holds {total / 2**30:.1f} GiB; allowed: {LARGEST_FILE / 2**30:.0f} GiB")
