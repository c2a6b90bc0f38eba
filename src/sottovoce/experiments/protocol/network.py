"""The fields that say which networks are trained, and on which dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.inputs import CLASSES, PIXELS
from sottovoce.lab.checks import check_channels, check_count, check_number, check_widths
from sottovoce.networks.shapes import HEADS, Layer, trunk_layers

ACTIVATIONS = ("relu", "gelu", "tanh", "linear")
INITIALIZATIONS = ("normal", "uniform", "orthogonal")
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")


@dataclass(frozen=True)
class NetworkConfig:
    """Fields of the dataset, the members and their networks.

    Attributes:
        dataset: mnist, fashion-mnist, digits, or auto (mnist where its files are at hand, else digits).
        members: replicates, each with its own reference, teacher and students.
        seed: the one integer behind every random number.
        channels: output channels of each convolution (3 x 3, stride 2) below the dense hidden layers; unset: none.
        width: units of each dense hidden layer: one number for all layers, or one per layer from the input on.
        depth: number of dense hidden layers; unset: one for each width given, 2 for a single width.
        student_channels: output channels of the students' convolutions; unset: the teacher's.
        student_width: units of the students' dense hidden layers, in the last layer as many as in the teacher's; unset:
            the teacher's.
        student_depth: number of the students' dense hidden layers; unset: one for each student width given, or the
            teacher's.
        activation: relu, gelu, tanh or linear.
        initialization: normal, N(0, 1/fan_in) with zero biases; uniform, +-1/sqrt(fan_in) for weights and biases; or
            orthogonal, orthonormal columns (or rows, where there are fewer) with zero biases.
        gain: factor on every initial weight and bias.
        orthonormal_heads: whether the columns of both heads together are made orthonormal, before the gain is applied;
            unset: they are not.
        precision: precision of the operands of matrix products: float32, tensorfloat32 (rounded as an accelerator
            rounds them) or bfloat16.
        n_aux_built: number of auxiliary logits that the networks have; unset: the largest n_aux (27 in the published
            spectrum). Runs with several n_aux and one n_aux_built share one compiled program.
    """

    dataset: str = "auto"
    members: int | None = None
    seed: int = 0
    channels: tuple[int, ...] = ()
    width: int | tuple[int, ...] = 256
    depth: int | None = None
    student_channels: tuple[int, ...] | None = None
    student_width: int | tuple[int, ...] | None = None
    student_depth: int | None = None
    activation: str = "relu"
    initialization: str | None = None
    gain: float = 1.0
    orthonormal_heads: bool | None = None
    precision: str = "float32"
    n_aux_built: int | None = None

    def widths(self) -> tuple[int, ...]:
        """Return the units of each dense hidden layer of the resolved configuration's teacher."""
        return _by_layer(self.width, self.depth)

    def student_widths(self) -> tuple[int, ...]:
        """Return the units of each dense hidden layer of the resolved configuration's students."""
        return _by_layer(self.student_width, self.student_depth)

    def layers(self) -> dict[str, Layer]:
        """Return the shapes of the layers of the teacher's trunk, by name from the input on."""
        return trunk_layers(PIXELS[self.dataset], self.channels, self.widths())

    def student_layers(self) -> dict[str, Layer]:
        """Return the shapes of the layers of the students' trunk, by name from the input on."""
        assert self.student_channels is not None
        return trunk_layers(PIXELS[self.dataset], self.student_channels, self.student_widths())

    def student_blocks(self) -> tuple[str, ...]:
        """Return the names of the students' blocks: the layers of their trunk, and the heads."""
        return (*self.student_layers(), *HEADS)

    def shared_blocks(self) -> tuple[str, ...]:
        """Return the names of the students' blocks that the teacher has in the same shape.

        Only these can start as the teacher started.
        """
        teacher = self.layers()
        return (*(name for name, layer in self.student_layers().items() if teacher.get(name) == layer), *HEADS)

    def check_networks(self) -> None:
        """Refuse networks that cannot be drawn, and trunks of teacher and students that do not fit the same heads.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        for name, allowed in (
            ("activation", ACTIVATIONS),
            ("initialization", INITIALIZATIONS),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in allowed:
                raise not_among(name, getattr(self, name), allowed)
        for prefix in ("", "student_"):
            check_channels(f"{prefix}channels", getattr(self, f"{prefix}channels"))
            check_widths(prefix, getattr(self, f"{prefix}width"), getattr(self, f"{prefix}depth"))
            check_count(f"{prefix}depth", getattr(self, f"{prefix}depth"))
        # Students start with the teacher's initial heads, which read the last hidden layer.
        last, student = self.widths()[-1], self.student_widths()[-1]
        if student != last:
            raise UsageError(
                f"student_width is {self.student_width!r}, so the students' last hidden layer has {student} units; "
                f"allowed: {last}, the teacher's, for students start with its initial heads, which read that many"
            )
        check_number("gain", self.gain)

    def refuse_other_trunks(self, reason: str) -> None:
        """Refuse students whose trunk has another shape than the teacher's.

        Args:
            reason: why the experiment needs the same shape.

        Raises:
            UsageError: the shapes differ.
        """
        for name in ("channels", "width", "depth"):
            given, teachers = getattr(self, f"student_{name}"), getattr(self, name)
            # Different fields may describe the same layers: one width for all of them, or the same width for each.
            if given != teachers and self.student_layers() != self.layers():
                raise UsageError(f"student_{name} is {given!r}; allowed: {teachers!r}, the teacher's, for {reason}")

    def check_built(self, n_aux: int) -> None:
        """Refuse more distilled logits than the networks have, and heads that cannot be orthonormal.

        Args:
            n_aux: the largest number of auxiliary logits distilled.

        Raises:
            UsageError: n_aux_built is not a count or below n_aux, or orthonormal_heads asks for too many columns.
        """
        check_count("n_aux_built", self.n_aux_built)
        assert self.n_aux_built is not None
        if n_aux > self.n_aux_built:
            raise UsageError(f"n_aux is {n_aux}; allowed: at most n_aux_built, which is {self.n_aux_built}")
        if not isinstance(self.orthonormal_heads, bool):
            raise UsageError(f"orthonormal_heads is {self.orthonormal_heads!r}; allowed: True, False")
        if self.orthonormal_heads and len(CLASSES) + self.n_aux_built > self.widths()[-1]:
            raise UsageError(
                f"orthonormal_heads is True with {len(CLASSES)} class and {self.n_aux_built} auxiliary columns; "
                f"allowed: at most {self.widths()[-1]} together, one for each unit of the last hidden layer"
            )


def _by_layer(width: int | Sequence[int] | None, depth: int | None) -> tuple[int, ...]:
    assert width is not None
    assert depth is not None
    return (width,) * depth if isinstance(width, int) else tuple(width)
