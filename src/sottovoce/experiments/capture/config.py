"""Capture: how much of a class column do n_aux auxiliary columns span?

Question: does the captured energy ``|P c|^2 / |c|^2`` follow Beta(r/2, (hidden - r)/2) for every n_aux and
    objective?
Setting: Gaussian heads; a draw's auxiliary columns are added one at a time, from 1 to hidden, and both objectives
    are measured on the same draws.
Expected: yes, with r = n_aux for mse and r = n_aux - 1 for kl: the mean is r / hidden, and the p-values are uniform on
    [0, 1] for each n_aux. P-values of neighboring n_aux come from the same draws and are correlated.
Runtime: a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sottovoce.lab.checks import DEFAULT_SEED, Count, Seed, check_fields
from sottovoce.lab.quantities import Quantity

OBJECTIVES = ("mse", "kl")

# Quantiles of the captured energy over draws, stored beside the law's.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "captured_mean": Quantity("mean captured energy"),
        "captured_quantile": Quantity("quantile of the captured energy"),
        "statistic": Quantity("statistic of the test of the capture law"),
        "pvalue": Quantity("p value of the test of the capture law"),
        "rank": Quantity("number of distilled directions"),
        "law_mean": Quantity("mean captured energy by the law"),
        "law_quantile": Quantity("quantile of the captured energy by the law"),
        "n_aux": Quantity("number of auxiliary logits"),
        "n_class": Quantity("number of class logits"),
        "quantile": Quantity("probability of the quantile"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config:
    """Fields of the capture law.

    Attributes:
        hidden: hidden units; n_aux runs from 1 to this.
        n_class: class columns per draw.
        draws: heads per member.
        members: batches of draws, each with its own random numbers.
        seed: the one integer behind every random number.
    """

    hidden: Count = 16
    n_class: Count = 1
    draws: Count = 1000
    members: Count = 4
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
        return cls(hidden=4, draws=50, members=2)


def source(_config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return "gaussian generator"
