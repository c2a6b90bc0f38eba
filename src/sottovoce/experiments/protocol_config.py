"""The fields that every experiment on the MNIST protocol shares, and their presets per dataset.

A field left unset takes its dataset's preset; presets are filled in by `resolve`, before anything runs, and are part
of the identity of the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.input_config import (
    CLASSES,
    OF_IMAGES,
    PIXELS,
    check_classes,
    check_inputs,
    check_parameters,
    training_images,
)

DATASETS = ("mnist", "fashion-mnist", "digits")
ACTIVATIONS = ("relu", "gelu", "tanh", "linear")
INITIALIZATIONS = ("normal", "uniform")
OBJECTIVES = ("kl", "mse")
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")
PIXEL_RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0)}
LARGEST_SEED = 2**31 - 1

# Cloud et al. 2025, the MNIST experiment; science.md's table of the protocol.
_CLOUD: Mapping[str, Any] = MappingProxyType(
    {
        "members": 25,
        "teacher_epochs": 5,
        "student_epochs": 5,
        "learning_rate": 3e-4,
        "batch_size": 1024,
        "classes": CLASSES,
        "inputs": "uniform",
        "n_inputs": 60_000,
        "fresh_inputs": False,
        "initialization": "normal",
        "pixels": "symmetric",
    }
)
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "mnist": _CLOUD,
        "fashion-mnist": _CLOUD,
        "digits": MappingProxyType(
            {
                **_CLOUD,
                "members": 6,
                "teacher_epochs": 60,
                "learning_rate": 1e-3,
                "batch_size": 64,
                "n_inputs": 10_000,
            }
        ),
    }
)


@dataclass(frozen=True)
class ProtocolConfig:
    """Fields of the MNIST protocol.

    Attributes:
        dataset: mnist, fashion-mnist, digits, or auto (mnist where its files are at hand, else digits).
        members: replicates, each with its own reference, teacher and students.
        seed: the one integer behind every random number.
        classes: the teacher is trained and all networks are tested on images of these; unset: all ten.
        inputs: kind of distillation inputs: uniform, normal, images, permuted_images (one permutation of the pixels),
            shuffled_images (one for each image), blurred, spectrum_matched (to the images), low_rank, mixture (image +
            inputs_alpha noise) or constant.
        n_inputs: how many distillation inputs; unset: the dataset's preset, or as many as there are images to make
            them of.
        fresh_inputs: whether the noise in them is drawn afresh every epoch; unset: once, before the first.
        inputs_scale: distillation inputs are multiplied by this,
        inputs_shift: then this is added: uniform noise covers shift - scale to shift + scale.
        inputs_length_scale: of blurred noise, standard deviation in pixels of the Gaussian it is averaged with.
        inputs_rank: of low_rank noise, dimensions of the member's subspace that holds it.
        inputs_alpha: of a mixture, weight of the uniform noise.
        width: units of each hidden layer.
        depth: hidden layers.
        activation: relu, gelu, tanh or linear.
        initialization: normal, N(0, 1/fan_in) with zero biases; or uniform, +-1/sqrt(fan_in) for weights and biases.
        pixels: scale of the images, symmetric [-1, 1] or unit [0, 1].
        teacher_epochs: the teacher's passes over the training images.
        student_epochs: the students' passes over the distillation inputs.
        learning_rate: Adam's rate for the teacher, and for the students unless they have their own.
        student_learning_rate: Adam's rate for the students.
        batch_size: samples per step.
        temperature: temperature of the softmaxes in the objective kl.
        perturbation: the students' starts are the reference plus this many times a fresh draw of its scheme.
        precision: of products' operands: float32, tensorfloat32 (as an accelerator rounds them) or bfloat16.
    """

    dataset: str = "auto"
    members: int | None = None
    seed: int = 0
    classes: tuple[int, ...] | None = None
    inputs: str | None = None
    n_inputs: int | None = None
    fresh_inputs: bool | None = None
    inputs_scale: float = 1.0
    inputs_shift: float = 0.0
    inputs_length_scale: float = 1.0
    inputs_rank: int = 8
    inputs_alpha: float = 0.5
    width: int = 256
    depth: int = 2
    activation: str = "relu"
    initialization: str | None = None
    pixels: str | None = None
    teacher_epochs: int | None = None
    student_epochs: int | None = None
    learning_rate: float | None = None
    student_learning_rate: float | None = None
    batch_size: int | None = None
    temperature: float = 1.0
    perturbation: float = 0.0
    precision: str = "float32"

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    def resolve(self) -> Self:
        """Return the configuration with the dataset chosen and every unset field taken from its preset.

        Raises:
            UsageError: a field is outside what is allowed; the message names it, its value and the reason.
        """
        from sottovoce.data import choose_dataset

        config = replace(self, dataset=choose_dataset(self.dataset))
        if config.dataset not in DATASETS:
            raise not_among("dataset", config.dataset, (*DATASETS, "auto"))
        preset = config.preset()
        unset = {f.name: preset[f.name] for f in fields(config) if getattr(config, f.name) is None and f.name in preset}
        config = replace(config, **unset)
        check_classes(config.classes)
        if "n_inputs" in unset and config.inputs in OF_IMAGES:
            config = replace(config, n_inputs=min(unset["n_inputs"], config.n_train()))
        if config.student_learning_rate is None:
            config = replace(config, student_learning_rate=config.learning_rate)
        config.check()
        return config

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        return self.presets[self.dataset]

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return 1

    def n_train(self) -> int:
        """Return how many training images the teacher of the resolved configuration has."""
        assert self.classes is not None
        return training_images(self.dataset, self.classes)

    def member_bytes(self) -> int:
        """Return about how many bytes a member of the resolved configuration takes while all its students are trained.

        Float32 throughout: its distillation inputs, once more for what is derived from them; for each student five
        times its parameters (themselves, gradient, Adam's two moments, the update) and three times its activations.
        """
        assert self.n_inputs is not None
        assert self.batch_size is not None
        n_pixels = PIXELS[self.dataset]
        parameters = self.width * (n_pixels + (self.depth - 1) * self.width)
        activations = self.batch_size * (n_pixels + self.depth * self.width)
        return 4 * (2 * self.n_inputs * n_pixels + self.n_students() * (5 * parameters + 3 * activations))

    def member_work(self) -> tuple[float, int]:
        """Return about how many operations and steps the training of a member of the resolved configuration takes.

        A sample's step costs six operations a weight, without those for the gradient of its input.
        """
        assert self.n_inputs is not None
        assert self.batch_size is not None
        assert self.teacher_epochs is not None
        assert self.student_epochs is not None
        first = PIXELS[self.dataset] * self.width
        per_sample = 6 * (first + (self.depth - 1) * self.width**2) - 2 * first
        teacher = self.teacher_epochs * self.n_train()
        students = self.n_students() * self.student_epochs * self.n_inputs
        return per_sample * (teacher + students), (teacher + students) // self.batch_size

    def check(self) -> None:
        """Refuse values that cannot be trained with, before anything is computed.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        for name, allowed in (
            ("activation", ACTIVATIONS),
            ("initialization", INITIALIZATIONS),
            ("pixels", PIXEL_RANGES),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in allowed:
                raise not_among(name, getattr(self, name), allowed)
        for name in ("members", "n_inputs", "width", "depth", "teacher_epochs", "student_epochs", "batch_size"):
            _check_count(name, getattr(self, name))
        for name in ("learning_rate", "student_learning_rate", "temperature"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < float("inf"):
                raise UsageError(f"{name} is {value!r}; allowed: a positive number")
        if not isinstance(self.perturbation, int | float) or not 0 <= self.perturbation < float("inf"):
            raise UsageError(f"perturbation is {self.perturbation!r}; allowed: zero or a positive number")
        if not isinstance(self.seed, int) or not 0 <= self.seed <= LARGEST_SEED:
            raise UsageError(f"seed is {self.seed!r}; allowed: 0 to {LARGEST_SEED}")
        self._check_samples()

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


@dataclass(frozen=True)
class DistillationConfig(ProtocolConfig):
    """Fields of an experiment whose students all share one objective on one number of auxiliary logits.

    Attributes:
        n_aux: auxiliary logits distilled.
        objective: kl or mse, on the distilled logits.
        n_aux_built: auxiliary logits built; unset: n_aux. One value for several n_aux compiles one program for all.
    """

    n_aux: int = 3
    objective: str = "kl"
    n_aux_built: int | None = None

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        return {**super().preset(), "n_aux_built": self.n_aux}

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        check_distilled("n_aux", self.n_aux, self.objective)
        check_built(self.n_aux, self.n_aux_built)

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(dataset="digits", members=2, width=16, teacher_epochs=2, student_epochs=1, n_inputs=256)


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} is {value!r}; allowed: 1 or more, a whole number")


def check_built(n_aux: int, n_aux_built: int | None) -> None:
    """Refuse more distilled logits than are built.

    Raises:
        UsageError: n_aux_built is not a count, or n_aux is above it.
    """
    _check_count("n_aux_built", n_aux_built)
    assert n_aux_built is not None
    if n_aux > n_aux_built:
        raise UsageError(f"n_aux is {n_aux}; allowed: at most n_aux_built, which is {n_aux_built}")


def check_distilled(name: str, n_aux: int, objective: str) -> None:
    """Refuse a number of auxiliary logits that an objective cannot teach.

    Raises:
        UsageError: n_aux is below one, the objective is unknown, or it is "kl" on one logit.
    """
    if objective not in OBJECTIVES:
        raise not_among("objective", objective, OBJECTIVES)
    _check_count(name, n_aux)
    if n_aux == 1 and objective == "kl":
        raise UsageError(
            f"{name} is 1 with objective kl; a softmax over one logit is constant, so the gradient is exactly zero: "
            "use 2 or more, or objective mse"
        )
