"""The commands `sottovoce measure graft` and `measure risk`, which need whole networks, not only their matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

import sottovoce as sv
from sottovoce.cli.measure import show
from sottovoce.errors import UsageError, not_among

if TYPE_CHECKING:
    from sottovoce.data import LabeledImages
    from sottovoce.networks.mlp import MLP


@dataclass(frozen=True)
class Perceptrons:
    """How files are read as networks, and on which images the networks are tested.

    Attributes:
        dataset: source of the test images: mnist, fashion-mnist, digits, or auto (mnist where its files are at hand).
        data_dir: folder with dataset files, looked at first.
        pixels: symmetric, -1 to 1, or unit, 0 to 1.
        activation: relu, gelu (its approximation by tanh), tanh or linear.
        class_head: name of the layer with the class logits; unset: class_head, else the last layer. Its outputs beyond
            the dataset's classes are auxiliary logits.
        aux_head: name of the layer with the auxiliary logits; unset: aux_head if there is one.
        orientation: input_output (x @ W) or output_input (PyTorch's); unset: output_input for .pt and .pth files only.
    """

    dataset: str = "auto"
    data_dir: Path | None = None
    pixels: str = "symmetric"
    activation: str = "relu"
    class_head: str | None = None
    aux_head: str | None = None
    orientation: str | None = None

    def read(self, files: Sequence[Path]) -> "tuple[LabeledImages, list[MLP]]":
        """Return the images, and the files' networks, which must take their pixels."""
        from sottovoce.experiments.protocol.inputs import PIXEL_RANGES

        if self.pixels not in PIXEL_RANGES:
            raise not_among("pixels", self.pixels, PIXEL_RANGES)
        with sv.data.searched_first(self.data_dir):
            images = sv.load_dataset(sv.data.choose_dataset(self.dataset), pixel_range=PIXEL_RANGES[self.pixels])
        names = {name: getattr(self, name) for name in ("activation", "class_head", "aux_head", "orientation")}
        # The images come first, because they say how many of a file's outputs are class logits.
        networks = [sv.interop.networks.read_network(file, n_class=images.n_class, **names) for file in files]
        n_pixels = images.test_pixels.shape[1]
        for file, network in zip(files, networks, strict=True):
            # A product of shapes that do not fit would fail later, without the name of the file.
            if (n_read := len(network.trunk[0].weight)) != n_pixels:
                raise UsageError(f"{file} reads {n_read} inputs; allowed: {n_pixels}, the pixels of {images.name}")
        return images, networks


def graft(
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    perceptrons: Perceptrons = Perceptrons(),
    json: bool = False,
) -> None:
    """Print the accuracy of every network's body under every network's class head.

    Args:
        files: two or more networks with the same number of hidden units, such as a reference, its teacher and its
            students; each an .npz, .npy, .safetensors, .pt or .pth file.
        perceptrons: how the files are read, and on which images the networks are tested.
        json: print one JSON object.
    """
    import jax.numpy as jnp
    import numpy as np

    from sottovoce.experiments.decoding.bodies import read

    images, networks = perceptrons.read(files)
    hidden = [np.asarray(network.hidden(jnp.asarray(images.test_images))) for network in networks]
    if len({features.shape for features in hidden}) > 1 or len(files) < 2:
        units = ", ".join(str(features.shape[1]) for features in hidden) or "no"
        raise UsageError(f"networks have {units} hidden units; allowed: two files or more, of one number of units")
    bodies = [partial(read, network.class_head) for network in networks]
    accuracy = sv.measure.heads.graft_accuracy(hidden, bodies, images.test_labels).tolist()
    # Stems are short; files that share one are told apart by their paths.
    names = [file.stem for file in files] if len({file.stem for file in files}) == len(files) else list(map(str, files))
    n_test, width = len(images.test_labels), max(map(len, names)) + 2
    axes = {"dataset": images.name, "images": n_test, "bodies": names, "heads": names}
    lines = (
        f"accuracy on the {n_test} test images of {images.name}; a row for each body, a column for each class head",
        " " * width + "".join(f"{name:>{width}}" for name in names),
        *(f"{n:{width}}" + "".join(f"{v:>{width}.4f}" for v in row) for n, row in zip(names, accuracy, strict=True)),
    )
    show({**axes, "accuracy": accuracy}, lines, as_json=json)


def risk(
    reference: Annotated[Path, tyro.conf.Positional],
    teacher: Annotated[Path, tyro.conf.Positional],
    perceptrons: Perceptrons = Perceptrons(),
    n_aux: int = 3,
    objective: str = "kl",
    seed: int = 0,
    json: bool = False,
) -> None:
    """Predict what a student would learn from a teacher's auxiliary logits on uniform noise, training none.

    Args:
        reference: the network at initialization, an .npz, .npy, .safetensors, .pt or .pth file.
        teacher: the same network after its training on labels.
        perceptrons: how the files are read, and on which images the student is tested.
        n_aux: how many auxiliary logits are distilled.
        objective: kl or mse.
        seed: of the noise and its order; optimizer, epochs and number of inputs are those of the dataset's preset.
        json: print one JSON object.
    """
    import jax.numpy as jnp

    from sottovoce.experiments.prediction.config import WEIGHT_IMAGES, Config
    from sottovoce.streams import Stream, member_key

    images, (start, taught) = perceptrons.read((reference, teacher))
    # The student is that of member 0 of `prediction`.
    config = Config(dataset=images.name, n_aux=(n_aux,), objectives=(objective,), seed=seed).resolve()
    shape = (config.n_inputs, images.test_pixels.shape[1])
    key = member_key(seed, Stream.DISTILLATION_INPUTS, 0)
    noise = sv.data.distillation_inputs(config.inputs, key, shape, jnp.asarray(images.train_images))
    found = sv.transfer_risk(
        start,
        taught,
        noise,
        images.test_images,
        images.test_labels,
        n_aux=n_aux,
        training=(images.train_images[-WEIGHT_IMAGES:], images.train_labels[-WEIGHT_IMAGES:]),
        objective=objective,
        epochs=config.student_epochs,
        batch_size=config.batch_size,
        learning_rate=config.student_learning_rate,
        seed=seed,
    )
    # One row of class logits per test image would bury the prediction.
    scalars = {name: value for name, value in vars(found).items() if name != "class_logits"}
    tested = f"tested on {len(images.test_labels)} images of {images.name}"
    lines = (f"{n_aux} auxiliary logits under {objective}, {tested}", str(found))
    show({"dataset": images.name, "n_aux": n_aux, "objective": objective, **scalars}, lines, as_json=json)
