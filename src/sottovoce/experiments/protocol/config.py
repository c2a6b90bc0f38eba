"""The fields that every experiment on the MNIST protocol shares, and their presets per dataset.

A field left unset takes its dataset's preset. `resolve` fills in the presets before anything runs, so that they are
part of the identity of the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.inputs import (
    CLASSES,
    OF_IMAGES,
    PIXELS,
    check_classes,
    check_inputs,
    check_parameters,
    training_images,
)
from sottovoce.experiments.protocol.network import NetworkConfig
from sottovoce.experiments.protocol.presets import PRESETS
from sottovoce.lab.checks import check_count, check_decay, check_number, epochs_and_steps
from sottovoce.networks.shapes import Layer

DATASETS = ("mnist", "fashion-mnist", "digits")
OPTIMIZERS = ("adam", "adamw", "sgd", "momentum", "sign")
PIXEL_RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0)}
# The networks with epochs and steps of their own.
ROLES = ("teacher", "student")
# The seed enters the compiled program as a signed 32-bit integer.
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class ProtocolConfig(NetworkConfig):
    """Fields of the MNIST protocol besides the fields of its networks.

    Attributes:
        classes: classes of the images on which the teacher is trained and all networks are tested; unset: all ten.
        inputs: kind of distillation inputs: uniform, normal, images, permuted_images (one permutation of the pixels),
            shuffled_images (one for each image), blurred, spectrum_matched (to the images), low_rank, mixture (image +
            inputs_alpha noise) or constant.
        n_inputs: number of distillation inputs; unset: the dataset's preset, but for kinds made of training images no
            more than there are images.
        fresh_inputs: whether the noise in the distillation inputs is drawn afresh every epoch; unset: it is drawn once,
            before the first epoch.
        inputs_scale: factor on the distillation inputs.
        inputs_shift: added to the scaled inputs; uniform noise covers shift - scale to shift + scale.
        inputs_length_scale: standard deviation in pixels of the Gaussian that blurs the noise of blurred inputs.
        inputs_rank: dimensions of the member's subspace that holds the noise of low_rank inputs.
        inputs_alpha: weight of the uniform noise in a mixture.
        pixels: range of the images' pixels, symmetric [-1, 1] or unit [0, 1].
        teacher_epochs: the teacher's passes over the training images.
        student_epochs: the students' passes over the distillation inputs.
        teacher_steps: the teacher's steps, given in place of its epochs; the last epoch is cut short. Unset: whole
            epochs.
        student_steps: the students' steps, given in place of their epochs.
        optimizer: the teacher's optimizer: adam, adamw, sgd, momentum (heavy ball, 0.9) or sign (of the gradient).
        student_optimizer: the students' optimizer; unset: the teacher's.
        learning_rate: the teacher's learning rate; unset: a rate for Adam.
        student_learning_rate: the students' learning rate; unset: the teacher's.
        weight_decay: the teacher's weight decay: each step also subtracts learning rate times weight decay times every
            weight and bias. Not allowed with adam, required with adamw.
        student_weight_decay: the students' weight decay; unset: the teacher's.
        batch_size: samples per step.
        temperature: temperature of the softmaxes in the objective kl.
        perturbation: the students start from the reference plus this factor times a fresh draw of its scheme.
    """

    classes: tuple[int, ...] | None = None
    inputs: str | None = None
    n_inputs: int | None = None
    fresh_inputs: bool | None = None
    inputs_scale: float = 1.0
    inputs_shift: float = 0.0
    inputs_length_scale: float = 1.0
    inputs_rank: int = 8
    inputs_alpha: float = 0.5
    pixels: str | None = None
    teacher_epochs: int | None = None
    student_epochs: int | None = None
    teacher_steps: int | None = None
    student_steps: int | None = None
    optimizer: str = "adam"
    student_optimizer: str | None = None
    learning_rate: float | None = None
    student_learning_rate: float | None = None
    weight_decay: float = 0.0
    student_weight_decay: float | None = None
    batch_size: int | None = None
    temperature: float = 1.0
    perturbation: float = 0.0

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    def resolve(self) -> Self:
        """Return the configuration with the dataset chosen and every unset field taken from its preset.

        Raises:
            UsageError: a field is outside what is allowed; the message names it, its value and the reason.
        """
        # Imported here, because the help of the command line imports configurations and may load no array library.
        from sottovoce.data import choose_dataset

        config = replace(self, dataset=choose_dataset(self.dataset))
        if config.dataset not in DATASETS:
            raise not_among("dataset", config.dataset, (*DATASETS, "auto"))
        # Where steps are given the preset's epochs are not filled in: epochs then follow from the steps.
        in_steps = {f"{who}_epochs" for who in ROLES if getattr(config, f"{who}_steps") is not None}
        preset = {name: value for name, value in config.preset().items() if name not in in_steps}
        unset = {name: value for name, value in preset.items() if getattr(config, name) is None}
        config = replace(config, **unset)
        check_classes(config.classes)
        # Each input of these kinds is made of one training image, of which a choice of classes may leave few.
        if "n_inputs" in unset and config.inputs in OF_IMAGES:
            config = replace(config, n_inputs=min(unset["n_inputs"], config.n_train()))
        for name in ("channels", "width", "depth", "optimizer", "learning_rate", "weight_decay"):
            if getattr(config, f"student_{name}") is None:
                config = replace(config, **{f"student_{name}": getattr(config, name)})
        # Checked before steps and epochs are derived, which divide by fields that may still be wrong.
        config.check()
        return replace(config, **config._epochs_and_steps())

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        given = {"depth": self.width, "student_depth": self.student_width}
        depths = {name: len(width) for name, width in given.items() if isinstance(width, tuple | list)}
        return {**self.presets[self.dataset], "depth": 2, **depths}

    def n_students(self) -> int:
        """Return the number of students of each teacher."""
        return 1

    def n_train(self) -> int:
        """Return the number of training images of the resolved configuration's teacher."""
        assert self.classes is not None
        return training_images(self.dataset, self.classes)

    def member_bytes(self) -> int:
        """Return about how many bytes a member of the resolved configuration takes while all its students are trained.

        All arrays are float32. A member holds its distillation inputs, as much again for what is derived from them, and
        the teacher's logits on them. Each student takes five times its parameters (the parameters, their gradient,
        Adam's two moments, the update) and three times its activations, which include the patches of convolutions.
        """
        assert self.n_inputs is not None
        assert self.batch_size is not None
        assert self.n_aux_built is not None
        assert self.student_channels is not None
        n_pixels, n_logits = PIXELS[self.dataset], len(CLASSES) + self.n_aux_built
        layers = (*self.student_layers().values(), Layer(1, self.widths()[-1], n_logits))
        parameters = sum(layer.fan_in * layer.fan_out for layer in layers)
        patches = sum(layer.positions * layer.fan_in for layer in layers[: len(self.student_channels)])
        outputs = sum(layer.positions * layer.fan_out for layer in layers)
        activations = self.batch_size * (n_pixels + patches + outputs)
        inputs = self.n_inputs * (2 * n_pixels + n_logits)
        return 4 * (inputs + self.n_students() * (5 * parameters + 3 * activations))

    def member_work(self) -> tuple[float, int]:
        """Return about how many operations and steps the training of a member of the resolved configuration takes.

        A sample's step costs six operations per weight, but four in the first layer, whose input needs no gradient.
        """
        assert self.n_inputs is not None
        assert self.batch_size is not None
        assert self.teacher_epochs is not None
        assert self.student_epochs is not None
        trunks = ([layer.products for layer in layers.values()] for layers in (self.layers(), self.student_layers()))
        teacher, student = (6 * sum(products) - 2 * products[0] for products in trunks)
        taught = self.teacher_epochs * self.n_train()
        distilled = self.n_students() * self.student_epochs * self.n_inputs
        return teacher * taught + student * distilled, (taught + distilled) // self.batch_size

    def check(self) -> None:
        """Refuse values that cannot be trained with, before anything is computed.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        for name, allowed in (
            ("pixels", PIXEL_RANGES),
            ("optimizer", OPTIMIZERS),
            ("student_optimizer", OPTIMIZERS),
        ):
            if getattr(self, name) not in allowed:
                raise not_among(name, getattr(self, name), allowed)
        self.check_networks()
        for name in ("members", "n_inputs", "batch_size"):
            check_count(name, getattr(self, name))
        for name in ("learning_rate", "student_learning_rate", "temperature"):
            check_number(name, getattr(self, name))
        for name in ("perturbation", "weight_decay", "student_weight_decay"):
            check_number(name, getattr(self, name), zero=True)
        if not isinstance(self.seed, int) or not 0 <= self.seed <= LARGEST_SEED:
            raise UsageError(f"seed is {self.seed!r}; allowed: 0 to {LARGEST_SEED}")
        self._check_samples()
        self._check_training()

    def _epochs_and_steps(self) -> dict[str, int]:
        """Return epochs and steps of teacher and students, where the unset one of each pair follows from the other."""
        assert self.n_inputs is not None
        assert self.batch_size is not None
        resolved: dict[str, int] = {}
        for who, n_samples in zip(ROLES, (self.n_train(), self.n_inputs), strict=True):
            given = (getattr(self, f"{who}_{unit}") for unit in ("epochs", "steps"))
            resolved |= epochs_and_steps(who, -(-n_samples // self.batch_size), *given)
        return resolved

    def _check_training(self) -> None:
        for name in (f"{who}_{unit}" for who in ROLES for unit in ("epochs", "steps")):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        for prefix in ("", "student_"):
            check_decay(prefix, getattr(self, f"{prefix}optimizer"), getattr(self, f"{prefix}weight_decay"))

    def _check_samples(self) -> None:
        assert self.inputs is not None
        assert self.n_inputs is not None
        assert self.batch_size is not None
        n_train = self.n_train()
        smallest = min(self.n_inputs, n_train)
        if self.batch_size > smallest:
            raise UsageError(
                f"batch_size is {self.batch_size}; allowed: 1 to {smallest}, the smaller of the {n_train} training "
                f"images and the {self.n_inputs} distillation inputs"
            )
        check_inputs(self.inputs, self.n_inputs, bool(self.fresh_inputs), n_train)
        check_parameters(self, (self.inputs,), PIXELS[self.dataset])
