"""Labeled images by name: embedded digits, or MNIST and Fashion-MNIST from verified files."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sottovoce.data import facts
from sottovoce.data.catalog import CATALOG, collection
from sottovoce.data.fetch import attempt
from sottovoce.data.folders import locate, read_verified
from sottovoce.data.image_files import FILE, read
from sottovoce.data.images import LabeledImages, every_fifth, own
from sottovoce.errors import DataError, UsageError, not_among

NAMES = ("digits", *CATALOG)
AUTO = "auto"
OFFLINE = "SOTTOVOCE_OFFLINE"

# Without a network, a user of "auto" waits this long before the run starts.
_ATTEMPT_SECONDS = 6.0


@dataclass(frozen=True)
class Status:
    """The state of a dataset on this machine."""

    name: str
    where: str | None  # the folder that it is read from (or, if it is damaged, was found in)
    verified: bool  # whether every file is present with the right SHA-256
    problem: str | None  # why it cannot be loaded, and the command that fixes it
    size: int  # bytes to download; 0 for an embedded dataset
    license: str
    source: str

    def __str__(self) -> str:
        state = f"{self.where}, checksums verified" if self.verified else self.problem
        size = f"{self.size / 2**20:.1f} MiB" if self.size else "embedded"
        return f"{self.name} ({size}, {self.license}): {state}"


def load_dataset(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    pixel_range: tuple[float, float] = (-1.0, 1.0),
) -> LabeledImages:
    """Load a dataset; nothing is downloaded.

    Args:
        name: one of "digits" (8 x 8, embedded, no file needed), "mnist" and "fashion-mnist" (28 x 28), or the name of
            own images (`LabeledImages`).
        data_dir: searched before $SOTTOVOCE_DATA and the user cache; it contains the dataset's four files, or a
            subfolder with the dataset's name that does. None stands for the folder of `searched_first`, if any.
        pixel_range: the values of the darkest and the brightest possible pixel.

    Returns:
        The images and labels, freshly made, so that a change of them affects no other caller.

    Raises:
        UsageError: the name is unknown, data_dir is no folder, or pixel_range is not two rising numbers.
        DataError: the files are missing or damaged.
    """
    _check(name)
    low, high = pixel_range
    # All comparisons with NaN are false, so that this chain refuses it as well.
    if not -np.inf < low < high < np.inf:
        raise UsageError(f"pixel_range is {pixel_range}; it takes two finite numbers, the lower one first")
    if name in facts.OWN:
        return own(name).scaled_to(pixel_range)
    arrays, brightest, provenance = _digits() if name == "digits" else _from_files(name, data_dir)
    return LabeledImages.built_in(name, arrays, brightest, (low, high), provenance)


def digests(name: str) -> dict[str, str]:
    """Return the SHA-256 that a dataset's files must have, or embedded or own arrays, in hexadecimal by name.

    Raises:
        UsageError: the name is unknown.
    """
    _check(name)
    if name in facts.OWN:
        return own(name).provenance["sha256"]
    return _digits()[2]["sha256"] if name == "digits" else {file.name: file.sha256 for file in collection(name).files}


def choose_dataset(name: str, data_dir: str | os.PathLike[str] | None = None) -> str:
    """Turn "auto" into the dataset to use: MNIST where it is available, else the embedded digits; read own images.

    Files of the right sizes are enough; their checksums are verified when they are loaded. Where there are none, a
    download is tried for a few seconds, unless the environment variable SOTTOVOCE_OFFLINE is 1.

    A file that ends in .npz is read (`images.read`), and the name of its content is returned. A dataset's own name is
    returned as it is. Nothing is printed: the caller tells the user which was chosen.

    Raises:
        UsageError: the name is neither a dataset's nor "auto", or data_dir is no folder.
    """
    if name.endswith(FILE):
        return read(name).name
    if name in NAMES or name in facts.OWN:
        return name
    _check(name, AUTO)
    offline = os.environ.get(OFFLINE, "") not in {"", "0"}
    at_hand = locate("mnist", data_dir) is not None or (not offline and attempt("mnist", _ATTEMPT_SECONDS))
    return "mnist" if at_hand else "digits"


def status(name: str, data_dir: str | os.PathLike[str] | None = None) -> Status:
    """Return where a dataset is and whether every file has the right checksum.

    The state's text is what ``sottovoce data list`` prints; `data_dir` is as for `load_dataset`.

    Raises:
        UsageError: the name is unknown, or data_dir is no folder.
    """
    _check(name)
    if name == "digits":
        return Status(name, "scikit-learn", True, None, 0, _DIGITS_LICENSE, _DIGITS_SOURCE)
    entry, where, problem = collection(name), locate(name, data_dir), None
    try:
        where, _ = read_verified(name, data_dir)
    except DataError as error:
        problem = str(error)
    return Status(name, where and str(where), problem is None, problem, entry.size, entry.license, entry.source)


def _check(name: str, *others: str) -> None:
    if name not in (*others, *NAMES, *facts.OWN):
        raise not_among("dataset", name, (*others, *NAMES, *facts.OWN, f"a {FILE} file with images and labels"))


_Arrays = dict[str, UInt8[np.ndarray, "..."]]

_DIGITS_SOURCE = "E. Alpaydin and C. Kaynak, Optical recognition of handwritten digits, UCI; by way of scikit-learn"
_DIGITS_LICENSE = "CC BY 4.0"


def _from_files(name: str, data_dir: str | os.PathLike[str] | None) -> tuple[_Arrays, int, dict[str, Any]]:
    entry = collection(name)
    _, arrays = read_verified(name, data_dir)
    return arrays, 255, {"source": entry.source, "license": entry.license, "sha256": digests(name)}


def _digits() -> tuple[_Arrays, int, dict[str, Any]]:
    """Return scikit-learn's digits in their stored order, with every fifth image of each class held out."""
    from sklearn.datasets import load_digits

    pixels, target = load_digits(return_X_y=True)
    images, labels = np.asarray(pixels, np.uint8).reshape(-1, 8, 8), np.asarray(target, np.uint8)
    held_out = every_fifth(labels)
    parts = {"train": ~held_out, "test": held_out}
    kinds = {"images": images, "labels": labels}
    arrays = {f"{part}_{kind}": array[rows] for part, rows in parts.items() for kind, array in kinds.items()}
    sha256 = {role: hashlib.sha256(array.tobytes()).hexdigest() for role, array in arrays.items()}
    return arrays, 16, {"source": _DIGITS_SOURCE, "license": _DIGITS_LICENSE, "sha256": sha256}
