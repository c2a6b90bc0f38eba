"""The kinds and parameters of training images and distillation inputs, checked before any image is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from sottovoce.data.facts import OF_IMAGES, OF_SQUARES, facts
from sottovoce.errors import UsageError
from sottovoce.lab.checks import Allowed, Among, NotNegative, Positive, number, whole
from sottovoce.parts import INPUTS

if TYPE_CHECKING:
    from sottovoce.experiments.protocol.contracts import InputTraits

PIXEL_RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0)}
UNCHANGING = ("images", "permuted_images", "constant")
"""Kinds that hold no noise to draw afresh."""

# Parameter -> the one kind that it changes.
USED_BY = MappingProxyType({"inputs_length_scale": "blurred", "inputs_rank": "low_rank", "inputs_alpha": "mixture"})
SHORTEST = 0.1

Kind = Annotated[str, Among(INPUTS)]
Pixels = Annotated[str, Among(PIXEL_RANGES)]
Classes = Annotated[
    tuple[int, ...],
    Allowed(
        "two classes or more in rising order: with one class there is nothing to learn, and the order makes one set of "
        "classes one run",
        lambda labels: isinstance(labels, tuple | list) and _are_classes(labels),
    ),
]


def _are_classes(labels: Sequence[Any]) -> bool:
    # Not `isinstance`: a truth value is an int in Python, and would pass for class 0 or 1.
    known = all(type(label) is int and label >= 0 for label in labels)
    return known and len(labels) >= 2 and list(labels) == sorted(set(labels))


def made_of_images(kind: str, dataset: str) -> bool:
    """Return whether each input of a kind is made of one training image."""
    own = traits_of(kind, dataset)
    return kind in OF_IMAGES if own is None else own.of_images


def is_unchanging(kind: str, dataset: str) -> bool:
    """Return whether a kind holds no noise to draw afresh."""
    own = traits_of(kind, dataset)
    return kind in UNCHANGING if own is None else own.unchanging


def traits_of(kind: str, dataset: str) -> "InputTraits | None":
    """Return what a user's kind of inputs does, found by trial; None for a built-in kind.

    Raises:
        UsageError: it breaks the contract of inputs (docs/own_parts.md).
    """
    if (own := INPUTS.own(kind)) is None:
        return None
    # Imported here, because it needs array libraries.
    from sottovoce.experiments.protocol.contracts import input_traits

    return input_traits(kind, own.function, facts(dataset).n_pixel)


@dataclass(frozen=True)
class InputParameters:
    """Parameters of distillation inputs, each used by one or all kinds.

    Attributes:
        inputs_scale: factor on the distillation inputs.
        inputs_shift: added to the scaled inputs; uniform noise covers shift - scale to shift + scale.
        inputs_length_scale: standard deviation in pixels of the Gaussian that blurs the noise of blurred inputs.
        inputs_rank: dimensions of the member's subspace that holds the noise of low_rank inputs.
        inputs_alpha: weight of the uniform noise in a mixture.
    """

    inputs_scale: Positive = 1.0
    inputs_shift: float = 0.0
    inputs_length_scale: Annotated[
        float,
        number(f"{SHORTEST} or more pixels, for below that nothing is blurred", SHORTEST),
    ] = 1.0
    inputs_rank: int = 8
    inputs_alpha: NotNegative = 0.5

    def check_inputs(self, dataset: str, kinds: Sequence[str], n_inputs: int, n_image: int) -> None:
        """Refuse inputs that cannot be made, and parameters that no kind in use has.

        Args:
            dataset: the dataset whose number of pixels the inputs have.
            kinds: the kinds that are drawn.
            n_inputs: number of inputs of each kind.
            n_image: number of training images.

        Raises:
            UsageError: a kind needs more images than there are, or a parameter is above its range, or differs from its
                default and is used by none of the kinds.
        """
        for kind in kinds:
            traits_of(kind, dataset)
            shape = facts(dataset).image_shape
            if kind in OF_SQUARES and shape[0] != shape[1]:
                raise UsageError(f"inputs is {kind!r}, which needs square images; those of {dataset} are {shape}")
            if made_of_images(kind, dataset) and n_inputs > n_image:
                raise UsageError(
                    f"n_inputs is {n_inputs}; allowed with inputs={kind}: 1 to {n_image}, for each is made of one "
                    "training image"
                )
        n_pixel = facts(dataset).n_pixel
        whole(1, n_pixel, f", for an input has {n_pixel} pixels").check("inputs_rank", self.inputs_rank)
        # A parameter that changes nothing would still change the identity of the run.
        defaults = {field.name: field.default for field in fields(self)}
        for name, kind in USED_BY.items():
            if kind not in kinds and getattr(self, name) != defaults[name]:
                raise UsageError(
                    f"{name} is {getattr(self, name)!r}; allowed with inputs={kind} only, for no other kind uses it"
                )
