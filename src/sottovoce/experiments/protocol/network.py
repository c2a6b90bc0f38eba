"""The fields that say which networks are trained, and on which dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from sottovoce.data.facts import facts
from sottovoce.errors import UsageError
from sottovoce.lab.checks import DEFAULT_SEED, Allowed, Among, Count, Positive, Seed, added
from sottovoce.networks.shapes import HEADS, Layer, trunk_layers
from sottovoce.parts import ACTIVATIONS, INITIALIZATIONS, NETWORKS, PRECISIONS

if TYPE_CHECKING:
    from sottovoce.networks.own import OwnArchitecture

Activation = Annotated[str, Among(ACTIVATIONS)]
Initialization = Annotated[str, Among(INITIALIZATIONS)]
Width = Count | tuple[Count, ...]
Channels = Annotated[
    tuple[Count, ...],
    Allowed(
        "one number for each convolutional layer, or none of them", lambda channels: isinstance(channels, tuple | list)
    ),
]


@dataclass(frozen=True)
class NetworkConfig:
    """Fields of the dataset, the members and their networks.

    Attributes:
        dataset: mnist, fashion-mnist, digits, auto (mnist where its files are at hand, else digits), or a .npz file
            with train_images, train_labels, test_images and test_labels, or with images and labels.
        members: replicates, each with its own reference, teacher and students.
        seed: the one integer behind every random number.
        network: mlp, the perceptron that the fields below describe, or a network of your own, by the name under which
            it is registered; it takes those of the fields that its function has as parameters.
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
    members: Count | None = None
    seed: Seed = DEFAULT_SEED
    network: Annotated[str, Among(NETWORKS)] = added("mlp")
    channels: Channels = ()
    width: Width = 256
    depth: Count | None = None
    student_channels: Channels | None = None
    student_width: Width | None = None
    student_depth: Count | None = None
    activation: Activation = "relu"
    initialization: Initialization | None = None
    gain: Positive = 1.0
    orthonormal_heads: bool | None = None
    precision: Annotated[str, Among(PRECISIONS)] = "float32"
    n_aux_built: Count | None = None


class ResolvedNetwork(NetworkConfig):
    """The networks of a configuration of which every field is set."""

    members: int
    depth: int
    student_channels: tuple[int, ...]
    student_width: int | tuple[int, ...]
    student_depth: int
    initialization: str
    orthonormal_heads: bool
    n_aux_built: int

    def widths(self) -> tuple[int, ...]:
        """Return the units of each dense hidden layer of the teacher."""
        return _by_layer(self.width, self.depth)

    def student_widths(self) -> tuple[int, ...]:
        """Return the units of each dense hidden layer of the students."""
        return _by_layer(self.student_width, self.student_depth)

    def layers(self) -> dict[str, Layer]:
        """Return the shapes of the layers of the teacher's trunk, by name from the input on."""
        return trunk_layers(facts(self.dataset).n_pixel, self.channels, self.widths())

    def student_layers(self) -> dict[str, Layer]:
        """Return the shapes of the layers of the students' trunk, by name from the input on."""
        return trunk_layers(facts(self.dataset).n_pixel, self.student_channels, self.student_widths())

    def own_architecture(self) -> "OwnArchitecture | None":
        """Return the architecture of a user's own network; None for a perceptron.

        Raises:
            UsageError: the function that builds the network takes other arguments than it can be given.
        """
        if (own := NETWORKS.own(self.network)) is None:
            return None
        # Imported here, because it needs array libraries.
        from sottovoce.networks.own import OwnArchitecture, taken

        known = facts(self.dataset)
        given = {name: getattr(self, name) for name in taken(own.function, own.name)}
        # Architectures are hashed, which lists cannot be.
        settings = tuple((name, tuple(one) if isinstance(one, list) else one) for name, one in given.items())
        return OwnArchitecture(own.function, known.n_pixel, known.n_class, self.n_aux_built, settings)

    def student_blocks(self) -> tuple[str, ...]:
        """Return the names of the students' blocks: the layers of their trunk, and the heads."""
        if own := self.own_architecture():
            return own.block_names()
        return (*self.student_layers(), *HEADS)

    def shared_blocks(self) -> tuple[str, ...]:
        """Return the names of the students' blocks that the teacher has in the same shape.

        Only these can start as the teacher started.
        """
        if own := self.own_architecture():
            return own.block_names()
        teacher = self.layers()
        # Both heads always: `check_networks` refuses students whose last hidden layer has another width.
        return (*(name for name, layer in self.student_layers().items() if teacher.get(name) == layer), *HEADS)

    def check_networks(self, n_aux: int, preset: Mapping[str, Any]) -> None:
        """Refuse trunks of teacher and students that do not fit the same heads, and heads that cannot be built.

        Args:
            n_aux: the largest number of auxiliary logits distilled.
            preset: the values that unset fields take.

        Raises:
            UsageError: fields contradict each other.
        """
        if n_aux > self.n_aux_built:
            raise UsageError(f"n_aux is {n_aux}; allowed: at most n_aux_built, which is {self.n_aux_built}")
        if own := self.own_architecture():
            self._check_own(own, preset)
            return
        for prefix, width, depth in (
            ("", self.width, self.depth),
            ("student_", self.student_width, self.student_depth),
        ):
            # No widths at all give a depth of zero, which a comparison of width and depth alone would let pass.
            if not isinstance(width, int) and not 0 < len(width) == depth:
                raise UsageError(
                    f"{prefix}width is {width!r} with {prefix}depth {depth}; allowed: one number, or one for each "
                    "hidden layer"
                )
        rows, columns = facts(self.dataset).image_shape
        if (self.channels or self.student_channels) and rows != columns:
            raise UsageError(
                f"channels is {self.channels or self.student_channels!r}; allowed: none, for convolutions need square "
                f"images, and those of {self.dataset} are {rows} x {columns}"
            )
        # Students start with the teacher's initial heads, which read the last hidden layer.
        last, student = self.widths()[-1], self.student_widths()[-1]
        if student != last:
            raise UsageError(
                f"student_width is {self.student_width!r}, so the students' last hidden layer has {student} units; "
                f"allowed: {last}, the teacher's, for students start with its initial heads, which read that many"
            )
        n_class = facts(self.dataset).n_class
        if self.orthonormal_heads and n_class + self.n_aux_built > last:
            raise UsageError(
                f"orthonormal_heads is True with {n_class} class and {self.n_aux_built} auxiliary columns; "
                f"allowed: at most {last} together, one for each unit of the last hidden layer"
            )

    def _check_own(self, own: "OwnArchitecture", preset: Mapping[str, Any]) -> None:
        """Refuse fields that a user's own network does not take, and a network that cannot be trained."""
        from sottovoce.experiments.protocol.contracts import check_network
        from sottovoce.networks.own import FIELDS

        given = dict(own.settings)
        # A field that changes nothing would still change the identity of the run.
        usual = {field.name: field.default for field in fields(NetworkConfig)} | {**preset}
        for name in FIELDS:
            for field, allowed in ((name, usual[name]), (f"student_{name}", getattr(self, name))):
                value = getattr(self, field, allowed)
                if value != allowed and (field != name or name not in given):
                    takes = ", ".join(given) or "none of such fields"
                    raise UsageError(f"{field} is {value!r} with network {self.network}, which takes {takes}")
        check_network(self.network, own)

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


def _by_layer(width: int | Sequence[int], depth: int) -> tuple[int, ...]:
    return (width,) * depth if isinstance(width, int) else tuple(width)
