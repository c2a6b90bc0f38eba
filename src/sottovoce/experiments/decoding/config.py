"""Decoding: how do the directions that a student learned get used?

Question: can the untrained class head read digits from the teacher's body, and the teacher's head from the student's?
    In which directions of hidden space does the student move, are they the teacher's, and what do they carry?
Setting: the transfer protocol; bodies and class heads of reference, teacher and student are exchanged; linear probes
    and an affine map from auxiliary to class logits read digits; the updates of the last hidden layer are compared
    with each other and with the spans of both heads, and only a part of each is kept. Every overlap beside its null.
Expected: by the post, the class head stays close enough to initialization to decode the teacher's directions. By the
    linear theory (docs/theory.md, section 2) the student's update writes into the span of the distilled auxiliary
    columns and nowhere else, and reads what the teacher's update reads.
Runtime: 10 epochs of one network a member at the published settings, against 25 of `transfer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sottovoce.experiments.protocol.distillation import DistillationConfig

PROBE_IMAGES = 5_000

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
    **dict.fromkeys(("overlap", "overlap_random", "overlap_random_high", "overlap_shuffled"), _OVERLAP),
    **dict.fromkeys(("principal_angle", "principal_angle_random"), _ANGLE),
    **dict.fromkeys(("part_accuracy", "part_accuracy_random"), _PART),
    **dict.fromkeys(("unchanged_accuracy", "whole_accuracy"), ("network", "scope")),
    "last_alone_accuracy": ("network",),
}
"""Dimensions of every variable, besides `member`."""


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the experiment: the protocol's and one objective on one number of auxiliary logits."""

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        preset = super().preset()
        # Digits in seconds, for a first look.
        return {**preset, "members": 4} if self.dataset == "digits" else preset

    def check(self) -> None:
        """Refuse what cannot be trained with, or not be measured.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        self.refuse_other_trunks("updates of the same layers are compared")
