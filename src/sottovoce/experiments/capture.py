"""Capture: how much of a class column do n_aux auxiliary columns span?

Question: does the captured energy ``|P c|^2 / |c|^2`` follow Beta(r/2, (hidden - r)/2) for every n_aux and
    objective?
Setting: Gaussian heads; a draw's auxiliary columns are added one at a time, from 1 to hidden, and both
    objectives look at the same draws.
Expected: yes, with r = n_aux for mse and n_aux - 1 for kl: a mean of r / hidden, p-values uniform on [0, 1]
    in each n_aux. P-values of neighboring n_aux share their draws and go up and down together.
Runtime: a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sottovoce.errors import UsageError

if TYPE_CHECKING:
    import xarray as xr

VERSION = 1
OBJECTIVES = ("mse", "kl")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


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

    hidden: int = 16
    n_class: int = 1
    draws: int = 1000
    members: int = 4
    seed: int = 0

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        for name, least in (("hidden", 1), ("n_class", 1), ("draws", 1), ("members", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; allowed: {least} or more")
        return self

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of well under a second."""
        return cls(hidden=4, draws=50, members=2)


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Draw heads and measure the captured energy of their class columns.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member, objective and n_aux: `captured_mean`, `captured_quantile` (by quantile), `statistic` and
        `pvalue` of the exact test; by objective and n_aux: `rank`, `law_mean`, `law_quantile`.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.theory import capture, generators

    shape = (len(OBJECTIVES), config.hidden)
    rank = np.array(
        [
            [capture.distilled_rank(config.hidden, n_aux, objective) for n_aux in range(1, config.hidden + 1)]
            for objective in OBJECTIVES
        ]
    )
    mean, statistic, pvalue = np.empty((3, len(members), *shape))
    quantile = np.empty((len(members), *shape, len(QUANTILES)))
    for i, member in enumerate(members):
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member,)))
        _, W2 = generators.gaussian_toy(rng, config.draws, 1, config.hidden, config.n_class, config.hidden)
        for j, k in np.ndindex(*shape):
            energy = capture.captured_energy(W2, k + 1, OBJECTIVES[j])[:, : config.n_class]
            mean[i, j, k], quantile[i, j, k] = energy.mean(), np.quantile(energy, QUANTILES)
            statistic[i, j, k], pvalue[i, j, k] = capture.capture_test(energy, config.hidden, int(rank[j, k]))
    law = [[capture.capture_quantile(np.array(QUANTILES), config.hidden, int(r)) for r in row] for row in rank]
    by_k, by_member = ("objective", "n_aux"), ("member", "objective", "n_aux")
    return xr.Dataset(
        {
            "captured_mean": (by_member, mean),
            "captured_quantile": ((*by_member, "quantile"), quantile),
            "statistic": (by_member, statistic),
            "pvalue": (by_member, pvalue),
            "rank": (by_k, rank),
            "law_mean": (by_k, rank / config.hidden),
            "law_quantile": ((*by_k, "quantile"), np.array(law)),
        },
        coords={
            "member": list(members),
            "objective": list(OBJECTIVES),
            "n_aux": np.arange(1, config.hidden + 1),
            "quantile": list(QUANTILES),
        },
    )
