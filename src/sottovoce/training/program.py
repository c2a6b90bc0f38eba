"""The inputs and outputs of the compiled program of a member."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int, Key, PyTree, UInt8

from sottovoce.data.kinds import Settings
from sottovoce.parts import OBJECTIVES
from sottovoce.streams import Stream, member_key
from sottovoce.training.loop import TransformBatch
from sottovoce.training.students import Students


@dataclass(frozen=True)
class Protocol:
    """Static settings, which determine the program of a member; the program is compiled once for each value.

    Attributes:
        architecture: of all networks, a `networks.initialization.Architecture`, or of the user's own, a
            `networks.own.OwnArchitecture`.
        fresh_heads: whether students start with freshly drawn heads on the reference's trunk, as in the script behind
            the post's Figure 3.
        inputs: kind of distillation inputs, one of `parts.INPUTS`.
        fresh_inputs: whether the noise in the distillation inputs is drawn afresh every epoch.
        batch_size: samples per step, for teacher and students.
        teacher_optimizer, student_optimizer: of `parts.OPTIMIZERS`.
        teacher_steps, student_steps: total numbers of steps, if the last epoch is cut short.
        student_architecture: architecture of the students, if their trunk differs from the teacher's.
        objectives: the functions of the students' objectives, in the order of `students.objective_names`.
        own: the user's functions that the program calls by name; with another function it is another program.
        unrelated_teacher: whether a second teacher is trained from the reference on permuted labels, for the students
            that are distilled from it.
    """

    architecture: Any
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
    student_architecture: Any = None
    unrelated_teacher: bool = False
    objectives: tuple[Callable[..., Array], ...] = field(
        default_factory=lambda: tuple(OBJECTIVES[name] for name in OBJECTIVES.built_in)
    )
    own: tuple[Callable[..., Any], ...] = ()

    def student_batches(self) -> int:
        """Return the number of steps in an epoch of the students."""
        return -(-self.n_inputs // self.batch_size)

    def student_batches_in_all(self) -> int:
        """Return the total number of steps that each student takes."""
        return self.student_steps or self.student_epochs * self.student_batches()


class TracedSettings(NamedTuple):
    """Traced settings, which enter the program as arrays; changing one does not recompile the program.

    The temperature is that of the objective "kl"; the gain is a factor on every initial weight and bias.
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

    Pixel value 0 is mapped to the input `low`, and pixel values that differ by 1 to inputs that differ by `step`. A
    user's own images may be floats from 0 to 1.
    """

    train_pixels: UInt8[Array, "sample input"] | Float[Array, "sample input"]
    train_labels: Int[Array, " sample"]
    test_pixels: UInt8[Array, "test input"] | Float[Array, "test input"]
    test_labels: Int[Array, " test"]
    low: Float[Array, ""]
    step: Float[Array, ""]

    def scaled(
        self, pixels: UInt8[Array, "*sample input"] | Float[Array, "*sample input"]
    ) -> Float[Array, "*sample input"]:
        """Return pixels scaled to the range of a network's inputs."""
        return self.low + self.step * pixels


class Setting(eqx.Module):
    """All settings of a member's training, static and traced."""

    protocol: Protocol = eqx.field(static=True)
    traced: TracedSettings

    def key(self, stream: Stream, member: Int[Array, ""] | int) -> Key[Array, ""]:
        """Return the key of one of a member's random streams."""
        return member_key(self.traced.seed, stream, member)


class MemberProgram(Setting):
    """All inputs of the program of a member except the member's index: its settings and images."""

    images: Images

    def test_images(self) -> Float[Array, "test input"]:
        """Return the test images scaled to the range of a network's inputs."""
        return self.images.scaled(self.images.test_pixels)


class DistillationSet(NamedTuple):
    """The samples that students are distilled on: inputs and the teacher's logits on these inputs.

    With an unrelated teacher the logits are those of both, `(sample, teacher, logit)`, the own teacher's first. Of
    fresh inputs the samples are the indices, which `transform_batch` maps to inputs and logits.
    """

    samples: PyTree
    transform_batch: TransformBatch | None = None


class Member(NamedTuple):
    """The results of one member: networks, what each of them classifies right, and mean losses by epoch (nats).

    The networks are of the kind that the protocol trains (`networks.mlp.MLP`, if it is no kind of the user's own).
    `run_member` returns the students on a leading axis, `run_members` one by one. The roles are the reference, the
    teacher, the unrelated teacher if there is one, and the students. `accuracy` is the share of test images that are
    `correct`.
    """

    reference: Any
    teacher: Any
    students: Any
    correct: Bool[Array, "role test"]
    accuracy: Float[Array, " role"]
    teacher_loss: Float[Array, "epoch teacher"]
    student_loss: Float[Array, "epoch student"]
