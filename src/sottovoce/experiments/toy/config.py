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
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Self

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.objectives import check_distilled
from sottovoce.lab.checks import DEFAULT_SEED, Among, Count, Seed, check_fields, given, whole
from sottovoce.lab.quantities import Quantity

# Teachers and the fields that each generator sets where they are unset; the post's has no other shape.
GENERATORS: Mapping[str, dict[str, Any]] = {
    "post": {"d_in": 2, "hidden": 2, "n_class": 1},
    "gaussian": {"d_in": 10, "hidden": 8, "n_class": 3},
}

# Draws of the first member whose maps are stored and drawn, as many as the post's figures show.
N_EXAMPLES = 3

# Points of the exact density.
LAW_POINTS = 400

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "cosine": Quantity("cosine of teacher's and student's column"),
        "cosine_unrelated": Quantity("cosine of teacher's and unrelated teacher's column"),
        "relative_error": Quantity("relative error of the student's column"),
        "captured": Quantity("captured energy"),
        "line_angle": Quantity("angle between the lines of the column and the last auxiliary column", "degree"),
        "rank": Quantity("rank of the student's map"),
        "teacher": Quantity("teacher's map of inputs to logits", "logit"),
        "student": Quantity("student's map of inputs to logits", "logit"),
        "capture_statistic": Quantity("statistic of the test of the capture law"),
        "capture_pvalue": Quantity("p value of the test of the capture law"),
        "cosine_law": Quantity("density of the absolute cosine by the law"),
        "abs_cosine": Quantity("absolute cosine"),
        "n_aux": Quantity("number of auxiliary logits"),
        "n_class": Quantity("number of class logits"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


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

    generator: Annotated[str, Among(GENERATORS)] = "post"
    d_in: Count | None = None
    hidden: Count | None = None
    n_class: Count | None = None
    n_aux: Count = 1
    objective: str = "mse"
    # The figures show `N_EXAMPLES` draws, so no member may have fewer.
    draws: Annotated[int, whole(N_EXAMPLES)] = 2000
    members: Count = 4
    seed: Seed = DEFAULT_SEED

    def resolve(self) -> "Resolved":
        """Return the configuration with unset fields taken from the generator's preset.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        check_fields(self)
        check_distilled("n_aux", self.n_aux, self.objective)
        preset = GENERATORS[self.generator]
        config = Resolved(**(preset | given(self)))
        if self.generator == "post":
            if self.n_aux > 2:
                raise UsageError(f"n_aux is {self.n_aux}; generator post allows 1 or 2, gaussian any")
            for name, value in preset.items():
                if getattr(config, name) != value:
                    raise UsageError(f"{name} is {getattr(config, name)}; generator post allows {value}, gaussian any")
        return config

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of well under a second."""
        return cls(draws=50, members=2)


class Resolved(Config):
    """A configuration of which every field is set."""

    d_in: int
    hidden: int
    n_class: int


def source(config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return f"{config['generator']} generator"
