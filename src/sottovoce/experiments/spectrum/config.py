"""Spectrum: does a student's weight spectrum show as many learned directions as it had logits?

Question: how many components of the second dense hidden layer stand above its initialization, for k auxiliary logits?
    Does their number follow k, k - 1 or neither, and does it where the student classifies?
Setting: preset "described" is the post's text (Cloud's protocol, k = 2, 4, 8); preset "published" is the script behind
    its Figure 3 (students on the real training images, 100 epochs at rate 1e-4, uniform initialization, 27 auxiliary
    logits, freshly drawn heads); preset "long" differs from "described" in the students' epochs alone (100 on MNIST,
    as many as the script's students had; 40 on digits, about as many steps of the optimizer). Each with both
    objectives; test accuracy of every network is kept beside it. With both objectives asked for, k = 1 makes a student
    under mse only: a softmax over one logit is constant.
Expected: by the post k components stand out; by what the objectives see (docs/theory.md, section 3), k - 1 under kl
    and k under mse.
Runtime: on MNIST 35 epochs of one network a described member and 605 a published or long one, against 25 of
    `transfer`; digits seconds, long ones a minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.config import ProtocolConfig
from sottovoce.experiments.protocol.distillation import BLIND_TO_SHIFT, check_distilled
from sottovoce.experiments.protocol.presets import PRESETS

DRAWS_LEAST = 19

# What the script behind Figure 3 does otherwise than the post describes.
_PUBLISHED: Mapping[str, Any] = MappingProxyType(
    {
        "inputs": "images",
        "initialization": "uniform",
        "pixels": "unit",
        "n_aux_built": 27,
        "fresh_heads": True,
    }
)

_PUBLISHED_MNIST: Mapping[str, Any] = MappingProxyType(
    {
        **_PUBLISHED,
        "student_epochs": 100,
        "student_learning_rate": 1e-4,
    }
)

_PUBLISHED_DIGITS: Mapping[str, Any] = MappingProxyType(
    {
        **_PUBLISHED,
        "n_inputs": 1_442,
        "student_epochs": 30,
        "student_learning_rate": 3e-4,
    }
)

LONG_EPOCHS: Mapping[str, int] = MappingProxyType({"mnist": 100, "fashion-mnist": 100, "digits": 40})

# Digits in seconds, for a first look.
MEMBERS = {"mnist": 4, "fashion-mnist": 4, "digits": 2}

VARIANTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "described": MappingProxyType({dataset: {"fresh_heads": False} for dataset in PRESETS}),
        "published": MappingProxyType(
            {
                "mnist": _PUBLISHED_MNIST,
                "fashion-mnist": _PUBLISHED_MNIST,
                "digits": _PUBLISHED_DIGITS,
            }
        ),
        "long": MappingProxyType(
            {dataset: {"fresh_heads": False, "student_epochs": LONG_EPOCHS[dataset]} for dataset in PRESETS}
        ),
    }
)


@dataclass(frozen=True)
class Config(ProtocolConfig):
    """Fields of the spectrum figure.

    Attributes:
        variant: described, as the post's text says; published, as the script behind its figure does; or long, as
            described with many more epochs of the students.
        n_aux: numbers of auxiliary logits, one student each; 1 only under mse.
        objectives: kl, mse, centered_mse, hard: one set of students each.
        fresh_heads: whether students start with freshly drawn heads; unset: as the variant does.
        update_draws: draws of noise behind the count of directions in an update; 19, 39, 59, ... make its 5 % exact.
    """

    variant: str = "described"
    n_aux: tuple[int, ...] = (2, 4, 8)
    objectives: tuple[str, ...] = ("kl", "mse")
    fresh_heads: bool | None = None
    update_draws: int = DRAWS_LEAST

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """Objective and number of auxiliary logits of each student.

        One logit under an objective that sees only differences of logits is left out of a grid that has it beside other
        students of that objective and another objective. Asked for by itself it stays, to be refused with its reason.
        """
        several = len(self.objectives) > 1 and max(self.n_aux) > 1
        left_out = {(objective, 1) for objective in BLIND_TO_SHIFT} if several else set()
        return tuple(
            p for p in ((objective, k) for objective in self.objectives for k in self.n_aux) if p not in left_out
        )

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take: the variant's, and where it says nothing the dataset's."""
        if self.variant not in VARIANTS:
            raise not_among("variant", self.variant, VARIANTS)
        for name in ("n_aux", "objectives"):
            values = getattr(self, name)
            if not isinstance(values, tuple | list) or not values or len(set(values)) < len(values):
                raise UsageError(f"{name} is {values!r}; allowed: a tuple of one or more different values")
        common = {**super().preset(), "members": MEMBERS[self.dataset], "n_aux_built": max(self.n_aux)}
        return {**common, **VARIANTS[self.variant][self.dataset]}

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return len(self.n_aux) * len(self.objectives)

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        for objective, n_aux in self.pairs:
            check_distilled("n_aux", n_aux, objective)
        self.check_built(max(self.n_aux))
        for name in ("depth", "student_depth"):
            depth = getattr(self, name)
            if depth < 2:
                raise UsageError(
                    f"{name} is {depth}; allowed: 2 or more, for the second dense hidden layer is measured"
                )
        if "trunk_1" not in self.shared_blocks():
            teacher, student = (layers["trunk_1"][1:] for layers in (self.layers(), self.student_layers()))
            raise UsageError(
                f"student_width is {self.student_width!r}, so the students' second dense hidden layer is {student} "
                f"(inputs, units); allowed: {teacher}, the teacher's, for their spectra are compared and an update is "
                "the change from the same start"
            )
        if not isinstance(self.update_draws, int) or self.update_draws < DRAWS_LEAST:
            raise UsageError(f"update_draws is {self.update_draws!r}; allowed: {DRAWS_LEAST} or more, a whole number")

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(
            dataset="digits", members=2, width=16, teacher_epochs=2, student_epochs=1, n_inputs=256, n_aux=(2, 4)
        )
