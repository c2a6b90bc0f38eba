"""Labeled images in memory: those of a built-in dataset, or the user's own from arrays."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from sottovoce.data import facts
from sottovoce.errors import UsageError

Pixels = UInt8[np.ndarray, "sample input"] | Float32[np.ndarray, "sample input"]
HELD_OUT = 5
"""Of images without a split, one in so many of each class is held out for testing."""
# With fewer training images the presets are those of digits, else of MNIST.
MANY = 10_000
PARTS = ("train_images", "train_labels", "test_images", "test_labels")
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
        brightest: Any = 255,
        source: str = "given as arrays",
    ) -> None:
        """Take images and labels, as copies.

        Args:
            train_images: an array of shape (image, row, column), or (image, ...), of which all but the first are
                flattened: bytes (uint8) from 0 to `brightest`, or floats from 0 to 1.
            train_labels: the class of each image, whole numbers from 0 on.
            test_images: the held-out images; unset: of each class every fifth training image is held out.
            test_labels: their classes.
            brightest: the brightest possible value of a byte.
            source: where the images come from, in words.

        Raises:
            UsageError: the arrays are no images with labels; the message names the array.
        """
        # A file's number, and NumPy's, is an array.
        brightest = brightest.tolist() if hasattr(brightest, "tolist") else brightest
        if type(brightest) is not int or not 1 <= brightest <= 255:
            raise UsageError(f"brightest is {brightest!r}; allowed: 1 to 255, a whole number")
        train = _pixels("train_images", train_images)
        labels = _labels("train_labels", train_labels, len(train))
        if (test_images is None) != (test_labels is None):
            raise UsageError("test_images and test_labels belong together; give both or none")
        if test_images is None:
            held_out = every_fifth(labels)
            test, tested = train[held_out], labels[held_out]
            train, labels = train[~held_out], labels[~held_out]
        else:
            test = _pixels("test_images", test_images)
            tested = _labels("test_labels", test_labels, len(test))
        if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
            raise UsageError(
                f"test_images is of shape {test.shape[1:]} and type {test.dtype}; allowed: {train.shape[1:]} and "
                f"{train.dtype}, as train_images"
            )
        top = brightest if train.dtype == np.uint8 else 1
        for part, array in (("train_images", train), ("test_images", test)):
            if array.max() > top:
                raise UsageError(f"{part} has a pixel of {array.max()}; allowed: 0 to {top}, the brightest")
        sizes = np.bincount(labels).tolist()
        _check_classes(sizes, tested)
        provenance = {"source": source, "license": "unknown", "sha256": {}}
        self._set((train, labels, test, tested), top, len(sizes), provenance)
        object.__setattr__(self, "name", self._add(tuple(sizes)))

    @classmethod
    def built_in(
        cls,
        name: str,
        arrays: Mapping[str, np.ndarray],
        brightest: int,
        pixel_range: tuple[float, float],
        provenance: dict[str, Any],
    ) -> "LabeledImages":
        """Return the images of a built-in dataset, whose arrays have been verified."""
        images = object.__new__(cls)
        pixels_and_labels = tuple(
            array.astype(np.int32) if part.endswith("labels") else array
            for part, array in ((part, arrays[part]) for part in PARTS)
        )
        images._set(pixels_and_labels, brightest, facts.BUILT_IN[name].n_class, provenance)
        object.__setattr__(images, "name", name)
        object.__setattr__(images, "pixel_range", pixel_range)
        return images

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
        """The name by which a configuration has exactly these images.

        Images that were loaded by name can have been changed or restricted since, so they are the user's own, too.
        """
        if _OWN.get(self.name) is self:
            return self.name
        shape = (-1, *self.image_shape)
        arrays = (
            self.train_pixels.reshape(shape),
            self.train_labels,
            self.test_pixels.reshape(shape),
            self.test_labels,
        )
        return LabeledImages(*arrays, brightest=self.brightest, source=self.provenance["source"]).name

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

    def _set(self, arrays: Sequence[np.ndarray], brightest: int, n_class: int, provenance: dict[str, Any]) -> None:
        train, train_labels, test, test_labels = arrays
        values = {
            "train_pixels": train.reshape(len(train), -1),
            "train_labels": train_labels,
            "test_pixels": test.reshape(len(test), -1),
            "test_labels": test_labels,
            "brightest": brightest,
            "pixel_range": (-1.0, 1.0),
            "n_class": n_class,
            "image_shape": train.shape[1:] if train.ndim == 3 else (1, int(np.prod(train.shape[1:]))),
            "provenance": provenance,
        }
        # The one way to assign to a field of a frozen dataclass.
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def _add(self, class_sizes: tuple[int, ...]) -> str:
        """Keep the user's own images for as long as the program runs, under a name by their content."""
        digest = hashlib.sha256(json.dumps([list(self.image_shape), self.brightest]).encode())
        for field in ("train_pixels", "train_labels", "test_pixels", "test_labels"):
            array = getattr(self, field)
            # The name is that of the content, which therefore has to stay.
            array.flags.writeable = False
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


def _pixels(part: str, given: Any) -> np.ndarray:
    array = np.asarray(given)
    if array.ndim < 2 or 0 in array.shape:
        raise UsageError(f"{part} has the shape {array.shape}; allowed: (image, row, column), or (image, pixel)")
    if array.dtype == np.uint8:
        return array.copy()
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
