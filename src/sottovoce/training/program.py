"""What the compiled program of a member is given, and what it leaves."""

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
    """Static settings, which shape the program of a member; one compilation per value.

    Attributes:
        architecture: shape and initialization of reference and teacher, and of the students unless they have their own.
        fresh_heads: whether students start with freshly drawn heads on the reference's trunk, as in the script behind
            the post's Figure 3.
        inputs: kind of distillation inputs, a key of `data.inputs.KINDS`.
        n_inputs: how many distillation inputs.
        fresh_inputs: whether their noise is drawn afresh every epoch.
        teacher_epochs: passes of the teacher over the training images.
        student_epochs: passes of the students over the distillation inputs.
        batch_size: samples per step, teacher and students.
        teacher_optimizer: the teacher's, a key of `optimizers.OPTIMIZERS`.
        student_optimizer: the students'.
        teacher_steps: batches at which the teacher's last epoch is cut short; None: not at all.
        student_steps: the same for the students.
        student_architecture: the students', where their trunk differs; None: the teacher's.
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
        """Return the batches of one of the students' epochs."""
        return -(-self.n_inputs // self.batch_size)

    def student_batches_in_all(self) -> int:
        """Return the steps that each student takes."""
        return self.student_steps or self.student_epochs * self.student_batches()


class TracedSettings(NamedTuple):
    """Settings that enter the program as arrays: changing one compiles nothing.

    Attributes:
        seed: the configuration's seed.
        students: what each student is distilled on, how, and from where.
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
    """Labeled images as the device keeps them: as bytes, a quarter of what floats take, and scaled batch by batch.

    Attributes:
        train_pixels: training images, one flattened per row.
        train_labels: their classes.
        test_pixels: held-out images.
        test_labels: their classes.
        low: what pixel 0 becomes.
        step: what one unit of a pixel adds.
    """

    train_pixels: UInt8[Array, "sample input"]
    train_labels: Int[Array, " sample"]
    test_pixels: UInt8[Array, "test input"]
    test_labels: Int[Array, " test"]
    low: Float[Array, ""]
    step: Float[Array, ""]

    def scaled(self, pixels: UInt8[Array, "*sample input"]) -> Float[Array, "*sample input"]:
        """Return pixels as a network sees them."""
        return self.low + self.step * pixels


class Setting(eqx.Module):
    """All settings of a member's training.

    Attributes:
        protocol: static settings; another value compiles another program.
        traced: traced settings.
    """

    protocol: Protocol = eqx.field(static=True)
    traced: TracedSettings

    def key(self, stream: Stream, member: Int[Array, ""] | int) -> Key[Array, ""]:
        """Return the key of one of a member's random streams."""
        return member_key(self.traced.seed, stream, member)


class MemberProgram(Setting):
    """All that the program of a member is given besides the member's index: its settings, and images.

    Attributes:
        images: training and test images.
    """

    images: Images

    def test_images(self) -> Float[Array, "test input"]:
        """Return the test images as a network sees them."""
        return self.images.scaled(self.images.test_pixels)


class DistillationSet(NamedTuple):
    """What students are distilled on.

    Attributes:
        samples: inputs and the teacher's logits on them; of fresh inputs their indices.
        transform_batch: makes fresh inputs and logits of a batch of indices and the step's number; None: inputs are not
            drawn afresh.
    """

    samples: PyTree
    transform_batch: TransformBatch | None = None


class Member(NamedTuple):
    """What one member's run leaves.

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
