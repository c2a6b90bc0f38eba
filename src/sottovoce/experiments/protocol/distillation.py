"""The fields of experiments whose students share one objective, and the number of logits an objective needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.config import ProtocolConfig
from sottovoce.lab.checks import check_count

OBJECTIVES = ("kl", "mse", "centered_mse", "hard")
# Objectives that see only differences of logits, and the reason why their gradient is zero on a single logit.
BLIND_TO_SHIFT = MappingProxyType(
    {
        "kl": "a softmax over one logit is constant",
        "hard": "a softmax over one logit is constant",
        "centered_mse": "one logit less its own mean is zero",
    }
)


@dataclass(frozen=True)
class DistillationConfig(ProtocolConfig):
    """Fields of an experiment whose students all share one objective on one number of auxiliary logits.

    Attributes:
        n_aux: auxiliary logits distilled.
        objective: the loss on the distilled logits: kl, mse, centered_mse (on logits minus the mean of the
            sample's logits, so invariant to a common shift like kl) or hard (cross-entropy on the teacher's largest
            logit).
    """

    n_aux: int = 3
    objective: str = "kl"

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        return {**super().preset(), "n_aux_built": self.n_aux}

    def check(self) -> None:
        """Refuse a configuration that cannot be trained.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        check_distilled("n_aux", self.n_aux, self.objective)
        self.check_built(self.n_aux)

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(dataset="digits", members=2, width=16, teacher_epochs=2, student_epochs=1, n_inputs=256)


def check_distilled(name: str, n_aux: int, objective: str) -> None:
    """Refuse a number of auxiliary logits that an objective cannot teach.

    Raises:
        UsageError: n_aux is below one, the objective is unknown, or it sees only differences of logits and has one.
    """
    if objective not in OBJECTIVES:
        raise not_among("objective", objective, OBJECTIVES)
    check_count(name, n_aux)
    if n_aux == 1 and objective in BLIND_TO_SHIFT:
        raise UsageError(
            f"{name} is 1 with objective {objective}; {BLIND_TO_SHIFT[objective]}, so the gradient is exactly zero: "
            "use 2 or more, or objective mse"
        )
