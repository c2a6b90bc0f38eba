"""The inputs and outputs of the compiled program of a member."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, Int, Key, PyTree, UInt8

from sottovoce.data.kinds import Settings
from sottovoce.networks.initialization import Architecture
from sottovoce.networks.mlp import Network
from sottovoce.streams import Stream, member_key
from sottovoce.training.loop import TransformBatch
from sottovoce.training.students import Students


@dataclass(frozen=True)
class Protocol:
    """Static settings, which determine the program of a member; the program is compiled once for each value.

    Attributes:
        architecture: shape and initialization of reference and teacher, and of the students unless
            `student_architecture` is given.
        fresh_heads: whether students start with freshly drawn heads on the reference's trunk, as in the script behind
            the post's Figure 3.
        inputs: kind of distillation inputs, a key of `data.inputs.KINDS`.
        n_inputs: number of distillation inputs.
        fresh_inputs: whether the noise in the distillation inputs is drawn afresh every epoch.
        teacher_epochs: passes of the teacher over the training images.
        student_epochs: passes of the students over the distillation inputs.
        batch_size: samples per step, for teacher and students.
        teacher_optimizer: optimizer of the teacher, a key of `optimizers.OPTIMIZERS`.
        student_optimizer: optimizer of the students, a key of `optimizers.OPTIMIZERS`.
        teacher_steps: total number of steps of the teacher, if its last epoch is cut short; None: all epochs are
            complete.
        student_steps: the same for the students.
        student_architecture: architecture of the students, if their trunk differs from the teacher's; None: the same.
    """

    architecture: Architecture
    fresh_heads: bool
    inputs: str
    n_inputs: int
    fresh_inputs: bool
    teacher_epochs: int
    student_epochs: int
    batch_size: int
    teacher_optimizer: str = "adam"
    student_optimizer: str = "adam"
    teacher_steps: int | None = None
    student_steps: int | None = None
    student_architecture: Architecture | None = None

    def student_batches(self) -> int:
        """Return the number of batches in an epoch of the students."""
        return -(-self.n_inputs // self.batch_size)

    def student_batches_in_all(self) -> int:
        """Return the total number of steps that each student takes."""
        return self.student_steps or self.student_epochs * self.student_batches()


class TracedSettings(NamedTuple):
    """Traced settings, which enter the program as arrays; changing one does not recompile the program.

    Attributes:
        seed: the configuration's seed.
        students: the logits, objective, initialization and trained blocks of each student.
        inputs: parameters of the distillation inputs.
        teacher_rate: learning rate of the teacher's optimizer.
        student_rate: learning rate of the students' optimizer.
        temperature: temperature of the softmaxes in the objective "kl".
        teacher_decay: weight decay of the teacher's optimizer.
        student_decay: weight decay of the students' optimizer.
        gain: factor on every initial weight and bias.
    """

    seed: Int[Array, ""]
    students: Students
    inputs: Settings
    teacher_rate: Float[Array, ""]
    student_rate: Float[Array, ""]
    temperature: Float[Array, ""]
    teacher_decay: Float[Array, ""] | float = 0.0
    student_decay: Float[Array, ""] | float = 0.0
    gain: Float[Array, ""] | float = 1.0


class Images(NamedTuple):
    """Labeled images in device memory: stored as bytes, a quarter of the size of floats, and scaled batch by batch.

    Attributes:
        train_pixels: training images, one flattened per row.
        train_labels: classes of the training images.
        test_pixels: held-out images.
        test_labels: classes of the held-out images.
        low: input to which pixel value 0 is mapped.
        step: difference between the inputs for successive pixel values.
    """

    train_pixels: UInt8[Array, "sample input"]
    train_labels: Int[Array, " sample"]
    test_pixels: UInt8[Array, "test input"]
    test_labels: Int[Array, " test"]
    low: Float[Array, ""]
    step: Float[Array, ""]

    def scaled(self, pixels: UInt8[Array, "*sample input"]) -> Float[Array, "*sample input"]:
        """Return pixels scaled to the range of a network's inputs."""
        return self.low + self.step * pixels


class Setting(eqx.Module):
    """All settings of a member's training.

    Attributes:
        protocol: static settings; a different value compiles a different program.
        traced: traced settings.
    """

    protocol: Protocol = eqx.field(static=True)
    traced: TracedSettings

    def key(self, stream: Stream, member: Int[Array, ""] | int) -> Key[Array, ""]:
        """Return the key of one of a member's random streams."""
        return member_key(self.traced.seed, stream, member)


class MemberProgram(Setting):
    """All inputs of the program of a member except the member's index: its settings and images.

    Attributes:
        images: training and test images.
    """

    images: Images

    def test_images(self) -> Float[Array, "test input"]:
        """Return the test images scaled to the range of a network's inputs."""
        return self.images.scaled(self.images.test_pixels)


class DistillationSet(NamedTuple):
    """The samples that students are distilled on.

    Attributes:
        samples: pairs of inputs and the teacher's logits on these inputs; for fresh inputs the indices of the inputs.
        transform_batch: maps a batch of indices and the number of the step to fresh inputs and logits; None: inputs are
            not drawn afresh.
    """

    samples: PyTree
    transform_batch: TransformBatch | None = None


class Member(NamedTuple):
    """The results of one member.

    Attributes:
        reference: the network at initialization.
        teacher: the reference trained on labels through its class logits.
        students: one network per student, in the protocol's order.
        accuracy: test accuracy of reference, teacher and each student.
        teacher_loss: mean training loss of each epoch, nats.
        student_loss: mean distillation loss of each epoch and student.
    """

    reference: Network
    teacher: Network
    students: tuple[Network, ...]
    accuracy: Float[Array, " role"]
    teacher_loss: Float[Array, " epoch"]
    student_loss: Float[Array, "epoch student"]
