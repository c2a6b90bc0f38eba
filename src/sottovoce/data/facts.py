"""What is known of a dataset before any of its images is loaded, and without an array library."""

from collections.abc import Sequence
from dataclasses import dataclass

from sottovoce.errors import not_among


@dataclass(frozen=True)
class Facts:
    """Sizes of a dataset.

    Attributes:
        image_shape: rows and columns of an image.
        class_sizes: training images of each class.
        preset: the built-in dataset whose presets apply.
    """

    image_shape: tuple[int, int]
    class_sizes: tuple[int, ...]
    preset: str

    @property
    def n_pixel(self) -> int:
        """Number of pixels of an image."""
        return self.image_shape[0] * self.image_shape[1]

    @property
    def n_class(self) -> int:
        """Number of classes."""
        return len(self.class_sizes)

    def training_images(self, classes: Sequence[int]) -> int:
        """Return the number of training images of these classes."""
        return sum(self.class_sizes[label] for label in classes)


BUILT_IN = {
    "mnist": Facts((28, 28), (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949), "mnist"),
    "fashion-mnist": Facts((28, 28), (6000,) * 10, "fashion-mnist"),
    "digits": Facts((8, 8), (143, 146, 142, 147, 145, 146, 145, 144, 140, 144), "digits"),
}
# Kinds of distillation inputs that filter noise along rows and columns.
OF_SQUARES = ("blurred", "spectrum_matched")
# Kinds whose inputs are each made of one training image.
OF_IMAGES = ("images", "permuted_images", "shuffled_images", "mixture")
OWN: dict[str, Facts] = {}
"""Of the user's own images, by the names that `images.LabeledImages` gives them."""


def facts(name: str) -> Facts:
    """Return what is known of a dataset.

    Raises:
        UsageError: no dataset of this name is built in or at hand.
    """
    if name in OWN:
        return OWN[name]
    if name not in BUILT_IN:
        raise not_among("dataset", name, (*BUILT_IN, "auto", "a .npz file with images and labels"))
    return BUILT_IN[name]
