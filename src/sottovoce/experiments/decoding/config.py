"""Decoding: how do the directions that a student learned get used?

Question: can the untrained class head read digits from the teacher's hidden features, and the teacher's class head from
    the student's? In which directions of hidden space does the student's update write, are they the teacher's, and how
    much accuracy do they carry?
Setting: the transfer protocol. Every class head of reference, teacher and student reads the hidden features of every
    body (model stitching). Linear probes, and an affine map from auxiliary to class logits, read digits too. The
    updates of the last hidden layer are compared with each other and with the spans of both heads, and accuracy is
    measured with only a part of each update. Every overlap stands beside its null, and what student and teacher share
    beside its causal control: the student of an unrelated teacher, which was trained from the same reference on
    permuted labels and shares initialization, inputs and heads, but no knowledge.
Expected: by the post, the class head stays close enough to initialization to decode the teacher's directions. By the
    linear theory (docs/theory.md, section 2), the student's update writes into the span of the distilled auxiliary
    columns and nowhere else, and reads from the directions that the teacher's update reads from.
Runtime: 20 epochs of training per member at the published settings, where `transfer` needs 35.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from sottovoce.experiments.protocol.config import ResolvedProtocol
from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.experiments.protocol.quantities import SHARED
from sottovoce.lab.quantities import Quantity

PROBE_IMAGES = 5_000
"""Number of training images, the first ones, to which probes and the affine map are fitted."""

_SUBSPACE, _PART = ("network", "subspace"), ("network", "scope", "subspace", "part")

_OVERLAP, _ANGLE = ("side", "teacher_subspace"), ("side", "angle")

DIMS = {
    "graft_accuracy": ("body", "head"),
    "probe_accuracy": ("body",),
    "relative_drift": ("body", "block"),
    "label_accuracy": ("body", "label"),
    **dict.fromkeys(("affine_accuracy", "affine_accuracy_shuffled", "affine_r2", "affine_r2_shuffled"), ("body",)),
    **dict.fromkeys(("cka", "cka_shuffled"), ("pair",)),
    **dict.fromkeys(("energy", "energy_random", "energy_random_high", "energy_shuffled"), _SUBSPACE),
    **dict.fromkeys(
        ("overlap", "overlap_random", "overlap_random_high", "overlap_shuffled", "overlap_unrelated"), _OVERLAP
    ),
    **dict.fromkeys(("shared", "shared_unrelated"), ("side", "direction")),
    "cka_unrelated": (),
    **dict.fromkeys(("principal_angle", "principal_angle_random"), _ANGLE),
    **dict.fromkeys(("part_accuracy", "part_accuracy_random"), _PART),
    **dict.fromkeys(("unchanged_accuracy", "whole_accuracy"), ("network", "scope")),
    "last_alone_accuracy": ("network",),
}
"""Dimensions of every variable, besides `member`."""

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        **SHARED,
        "graft_accuracy": Quantity("test accuracy of a body under a class head"),
        "probe_accuracy": Quantity("test accuracy of a linear probe"),
        "relative_drift": Quantity("relative drift of the block's weights"),
        "label_accuracy": Quantity("test accuracy on one class"),
        "affine_accuracy": Quantity("test accuracy of the affine map of auxiliary logits"),
        "affine_accuracy_shuffled": Quantity("test accuracy of the affine map, shuffled images"),
        "affine_r2": Quantity("R^2 of the affine map against the teacher's class logits"),
        "affine_r2_shuffled": Quantity("R^2 of the affine map, shuffled images"),
        "cka": Quantity("CKA of hidden features"),
        "cka_shuffled": Quantity("CKA of hidden features, shuffled images"),
        "cka_unrelated": Quantity("CKA of hidden features of teacher and unrelated teacher's student"),
        "energy": Quantity("share of the update's squared norm on the subspace"),
        "energy_random": Quantity("share on random subspaces, mean"),
        "energy_random_high": Quantity("share on random subspaces, 95 % quantile"),
        "energy_shuffled": Quantity("share under permutations of hidden units, mean"),
        "overlap": Quantity("mean squared cosine of student's and teacher's directions"),
        "overlap_random": Quantity("mean squared cosine of random subspaces, mean"),
        "overlap_random_high": Quantity("mean squared cosine of random subspaces, 95 % quantile"),
        "overlap_shuffled": Quantity("mean squared cosine under permutations of units, mean"),
        "overlap_unrelated": Quantity("mean squared cosine, unrelated teacher's student"),
        "shared": Quantity("squared cosine of a shared direction"),
        "shared_unrelated": Quantity("squared cosine of a shared direction, unrelated teacher's student"),
        "principal_angle": Quantity("principal angle between student's and teacher's directions", "degree"),
        "principal_angle_random": Quantity("principal angle between random subspaces, mean", "degree"),
        "part_accuracy": Quantity("test accuracy with a part of the change"),
        "part_accuracy_random": Quantity("test accuracy with a part of the change, random subspaces, mean"),
        "unchanged_accuracy": Quantity("test accuracy with none of the change"),
        "whole_accuracy": Quantity("test accuracy with all of the change"),
        "last_alone_accuracy": Quantity("test accuracy with the last hidden layer alone trained"),
        "label": Quantity("class of the images"),
        "angle": Quantity("rank of the principal angle"),
        "direction": Quantity("rank of the direction"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the experiment: the protocol's fields, one objective and one number of auxiliary logits."""

    reads_layers: ClassVar[str] = "features of hidden layers are taken from it"

    def resolve(self) -> "Resolved":
        """Return the configuration with every field set and checked."""
        return self.resolved(Resolved)


class Resolved(ResolvedProtocol, Config):
    """A configuration of which every field is set."""

    def n_students(self) -> int:
        """Return the number of students of each member: the teacher's, and the unrelated teacher's."""
        return 2

    def n_teachers(self) -> int:
        """Return the number of teachers of each member."""
        return 2

    def check(self) -> None:
        """Refuse a configuration whose networks cannot be trained, or whose updates cannot be compared.

        Raises:
            UsageError: a field has a value that is not allowed.
        """
        super().check()
        self.refuse_other_trunks("updates of the same layers are compared")
