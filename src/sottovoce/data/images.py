"""Labeled images in memory: those of a built-in dataset, or the user's own from arrays or a file."""

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from sottovoce.data import facts
from sottovoce.errors import DataError, UsageError

Pixels = UInt8[np.ndarray, "sample input"] | Float32[np.ndarray, "sample input"]
FILE = ".npz"
"""The ending of files with the user's own images."""
LARGEST_FILE = 8 * 2**30
"""Bytes of a file's arrays together, above which it is not read."""
HELD_OUT = 5
"""Of images without a split, every so-manieth of each class is held out for testing."""
# With fewer training images the presets are those of digits, else of MNIST.
MANY = 10_000
_PARTS = ("train_images", "train_labels", "test_images", "test_labels")
_OWN: "dict[str, LabeledImages]" = {}


@dataclass(frozen=True, eq=False, init=False)
class LabeledImages:
    """Training and test images with their labels, as the networks of every experiment take them.

    Attributes:
        name: a built-in dataset, or "own-" and the beginning of the SHA-256 of the user's own images and labels.
        train_pixels: one flattened training image per row: bytes from 0 to `brightest`, or floats from 0 to 1.
        train_labels: the class of each training image, counted from 0.
        test_pixels: the held-out images, likewise.
        test_labels: their classes.
        brightest: the value of the brightest possible pixel.
        pixel_range: the values of the darkest and the brightest possible pixel in `train_images` and `test_images`.
        n_class: number of classes.
        image_shape: rows and columns of an image.
        provenance: "source", "license" and "sha256" (a dict by file or array name).
    """

    name: str
    train_pixels: Pixels
    train_labels: Int32[np.ndarray, " sample"]
    test_pixels: Pixels
    test_labels: Int32[np.ndarray, " test_sample"]
    brightest: int
    pixel_range: tuple[float, float]
    n_class: int
    image_shape: tuple[int, int]
    provenance: dict[str, Any]

    def __init__(
        self,
        train_images: Any,
        train_labels: Any,
        test_images: Any = None,
        test_labels: Any = None,
        *,
        brightest: int | None = None,
        name: str | None = None,
        pixel_range: tuple[float, float] = (-1.0, 1.0),
        provenance: dict[str, Any] | None = None,
    ) -> None:
        """Take images and labels.

        Args:
            train_images: an array of shape (image, row, column), or (image, ...), of which all but the first are
                flattened: bytes (uint8) from 0 to `brightest`, or floats from 0 to 1.
            train_labels: the class of each image, whole numbers from 0 on.
            test_images: the held-out images; unset: of each class every fifth training image is held out.
            test_labels: their classes.
            brightest: the brightest possible value of a byte; unset: 255.
            name: of a built-in dataset; unset: by the content.
            pixel_range: the values of the darkest and the brightest possible pixel for a network.
            provenance: where the images come from.

        Raises:
            UsageError: the arrays are no images with labels; the message names the array.
        """
        labels = _labels("train_labels", train_labels, len(np.asarray(train_images)))
        if test_images is None:
            held_out = every_fifth(labels)
            images = np.asarray(train_images)
            train_images, labels, test_images, test_labels = (
                images[~held_out],
                labels[~held_out],
                images[held_out],
                labels[held_out],
            )
        train, test = (
            _pixels(part, array) for part, array in zip(_PARTS[::2], (train_images, test_images), strict=True)
        )
        if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
            raise UsageError(
                f"test_images is of shape {test.shape[1:]} and type {test.dtype}; allowed: {train.shape[1:]} and "
                f"{train.dtype}, as train_images"
            )
        top = (255 if brightest is None else brightest) if train.dtype == np.uint8 else 1
        for part, array in (("train_images", train), ("test_images", test)):
            if array.max() > top:
                raise UsageError(f"{part} has a pixel of {array.max()}; allowed: 0 to {top}, the brightest")
        own_test = _labels("test_labels", test_labels, len(test))
        sizes = np.bincount(labels).tolist()
        if name is None:
            _check_classes(sizes, own_test)
        values = {
            "train_pixels": train.reshape(len(train), -1),
            "train_labels": labels,
            "test_pixels": test.reshape(len(test), -1),
            "test_labels": own_test,
            "brightest": top,
            "pixel_range": pixel_range,
            "n_class": len(sizes) if name is None else facts.BUILT_IN[name].n_class,
            "image_shape": train.shape[1:] if train.ndim == 3 else (1, int(np.prod(train.shape[1:]))),
            "provenance": provenance or {"source": "given by the user", "license": "unknown", "sha256": {}},
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        object.__setattr__(self, "name", name or self._add(tuple(sizes)))

    @property
    def train_images(self) -> Float32[np.ndarray, "sample input"]:
        """The training images, with pixels scaled to `pixel_range`."""
        return self._scaled(self.train_pixels)

    @property
    def test_images(self) -> Float32[np.ndarray, "test_sample input"]:
        """The held-out images, with pixels scaled to `pixel_range`."""
        return self._scaled(self.test_pixels)

    @property
    def as_setting(self) -> str:
        """The name by which a configuration has the images."""
        return self.name

    def scaled_to(self, pixel_range: tuple[float, float]) -> "LabeledImages":
        """Return the same images in another range of pixels; fresh arrays, so that a change affects no other caller."""
        other = copy(self)
        arrays = {
            f"{part}_{kind}": getattr(self, f"{part}_{kind}").copy()
            for part in ("train", "test")
            for kind in ("pixels", "labels")
        }
        for field, value in {**arrays, "pixel_range": pixel_range}.items():
            object.__setattr__(other, field, value)
        return other

    def of_classes(self, classes: Sequence[int]) -> "LabeledImages":
        """Return the images of some classes; labels keep their numbers."""
        other = copy(self)
        for part in ("train", "test"):
            rows = np.isin(getattr(self, f"{part}_labels"), classes)
            for kind in ("pixels", "labels"):
                object.__setattr__(other, f"{part}_{kind}", getattr(self, f"{part}_{kind}")[rows])
        return other

    def _scaled(self, pixels: Pixels) -> Float32[np.ndarray, "sample input"]:
        low, high = self.pixel_range
        if pixels.dtype != np.uint8:
            return (low + (high - low) * pixels).astype(np.float32)
        # A table of values makes both ends exact and gives equal pixels equal floats in every dataset.
        return np.linspace(low, high, self.brightest + 1).astype(np.float32)[pixels]

    def _add(self, class_sizes: tuple[int, ...]) -> str:
        """Keep the user's own images for as long as the program runs, under a name by their content."""
        digest = hashlib.sha256(json.dumps([list(self.image_shape), self.brightest]).encode())
        for field in ("train_pixels", "train_labels", "test_pixels", "test_labels"):
            array = getattr(self, field)
            digest.update(json.dumps([array.dtype.str, array.shape]).encode() + np.ascontiguousarray(array).tobytes())
        content = digest.hexdigest()
        self.provenance["sha256"] = {"content": content}
        name = f"own-{content[:16]}"
        preset = "digits" if sum(class_sizes) < MANY else "mnist"
        facts.OWN[name] = facts.Facts(self.image_shape, class_sizes, preset)
        _OWN[name] = self
        return name


def own(name: str) -> LabeledImages:
    """Return the user's own images of a name in `facts.OWN`."""
    return _OWN[name]


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
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_FILE:
            raise DataError(f"{file} holds {size / 2**30:.1f} GiB; allowed: {LARGEST_FILE / 2**30:.0f} GiB")
        # Without pickle, so that the file cannot run code.
        with np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is no archive of NumPy arrays: {error}") from error
    brightest = int(found.pop("brightest")) if "brightest" in found else None
    parts = [found.get(name) for name in _PARTS]
    if set(found) == {"images", "labels"}:
        parts = [found["images"], found["labels"], None, None]
    elif set(found) != set(_PARTS):
        raise UsageError(
            f"{file} has the arrays {', '.join(sorted(found)) or 'none'}; allowed: {', '.join(_PARTS)}, or images and "
            "labels; and brightest"
        )
    provenance = {"source": str(file.absolute()), "license": "unknown"}
    try:
        return LabeledImages(*parts, brightest=brightest, provenance=provenance)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def _pixels(part: str, given: Any) -> np.ndarray:
    array = np.asarray(given)
    if array.ndim < 2 or 0 in array.shape:
        raise UsageError(f"{part} has the shape {array.shape}; allowed: (image, row, column), or (image, pixel)")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f" or not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise UsageError(f"{part} is of type {array.dtype}; allowed: bytes (uint8), or finite floats from 0 to 1")
    return array.astype(np.float32)


def _labels(part: str, given: Any, n: int) -> np.ndarray:
    array = np.asarray(given)
    if array.shape != (n,) or array.dtype.kind not in "iu" or (n and (array.min() < 0 or array.max() > 2**16)):
        raise UsageError(
            f"{part} has the shape {array.shape} and type {array.dtype}; allowed: ({n},), a whole number from 0 on for "
            "each image"
        )
    return array.astype(np.int32)


def _check_classes(sizes: list[int], test_labels: np.ndarray) -> None:
    if len(sizes) < 2 or not all(sizes):
        raise UsageError(
            f"train_labels has {sizes} images of classes 0 to {len(sizes) - 1}; allowed: two classes or more, counted "
            "from 0, each with images"
        )
    if test_labels.max() >= len(sizes):
        raise UsageError(
            f"test_labels has class {test_labels.max()}; allowed: 0 to {len(sizes) - 1}, as in train_labels"
        )


def every_fifth(labels: np.ndarray) -> np.ndarray:
    """Return which images are held out for testing: of each class every fifth, in the order in which they are given."""
    # By position within each class: the split is balanced and needs no random numbers.
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        held_out[np.flatnonzero(labels == label)[HELD_OUT - 1 :: HELD_OUT]] = True
    if len(labels) and not held_out.any():
        raise UsageError(f"no class has {HELD_OUT} images, of which one could be held out; give test_images")
    return held_out
