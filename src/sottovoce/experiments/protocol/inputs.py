"""What can be asked of training images and distillation inputs, before either exists."""

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
OF_IMAGES = ("images", "permuted_images", "shuffled_images", "mixture")
UNCHANGING = ("images", "permuted_images", "constant")
"""Kinds that hold no noise to draw afresh."""

USED_BY = MappingProxyType({"inputs_length_scale": "blurred", "inputs_rank": "low_rank", "inputs_alpha": "mixture"})
SHORTEST = 0.1

PIXELS = {"mnist": 784, "fashion-mnist": 784, "digits": 64}
CLASS_SIZES = {
    "mnist": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "fashion-mnist": (6000,) * 10,
    "digits": (143, 146, 142, 147, 145, 146, 145, 144, 140, 144),
}
"""Training images of each class."""
CLASSES = tuple(range(10))


def training_images(dataset: str, classes: Sequence[int]) -> int:
    """Return how many training images of these classes a dataset has."""
    return sum(CLASS_SIZES[dataset][label] for label in classes)


def check_classes(classes: Any) -> None:
    """Refuse classes that no teacher can learn to tell apart.

    Raises:
        UsageError: classes is not two or more of 0 to 9 in rising order.
    """
    known = isinstance(classes, tuple | list) and all(type(label) is int and label in CLASSES for label in classes)
    if not known or len(classes) < 2 or list(classes) != sorted(set(classes)):
        raise UsageError(
            f"classes is {classes!r}; allowed: two or more of 0 to 9 in rising order: of one class there is nothing to "
            "learn, and one set of classes is one run"
        )


def check_inputs(kind: str, n_inputs: int, fresh: bool, n_image: int) -> None:
    """Refuse a kind that does not exist, that holds nothing fresh, or for which there are too few images.

    Raises:
        UsageError: one of these.
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
    """Refuse parameters of distillation inputs that give no inputs, or that no kind in use has.

    Args:
        config: a dataclass with the fields inputs_scale, inputs_shift, inputs_length_scale, inputs_rank, inputs_alpha.
        kinds: the kinds that are drawn.
        n_pixel: width of an input.

    Raises:
        UsageError: a value is outside its range, or differs from its default and is used by none of the kinds.
    """
    for name, (allowed, fine) in _RANGES.items():
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not fine(value):
            raise UsageError(f"{name} is {value!r}; allowed: {allowed}")
    rank = config.inputs_rank
    if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= n_pixel:
        raise UsageError(
            f"inputs_rank is {rank!r}; allowed: 1 to {n_pixel}, a whole number, for an input has {n_pixel} pixels"
        )
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
