"""The objectives of distillation by name, and the number of auxiliary logits that each needs."""

from types import MappingProxyType
from typing import Annotated

from sottovoce.errors import UsageError
from sottovoce.lab.checks import Among, whole
from sottovoce.parts import OBJECTIVES

# Objectives that see only differences of logits, and the reason why their gradient is zero on a single logit.
BLIND_TO_SHIFT = MappingProxyType(
    {
        "kl": "a softmax over one logit is constant",
        "hard": "a softmax over one logit is constant",
        "centered_mse": "one logit less its own mean is zero",
    }
)

N_LOGITS = 13
"""Logits on which a user's objective is tried."""

Objective = Annotated[str, Among(OBJECTIVES)]


def blind_to_shift(objective: str) -> str | None:
    """Return why the gradient of an objective is zero on a single logit; None where it is not.

    Raises:
        UsageError: the objective is the user's own, and breaks the contract of objectives (docs/own_parts.md).
    """
    if (own := OBJECTIVES.own(objective)) is None:
        return BLIND_TO_SHIFT.get(objective)
    # Imported here, because it needs array libraries.
    from sottovoce.experiments.protocol.contracts import sees_differences_only

    sees_less = sees_differences_only(objective, own.function, N_LOGITS)
    return f"{objective} sees differences of logits only" if sees_less else None


def check_distilled(name: str, n_aux: int, objective: str) -> None:
    """Refuse a number of auxiliary logits that an objective cannot teach.

    Raises:
        UsageError: n_aux is below one, the objective is unknown, or it sees only differences of logits and has one.
    """
    Among(OBJECTIVES).check("objective", objective)
    whole(1).check(name, n_aux)
    reason = blind_to_shift(objective)
    if n_aux == 1 and reason:
        raise UsageError(
            f"{name} is 1 with objective {objective}; {reason}, so the gradient is exactly zero: "
            "use 2 or more, or objective mse"
        )
