"""Toy: what does a linear student, solved in closed form, learn about a logit it never saw?

Question: how well do the columns of the student's map A' = W1' W2 match the teacher's A = W1 W2?
Setting: the post's Figures 1 (n_aux = 1) and 2 (n_aux = 2) with its own generator of teachers, or Gaussian
    teachers of any shape; the student fits the auxiliary logits exactly, with W2 fixed, starting from zero.
Expected: rank(A') is at most the number of directions that the objective sees in the auxiliary columns: n_aux under
    mse, n_aux - 1 under kl.
    At rank one all student columns lie on one line; at rank = hidden the match is exact. In between, the captured
    energy of a Gaussian class column follows Beta(rank/2, (hidden - rank)/2).
Runtime: a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol.distillation import check_distilled

# Teachers and the fields that each generator sets where they are unset; the post's has no other shape.
GENERATORS = {
    "post": {"d_in": 2, "hidden": 2, "n_class": 1},
    "gaussian": {"d_in": 10, "hidden": 8, "n_class": 3},
}

# Draws of the first member whose maps are stored and drawn, as many as the post's figures show.
N_EXAMPLES = 3

# Points of the exact density.
LAW_POINTS = 400


@dataclass(frozen=True)
class Config:
    """Fields of the linear toy.

    Attributes:
        generator: post (2 inputs, 2 hidden units, 1 class logit, 1 or 2 auxiliary logits) or gaussian (any
            shape).
        d_in: input features.
        hidden: hidden units.
        n_class: class logits, never trained on.
        n_aux: auxiliary logits, distilled.
        objective: mse or kl.
        draws: teacher and student pairs per member.
        members: batches of draws, each with its own random numbers.
        seed: the one integer behind every random number.
    """

    generator: str = "post"
    d_in: int | None = None
    hidden: int | None = None
    n_class: int | None = None
    n_aux: int = 1
    objective: str = "mse"
    draws: int = 2000
    members: int = 4
    seed: int = 0

    def resolve(self) -> Self:
        """Return the configuration with unset fields taken from the generator's preset.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        preset = self._preset()
        unset = {name: value for name, value in preset.items() if getattr(self, name) is None}
        config = replace(self, **unset)
        config._check()
        return config

    def _preset(self) -> dict[str, int]:
        if self.generator not in GENERATORS:
            raise not_among("generator", self.generator, GENERATORS)
        return GENERATORS[self.generator]

    def _check(self) -> None:
        check_distilled("n_aux", self.n_aux, self.objective)
        # The figures show `N_EXAMPLES` draws, so no member may have fewer.
        least = {"d_in": 1, "hidden": 1, "n_class": 1, "draws": N_EXAMPLES, "members": 1, "seed": 0}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise UsageError(f"{name} is {getattr(self, name)}; allowed: {lowest} or more")
        if self.generator == "post":
            if self.n_aux > 2:
                raise UsageError(f"n_aux is {self.n_aux}; generator post allows 1 or 2, gaussian any")
            for name, value in self._preset().items():
                if getattr(self, name) != value:
                    raise UsageError(f"{name} is {getattr(self, name)}; generator post allows {value}, gaussian any")

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of well under a second."""
        return cls(draws=50, members=2)


def source(config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return f"{config['generator']} generator"
