"""Coverage: how often do the intervals that this laboratory prints contain the true value?

Question: with few members, how often does an interval called 95 % contain the true mean?
Setting: experiments of n members drawn from a law whose mean is known; the deployed functions of `measure.statistics`,
    on the scale that the quantity has in tables. Each member of this experiment is a batch of such experiments.
Expected: 93 to 97 % for normal members and for accuracies whose skewness is at most 1, from six members on; 95 % or
    more for shares, whose interval is exact; less for members as skewed as an exponential law.
Runtime: seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Self

from sottovoce.lab.checks import DEFAULT_SEED, Among, Count, Seed, check_fields, several, whole
from sottovoce.lab.quantities import Quantity

LAWS = (
    "normal",
    "accuracy near chance",
    "accuracy",
    "accuracy near one",
    "count",
    "ratio",
    "share",
    "exponential",
)
"""Laws of one member: what each is and on which scale its interval is computed stands in `simulate.py`."""
SERVED = ("normal", "accuracy near chance", "accuracy", "accuracy near one")
"""Laws for which 93 to 97 % is promised from six members on."""
LEAST = 4

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "coverage": Quantity("share of intervals that contain the true value"),
        "size": Quantity("members of an experiment"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config:
    """Fields of the experiment.

    Attributes:
        laws: laws of the members' values: normal, accuracy near chance, accuracy, accuracy near one, count, ratio,
            share, exponential.
        sizes: members of an experiment; 4 or more, since there is no interval below.
        experiments: experiments drawn per member of this one, law and size.
        members: batches of experiments.
        seed: the one integer behind every random number.
    """

    laws: Annotated[tuple[Annotated[str, Among(LAWS)], ...], several("law")] = LAWS
    sizes: Annotated[
        tuple[Annotated[int, whole(LEAST, why=", since there is no interval below")], ...], several("size")
    ] = (4, 6, 8, 12, 25)
    experiments: Count = 1_250
    members: Count = 8
    seed: Seed = DEFAULT_SEED

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        check_fields(self)
        return self

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of well under a second."""
        return cls(laws=("normal", "share"), sizes=(4, 8), experiments=1000, members=2)


def source(config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return f"{len(config['laws'])} laws"
