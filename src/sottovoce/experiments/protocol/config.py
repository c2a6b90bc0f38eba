"""The fields that every experiment on the MNIST protocol shares, and their presets per dataset.

A field left unset takes its dataset's preset. `resolve` fills in the presets before anything runs, so that they are
part of the identity of the result, and returns a type of its own, in which no field is unset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self, TypeVar

from sottovoce.data.facts import facts
from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.inputs import (
    Classes,
    InputParameters,
    Kind,
    Pixels,
    is_unchanging,
    made_of_images,
)
from sottovoce.experiments.protocol.network import NetworkConfig, ResolvedNetwork
from sottovoce.experiments.protocol.objectives import check_distilled
from sottovoce.experiments.protocol.presets import PRESETS, SMOKE
from sottovoce.lab.checks import Among, Count, NotNegative, Positive, check_fields, given
from sottovoce.networks.shapes import Layer
from sottovoce.parts import INPUTS, OPTIMIZERS

# The networks with epochs and steps of their own.
ROLES = ("teacher", "student")

Optimizer = Annotated[str, Among(OPTIMIZERS)]


@dataclass(frozen=True)
class ProtocolConfig(InputParameters, NetworkConfig):
    """Fields of the MNIST protocol besides the fields of its networks.

    Attributes:
        classes: classes of the images on which the teacher is trained and all networks are tested; unset: all.
        inputs: kind of distillation inputs: uniform, normal, images, permuted_images (one permutation of the pixels),
            shuffled_images (one for each image), blurred, spectrum_matched (to the images), low_rank, mixture (image +
            inputs_alpha noise) or constant.
        n_inputs: number of distillation inputs; unset: the dataset's preset, but for kinds made of training images no
            more than there are images.
        fresh_inputs: whether the noise in the distillation inputs is drawn afresh every epoch; unset: it is drawn once,
            before the first epoch.
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

    classes: Classes | None = None
    inputs: Kind | None = None
    n_inputs: Count | None = None
    fresh_inputs: bool | None = None
    pixels: Pixels | None = None
    teacher_epochs: Count | None = None
    student_epochs: Count | None = None
    teacher_steps: Count | None = None
    student_steps: Count | None = None
    optimizer: Optimizer = "adam"
    student_optimizer: Optimizer | None = None
    learning_rate: Positive | None = None
    student_learning_rate: Positive | None = None
    weight_decay: NotNegative = 0.0
    student_weight_decay: NotNegative | None = None
    batch_size: Count | None = None
    temperature: Positive = 1.0
    perturbation: NotNegative = 0.0

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    reads_layers: ClassVar[str] = ""
    """Why the experiment needs perceptrons, in words; empty where it trains any network."""
    own_smoke: ClassVar[Mapping[str, Any]] = {}
    """Fields of the experiment itself in its smallest configuration."""

    @classmethod
    def smoke(cls) -> Self:
        """Return the smallest configuration that still trains every student, in seconds."""
        return cls(**SMOKE, **cls.own_smoke)

    def distilled(self) -> tuple[tuple[str, int], ...]:
        """Return objective and number of auxiliary logits of each kind of student."""
        raise NotImplementedError

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        widths = {"depth": self.width, "student_depth": self.student_width}
        # A width for each layer says the depth too, in place of the preset's.
        depths = {name: len(width) for name, width in widths.items() if isinstance(width, tuple | list)}
        # Heads are built for the largest number, and each student sees its own by a mask: all then have one shape
        # (docs/decisions/0002-mask-not-shape.md).
        built = max(n_aux for _, n_aux in self.distilled())
        known = facts(self.dataset)
        classes = tuple(range(known.n_class))
        return {**self.presets[known.preset], "classes": classes, "depth": 2, **depths, "n_aux_built": built}

    def resolved(self, Resolved: type["Resolved"]) -> "Resolved":
        """Return the configuration with the dataset chosen and every unset field taken from its preset.

        Args:
            Resolved: the type of the experiment's resolved configurations.

        Raises:
            UsageError: a field is outside what is allowed; the message names it, its value and the reason.
        """
        # Imported here, because the help of the command line imports configurations and may load no array library.
        from sottovoce.data import choose_dataset

        # First each field by itself: the lines below index by class and divide by the batch size, and what is not
        # allowed would raise an error there that does not name the field.
        check_fields(self)
        config = replace(self, dataset=choose_dataset(self.dataset))
        known = facts(config.dataset)
        chosen = given(config)
        # Where steps are given the preset's epochs are not filled in: epochs then follow from the steps.
        in_steps = {f"{who}_epochs" for who in ROLES if f"{who}_steps" in chosen}
        values = {name: value for name, value in config.preset().items() if name not in in_steps} | chosen
        if values["classes"][-1] >= known.n_class:
            raise UsageError(f"classes is {values['classes']!r}; allowed: classes 0 to {known.n_class - 1}")
        n_train = known.training_images(values["classes"])
        # Each input of these kinds is made of one training image, of which a choice of classes may leave few.
        if "n_inputs" not in chosen and made_of_images(values["inputs"], config.dataset):
            values["n_inputs"] = min(values["n_inputs"], n_train)
        # After the presets, because a student's unset field follows the teacher's value, which may come from a preset.
        for name in ("channels", "width", "depth", "optimizer", "learning_rate", "weight_decay"):
            values.setdefault(f"student_{name}", values[name])
        for who, n_samples in zip(ROLES, (n_train, values["n_inputs"]), strict=True):
            given_pair = (values.get(f"{who}_{unit}") for unit in ("epochs", "steps"))
            # The number of batches is rounded up, because the last batch of an epoch may be a short one.
            values |= _epochs_and_steps(who, -(-n_samples // values["batch_size"]), *given_pair)
        resolved = Resolved(**values)
        # Only here, because fields may contradict a value that a preset filled in.
        resolved.check()
        return resolved


class ResolvedProtocol(ResolvedNetwork, ProtocolConfig):
    """A configuration of the protocol of which every field is set."""

    classes: tuple[int, ...]
    inputs: Kind
    n_inputs: int
    fresh_inputs: bool
    pixels: str
    teacher_epochs: int
    student_epochs: int
    teacher_steps: int
    student_steps: int
    student_optimizer: str
    learning_rate: float
    student_learning_rate: float
    student_weight_decay: float
    batch_size: int

    def n_students(self) -> int:
        """Return the number of students of each member."""
        return len(self.distilled())

    def n_teachers(self) -> int:
        """Return the number of teachers of each member."""
        return 1

    def n_train(self) -> int:
        """Return the number of training images of the teacher."""
        return facts(self.dataset).training_images(self.classes)

    def member_bytes(self) -> int:
        """Return about how many bytes a member takes while all its students are trained.

        All arrays are float32. A member holds its distillation inputs, as much again for what is derived from them, and
        every teacher's logits on them. Each student takes five times its parameters (the parameters, their gradient,
        Adam's two moments, the update) and three times its activations, which include the patches of convolutions.
        """
        known = facts(self.dataset)
        n_pixels, n_logits = known.n_pixel, known.n_class + self.n_aux_built
        inputs = self.n_inputs * (2 * n_pixels + self.n_teachers() * n_logits)
        if own := self.own_architecture():
            values = self.batch_size * (n_pixels + own.n_values())
            return 4 * (inputs + self.n_students() * (5 * own.n_weights() + 3 * values))
        # Both heads read the same features, so they count as one layer.
        layers = (*self.student_layers().values(), Layer(1, self.widths()[-1], n_logits))
        parameters = sum(layer.fan_in * layer.fan_out for layer in layers)
        # Only convolutions copy their inputs into patches, and they are the first layers of the trunk.
        patches = sum(layer.positions * layer.fan_in for layer in layers[: len(self.student_channels)])
        outputs = sum(layer.positions * layer.fan_out for layer in layers)
        activations = self.batch_size * (n_pixels + patches + outputs)
        return 4 * (inputs + self.n_students() * (5 * parameters + 3 * activations))

    def member_work(self) -> tuple[float, int]:
        """Return about how many operations and steps the training of a member takes.

        A sample's step costs six operations per weight, but four in a perceptron's first layer, whose input needs no
        gradient.
        """
        taught = self.n_teachers() * self.teacher_epochs * self.n_train()
        distilled = self.n_students() * self.student_epochs * self.n_inputs
        n_steps = (taught + distilled) // self.batch_size
        if own := self.own_architecture():
            return 6 * own.n_weights() * (taught + distilled), n_steps
        trunks = ([layer.products for layer in layers.values()] for layers in (self.layers(), self.student_layers()))
        teacher, student = (6 * sum(products) - 2 * products[0] for products in trunks)
        return teacher * taught + student * distilled, n_steps

    def check(self) -> None:
        """Refuse fields that contradict each other, before anything is computed.

        Raises:
            UsageError: a field is outside what the others allow.
        """
        for objective, n_aux in self.distilled():
            check_distilled("n_aux", n_aux, objective)
        if self.reads_layers and self.network != "mlp":
            raise UsageError(f"network is {self.network!r}; allowed: mlp, for {self.reads_layers}")
        self.check_networks(max(n_aux for _, n_aux in self.distilled()), self.preset())
        n_train = self.n_train()
        smallest = min(self.n_inputs, n_train)
        if self.batch_size > smallest:
            raise UsageError(
                f"batch_size is {self.batch_size}; allowed: 1 to {smallest}, the smaller of the {n_train} training "
                f"images and the {self.n_inputs} distillation inputs"
            )
        self.check_inputs(self.dataset, (self.inputs,), self.n_inputs, n_train)
        if self.fresh_inputs and is_unchanging(self.inputs, self.dataset):
            others = ", ".join(name for name in INPUTS if not is_unchanging(name, self.dataset))
            raise UsageError(
                f"fresh_inputs is True with inputs={self.inputs}, which holds no noise to draw afresh every epoch; "
                f"allowed with: {others}"
            )
        for prefix in ("", "student_"):
            _check_decay(prefix, getattr(self, f"{prefix}optimizer"), getattr(self, f"{prefix}weight_decay"))


Resolved = TypeVar("Resolved", bound=ResolvedProtocol)


def _check_decay(prefix: str, optimizer: str, weight_decay: float) -> None:
    given = f"{prefix}weight_decay is {weight_decay!r} with {prefix}optimizer {optimizer}"
    if optimizer == "adam" and weight_decay:
        raise UsageError(f"{given}; allowed: 0, because adam would mix weight decay into its moments; use adamw")
    if optimizer == "adamw" and not weight_decay:
        raise UsageError(f"{given}; allowed: a positive number, 0.01 is common; without decay it is adam")


def _epochs_and_steps(who: str, n_batches: int, epochs: int | None, steps: int | None) -> dict[str, int]:
    """Return the numbers of epochs and steps, one of which may be None and is then computed from the other."""
    # Division rounds up, because the last epoch may be cut short.
    # `Count` allows no zero, so `or` fills in only what is unset.
    epochs = epochs or -(-(steps or 0) // n_batches)
    steps = steps or epochs * n_batches
    if epochs != -(-steps // n_batches):
        raise UsageError(
            f"{who}_steps is {steps} with {who}_epochs {epochs} of {n_batches} steps; allowed: one of the two, or "
            f"{(epochs - 1) * n_batches + 1} to {epochs * n_batches} steps"
        )
    return {f"{who}_epochs": epochs, f"{who}_steps": steps}
