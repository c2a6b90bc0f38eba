"""Transfer risk: what a student would learn from a teacher, predicted from two networks without training a student."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sottovoce.data.inputs import STANDARD
from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.prediction.config import OBJECTIVES
from sottovoce.experiments.prediction.simulate import train_linearized
from sottovoce.experiments.protocol.objectives import check_distilled
from sottovoce.lab.checks import Count, Positive, check
from sottovoce.measure import heads
from sottovoce.networks.initialization import Architecture
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream
from sottovoce.theory import predictors
from sottovoce.training.program import DistillationSet, Protocol, Setting, TracedSettings
from sottovoce.training.students import Student, arrays_of

LabeledSamples = tuple[Float[np.ndarray | Array, "training input"], Int[np.ndarray, " training"]]
"""Images and their labels."""

# The numbers of docs/theory.md, section 10; a test holds the two together.
RELIABILITY = (
    "The prediction is a hypothesis (docs/theory.md, section 10). On digits it missed the accuracy of students trained "
    "by Adam, on average over members, by 0.077 [0.057, 0.104] if it was given the student's own inputs and batches, "
    "and by 0.079 [0.062, 0.102] if it was given others; another student of the same teacher missed by 0.037 [0.023, "
    "0.058] (95 % intervals). For this version of it nothing is known for other data, networks and optimizers. The "
    "prediction by the heads alone missed by 0.366 [0.328, 0.409] on digits: it is no guide."
)


# Compared as an object, because a comparison of two arrays has no single truth value.
@dataclass(frozen=True, eq=False)
class Risk:
    """A student's predicted accuracy and the quantities from which the prediction is computed.

    Attributes:
        student_accuracy: accuracy that the self-consistent kernel predicts for the student.
        recovered_fraction: (student - reference) / (teacher - reference) of the accuracies; NaN if those of teacher and
            reference are equal.
        reference_accuracy: measured accuracy of the reference.
        teacher_accuracy: measured accuracy of the teacher.
        reference_kernel: accuracy predicted for a student that keeps the reference's kernel.
        teacher_kernel: accuracy predicted for a student that has the teacher's kernel throughout.
        head_gram: accuracy predicted by the initial heads alone.
        class_logits: class logits on the images that the self-consistent kernel predicts for the student.
        reliability: errors of such predictions where they were measured.
    """

    student_accuracy: float
    recovered_fraction: float
    reference_accuracy: float
    teacher_accuracy: float
    reference_kernel: float
    teacher_kernel: float
    head_gram: float
    class_logits: Float[np.ndarray, "sample n_class"]
    reliability: str = RELIABILITY

    def __str__(self) -> str:
        return (
            f"predicted student accuracy {self.student_accuracy:.3f}, {self.recovered_fraction:.2f} of the way from "
            f"the reference's {self.reference_accuracy:.3f} to the teacher's {self.teacher_accuracy:.3f}\n"
            f"kernel at the reference {self.reference_kernel:.3f}, at the teacher {self.teacher_kernel:.3f}; "
            f"heads alone {self.head_gram:.3f}\n{self.reliability}"
        )


def transfer_risk(
    reference: MLP,
    teacher: MLP,
    inputs: Float[np.ndarray | Array, "sample input"],
    images: Float[np.ndarray | Array, "test input"],
    labels: Int[np.ndarray, " test"],
    *,
    n_aux: int,
    training: LabeledSamples | None = None,
    objective: str = "kl",
    epochs: int = 5,
    batch_size: int = 1024,
    learning_rate: float = 3e-4,
    optimizer: str = "adam",
    temperature: float = 1.0,
    seed: int = 0,
) -> Risk:
    """Predict what a student with the reference's initialization would learn from a teacher's auxiliary logits.

    Two networks are trained on the student's batches, one linearized at the reference and one at the teacher; the
    self-consistent kernel interpolates between the two (docs/theory.md, section 10). This costs about as much as four
    trainings of the student. The labels of the test images have no part in the predicted logits and only score them.
    Given the inputs and the seed of a student's own training, this explains that student; given others, it predicts.

    Args:
        reference: the network at initialization; `interop.torch.from_torch` makes one of a PyTorch module.
        teacher: the reference after its training.
        inputs: distillation inputs, scaled as the networks are given them.
        images: test images, scaled in the same way.
        labels: classes of the test images.
        n_aux: number of auxiliary logits distilled, the first ones of the auxiliary head.
        training: other images, scaled in the same way, and their labels, from which the weight of the teacher's kernel
            follows, such as images that the teacher was trained on. None: the weight follows from the test images, on
            which the classes that the teacher tells take the place of labels.
        objective: "kl" or "mse".
        epochs: passes over the inputs; this default and those that follow are the settings of Cloud et al. 2025.
        batch_size: samples per step.
        learning_rate: learning rate of the optimizer.
        optimizer: a key of `training.optimizers.OPTIMIZERS`, used without weight decay.
        temperature: temperature of the softmaxes of "kl".
        seed: determines the order of the inputs, which is that of member 0 of an experiment with this seed.

    Returns:
        The predicted accuracy, the quantities behind it, and how reliable such predictions were.

    Raises:
        UsageError: reference and teacher are not networks of one architecture, inputs or images do not fit them or
            their labels, or a setting is not allowed.
    """
    check("epochs", epochs, Count)
    check("batch_size", batch_size, Count)
    check("learning_rate", learning_rate, Positive)
    check("temperature", temperature, Positive)
    architecture = _architecture(reference, teacher, inputs.shape[1])
    _check_distilled(architecture, n_aux, objective)
    labeled = {"": (images, labels)} | ({} if training is None else {"training ": training})
    for kind, (given_images, given_labels) in labeled.items():
        if given_images.shape[1] != inputs.shape[1]:
            raise UsageError(
                f"{kind}images are {given_images.shape[1]} wide; allowed: {inputs.shape[1]}, as the inputs are"
            )
        if len(given_labels) != len(given_images):
            raise UsageError(f"{kind}labels are {len(given_labels)}; allowed: {len(given_images)}, one for each image")
    protocol = Protocol(
        architecture,
        fresh_heads=False,
        # The inputs are given, and the teacher is trained already.
        inputs="given",
        n_inputs=len(inputs),
        fresh_inputs=False,
        teacher_epochs=0,
        student_epochs=epochs,
        batch_size=batch_size,
        student_optimizer=optimizer,
    )
    traced = TracedSettings(
        seed=jnp.asarray(seed),
        students=arrays_of(architecture, (Student("student", objective, n_aux),)),
        inputs=STANDARD,
        # Never used, because no teacher is trained.
        teacher_rate=jnp.asarray(0.0),
        student_rate=jnp.asarray(learning_rate),
        temperature=jnp.asarray(temperature),
    )
    setting = Setting(protocol, traced)
    n_test = len(images)
    read = jnp.concatenate([jnp.asarray(given_images) for given_images, _ in labeled.values()])
    logits = [np.asarray(values) for values in _logits(setting, reference, teacher, jnp.asarray(inputs), read)]
    tested = [values[:n_test] for values in logits]
    if training is None:
        weight = _weight(tested, np.argmax(tested[1], axis=1))
    else:
        weight = _weight([values[n_test:] for values in logits], training[1])
    start, taught, *by_kernel = tested
    of_heads = np.asarray(reference.class_head.weight), np.asarray(reference.aux_head.weight)[:, :n_aux]
    by_heads = predictors.head_gram(start, taught, *of_heads, objective)
    return _risk(start, taught, by_kernel, weight, by_heads, labels)


@jax.jit
def _logits(setting: Setting, reference: MLP, teacher: MLP, inputs: Array, images: Array) -> tuple[Array, ...]:
    """Return class logits on the images: of reference, teacher, and the students predicted by either's kernel."""
    data = DistillationSet((inputs, teacher(inputs)))
    # Member 0 has the same order of inputs in an experiment of this seed, so that the two predictions can be compared.
    order = setting.key(Stream.STUDENT_BATCHES, 0)

    def trained(base: MLP) -> MLP:
        # The only student is the first on the axis of students.
        return jax.tree.map(lambda leaf: leaf[0], train_linearized(setting, data, order, reference, base))

    networks = (reference, teacher, trained(reference), trained(teacher))
    return tuple(network.class_logits(images) for network in networks)


def _weight(logits: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """Return the weight of the teacher's kernel from logits of reference, teacher and the students of both kernels."""
    a_0, a_T, a_r, a_t = (heads.accuracy(values, labels) for values in logits)
    return float(predictors.self_consistent_share(np.array([a_r]), np.array([a_t]), a_0, a_T)[0])


def _risk(
    start: np.ndarray,
    taught: np.ndarray,
    by_kernel: Sequence[np.ndarray],
    weight: float,
    by_heads: np.ndarray,
    labels: np.ndarray,
) -> Risk:
    """Interpolate between the two kernels' logits and score all predictions."""
    at_reference, at_teacher = by_kernel
    logits = at_reference + weight * (at_teacher - at_reference)
    a_0, a_T, a_r, a_t, a_heads, student = (
        heads.accuracy(values, labels) for values in (start, taught, *by_kernel, by_heads, logits)
    )
    return Risk(
        student_accuracy=student,
        recovered_fraction=(student - a_0) / (a_T - a_0) if a_T != a_0 else float("nan"),
        reference_accuracy=a_0,
        teacher_accuracy=a_T,
        reference_kernel=a_r,
        teacher_kernel=a_t,
        head_gram=a_heads,
        class_logits=logits,
    )


def _architecture(reference: MLP, teacher: MLP, n_inputs: int) -> Architecture:
    """Return the architecture that reference and teacher have in common.

    Raises:
        UsageError: one is not a `networks.mlp.MLP`, the two architectures differ, or they do not read inputs of this
            width.
    """
    for name, given in {"reference": reference, "teacher": teacher}.items():
        if not isinstance(given, MLP):
            raise UsageError(
                f"{name} is a {type(given).__name__}; allowed: an MLP, which sottovoce.interop.torch.from_torch "
                "makes of a PyTorch module or state dict"
            )
    reference_architecture, teacher_architecture = (
        # Without the scheme, which trained weights do not tell; nothing is initialized here.
        Architecture(
            n_inputs=n_inputs,
            widths=tuple(layer.weight.shape[1] for layer in network.trunk),
            n_class=network.class_head.weight.shape[1],
            n_aux=network.aux_head.weight.shape[1],
            activation=network.activation,
            precision=network.precision,
            channels=tuple(layer.weight.shape[1] for layer in network.convolutions),
        )
        for network in (reference, teacher)
    )
    if reference_architecture != teacher_architecture:
        raise UsageError(
            f"reference and teacher are {reference_architecture} and {teacher_architecture}; allowed: networks of one "
            "architecture"
        )
    # Convolutions shrink the image, so the first dense layer reads another number of values than the inputs have.
    n_read, n_given = reference.trunk[0].weight.shape[0], reference_architecture.layers()["trunk_0"].fan_in
    if n_given != n_read:
        raise UsageError(
            f"inputs are {n_inputs} wide, of which the first dense layer would read {n_given}; allowed: as many as it "
            f"reads, {n_read}"
        )
    return reference_architecture


def _check_distilled(architecture: Architecture, n_aux: int, objective: str) -> None:
    if objective not in OBJECTIVES:
        raise not_among("objective", objective, OBJECTIVES)
    check_distilled("n_aux", n_aux, objective)
    if n_aux > architecture.n_aux:
        raise UsageError(f"n_aux is {n_aux}; allowed: at most {architecture.n_aux}, the networks' auxiliary logits")
