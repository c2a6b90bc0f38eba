"""Members of the experiment `capture`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.capture.config import OBJECTIVES, QUANTILES, Config
from sottovoce.theory import capture, generators


def simulate(config: Config, members: Sequence[int]) -> xr.Dataset:
    """Draw heads and measure the captured energy of their class columns.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member, objective and n_aux: `captured_mean`, `captured_quantile` (by quantile), `statistic` and
        `pvalue` of the exact test. By objective and n_aux: `rank`, `law_mean` and `law_quantile` (by quantile).
    """
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
        # Every n_aux uses the last columns of the same heads, so that the subspaces of rising n_aux are nested. Trunks
        # are drawn with a single input, because the captured energy depends on the heads alone.
        _, W2 = generators.gaussian_toy(rng, config.draws, 1, config.hidden, config.n_class, config.hidden)
        for j, k in np.ndindex(*shape):
            # Class columns alone, because the law is about columns that are independent of the span (equation 4.1).
            energy = capture.captured_energy(W2, k + 1, OBJECTIVES[j])[:, : config.n_class]
            mean[i, j, k], quantile[i, j, k] = energy.mean(), np.quantile(energy, QUANTILES)
            statistic[i, j, k], pvalue[i, j, k] = capture.capture_test(energy, config.hidden, int(rank[j, k]))
    law = [[capture.capture_quantile(np.array(QUANTILES), config.hidden, int(r)) for r in row] for row in rank]
    by_n_aux, by_member = ("objective", "n_aux"), ("member", "objective", "n_aux")
    return xr.Dataset(
        {
            "captured_mean": (by_member, mean),
            "captured_quantile": ((*by_member, "quantile"), quantile),
            "statistic": (by_member, statistic),
            "pvalue": (by_member, pvalue),
            "rank": (by_n_aux, rank),
            "law_mean": (by_n_aux, rank / config.hidden),
            "law_quantile": ((*by_n_aux, "quantile"), np.array(law)),
        },
        coords={
            "member": list(members),
            "objective": list(OBJECTIVES),
            "n_aux": np.arange(1, config.hidden + 1),
            "quantile": list(QUANTILES),
        },
    )
