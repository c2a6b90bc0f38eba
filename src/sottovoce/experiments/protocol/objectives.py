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

Objective = Annotated[str, Among(OBJECTIVES)]


def check_distilled(name: str, n_aux: int, objective: str) -> None:
    """Refuse a number of auxiliary logits that an objective cannot teach.

    Raises:
        UsageError: n_aux is below one, the objective is unknown, or it sees only differences of logits and has one.
    """
    Among(OBJECTIVES).check("objective", objective)
    whole(1).check(name, n_aux)
    if n_aux == 1 and objective in BLIND_TO_SHIFT:
        raise UsageError(
            f"{name} is 1 with objective {objective}; {BLIND_TO_SHIFT[objective]}, so the gradient is exactly zero: "
            "use 2 or more, or objective mse"
        )
