"""The kinds and parameters of training images and distillation inputs, checked before any image is loaded."""

from collections.abc import Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from sottovoce.errors import UsageError, not_among

INPUTS = (
    "uniform",
    "normal",
    "images",
    "permuted_images",
    "shuffled_images",
    "blurred",
    "spectrum_matched",
    "low_rank",
    "mixture",
    "constant",
)
# Each input of these kinds is made of one training image.
OF_IMAGES = ("images", "permuted_images", "shuffled_images", "mixture")
UNCHANGING = ("images", "permuted_images", "constant")
"""Kinds that hold no noise to draw afresh."""

# Parameter -> the one kind that it changes.
USED_BY = MappingProxyType({"inputs_length_scale": "blurred", "inputs_rank": "low_rank", "inputs_alpha": "mixture"})
SHORTEST = 0.1

# Known here so that a configuration is checked, and its memory estimated, without loading any data.
PIXELS = {"mnist": 784, "fashion-mnist": 784, "digits": 64}
CLASS_SIZES = {
    "mnist": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "fashion-mnist": (6000,) * 10,
    "digits": (143, 146, 142, 147, 145, 146, 145, 144, 140, 144),
}
"""Training images of each class."""
CLASSES = tuple(range(10))


def training_images(dataset: str, classes: Sequence[int]) -> int:
    """Return the number of training images that a dataset has of these classes."""
    return sum(CLASS_SIZES[dataset][label] for label in classes)


def check_classes(classes: Any) -> None:
    """Refuse a set of classes that a teacher cannot learn to distinguish, or a second spelling of the same set.

    Raises:
        UsageError: classes is not two or more of 0 to 9 in rising order.
    """
    known = isinstance(classes, tuple | list) and all(type(label) is int and label in CLASSES for label in classes)
    if not known or len(classes) < 2 or list(classes) != sorted(set(classes)):
        raise UsageError(
            f"classes is {classes!r}; allowed: two or more of 0 to 9 in rising order: with one class there is nothing "
            "to learn, and the order makes one set of classes one run"
        )


def check_inputs(kind: str, n_inputs: int, fresh: bool, n_image: int) -> None:
    """Refuse distillation inputs that cannot be made.

    Args:
        kind: kind of the inputs.
        n_inputs: their number.
        fresh: whether their noise is drawn afresh every epoch.
        n_image: number of training images.

    Raises:
        UsageError: the kind does not exist, has no noise to draw afresh, or needs more images than there are.
    """
    if kind not in INPUTS:
        raise not_among("inputs", kind, INPUTS)
    if kind in OF_IMAGES and n_inputs > n_image:
        raise UsageError(
            f"n_inputs is {n_inputs}; allowed with inputs={kind}: 1 to {n_image}, for each is made of one training "
            "image"
        )
    if fresh and kind in UNCHANGING:
        others = ", ".join(name for name in INPUTS if name not in UNCHANGING)
        raise UsageError(
            f"fresh_inputs is True with inputs={kind}, which holds no noise to draw afresh every epoch; allowed with: "
            f"{others}"
        )


def check_parameters(config: Any, kinds: Sequence[str], n_pixel: int) -> None:
    """Refuse parameters of distillation inputs that are out of range, or that no kind in use has.

    Args:
        config: a dataclass with the fields inputs_scale, inputs_shift, inputs_length_scale, inputs_rank, inputs_alpha.
        kinds: the kinds that are drawn.
        n_pixel: number of pixels of an input.

    Raises:
        UsageError: a value is outside its range, or differs from its default and is used by none of the kinds.
    """
    for name, (allowed, in_range) in _RANGES.items():
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not in_range(value):
            raise UsageError(f"{name} is {value!r}; allowed: {allowed}")
    rank = config.inputs_rank
    if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= n_pixel:
        raise UsageError(
            f"inputs_rank is {rank!r}; allowed: 1 to {n_pixel}, a whole number, for an input has {n_pixel} pixels"
        )
    # A parameter that changes nothing would still change the identity of the run.
    defaults = {field.name: field.default for field in fields(config)}
    for name, kind in USED_BY.items():
        if kind not in kinds and getattr(config, name) != defaults[name]:
            raise UsageError(
                f"{name} is {getattr(config, name)!r}; allowed with inputs={kind} only, for no other kind uses it"
            )


_INFINITY = float("inf")
_RANGES = {
    "inputs_scale": ("a positive number", lambda value: 0 < value < _INFINITY),
    "inputs_shift": ("a finite number", lambda value: -_INFINITY < value < _INFINITY),
    "inputs_length_scale": (
        f"{SHORTEST} or more pixels, for below that nothing is blurred",
        lambda value: SHORTEST <= value < _INFINITY,
    ),
    "inputs_alpha": ("zero or a positive number", lambda value: 0 <= value < _INFINITY),
}
