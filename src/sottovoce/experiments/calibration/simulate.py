"""Members of the experiment `calibration`."""

import itertools
from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.calibration.config import NULLS, SCALES, Config
from sottovoce.measure import counting, nulls
from sottovoce.measure.directions import RULES
from sottovoce.measure.spectra import centered
from sottovoce.theory.random_matrix import detectability_threshold


def simulate(config: Config, members: Sequence[int]) -> xr.Dataset:
    """Count directions in fresh weights and in weights with planted directions.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member, null, inputs, units, scale and rule: `false_alarm`, the share of a member's fresh weights with a
        count above 0. By rank and strength too: `power`, the share with a count above 0; `exact`, the share whose count
        is the rank; `excess`, the share whose count is above the rank; and `mean_count`.
    """
    cells = list(itertools.product(config.nulls, config.inputs, config.units))
    parts = [[_cell(config, member, *cell) for cell in cells] for member in members]
    grid = (len(members), len(config.nulls), len(config.inputs), len(config.units))
    dims = ("member", "null", "inputs", "units", "scale", "rule")
    planted = (*dims[:4], "rank", "strength", *dims[4:])

    def variable(name: str) -> np.ndarray:
        values = np.array([[cell[name] for cell in part] for part in parts])
        return values.reshape(*grid, *values.shape[2:])

    return xr.Dataset(
        {
            "false_alarm": (dims, variable("false_alarm")),
            **{name: (planted, variable(name)) for name in ("power", "exact", "excess", "mean_count")},
        },
        coords={
            "member": list(members),
            "null": list(config.nulls),
            "inputs": list(config.inputs),
            "units": list(config.units),
            "rank": list(config.ranks),
            "strength": list(config.strengths),
            "scale": list(SCALES),
            "rule": list(RULES),
        },
    )


def _cell(config: Config, member: int, null: str, n_in: int, n_out: int) -> dict[str, np.ndarray]:
    """Return the variables of one member, scheme and shape."""
    # With a stream of its own, a cell does not depend on the other cells of the grid.
    key = (member, NULLS.index(null), n_in, n_out)
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))
    fresh = nulls.draw_values(rng, null, n_in, n_out, config.replicates)
    # By rank, strength and weight, followed by scale and rule.
    counts = np.array([
        [[_counts(_planted(rng, null, n_in, n_out, r, s), null, n_in, n_out) for _ in range(config.planted)]
         for s in config.strengths]
        for r in config.ranks
    ])  # fmt: skip
    rank = np.array(config.ranks)[:, None, None, None, None]
    return {
        "false_alarm": np.mean([_counts(values, null, n_in, n_out) > 0 for values in fresh], axis=0),
        "power": (counts > 0).mean(axis=2),
        "exact": (counts == rank).mean(axis=2),
        "excess": (counts > rank).mean(axis=2),
        "mean_count": counts.mean(axis=2),
    }


def _counts(values: np.ndarray, null: str, n_in: int, n_out: int) -> np.ndarray:
    """Return the counts that users get, by scale and rule, given values in units of the scheme's scale."""
    values = nulls.scheme_scale(null, n_in) * values
    counted = [counting.count_values(values, n_in, n_out, null, scale=scale) for scale in SCALES]
    return np.array([[counts[rule] for rule in RULES] for counts in counted])


def _planted(rng: np.random.Generator, null: str, n_in: int, n_out: int, rank: int, strength: float) -> np.ndarray:
    """Return the singular values of a fresh weight plus random orthogonal directions, centered, all of one strength."""
    left, _ = np.linalg.qr(rng.standard_normal((n_in, rank)))
    # Centered, because the counts remove the mean over output neurons and would weaken any direction along it.
    right, _ = np.linalg.qr(centered(rng.standard_normal((rank, n_out))).T)
    # Fresh weights are drawn in units of the standard deviation of their entries, and so is the threshold here.
    size = strength * detectability_threshold(*nulls.noise_shape(n_in, n_out))
    return nulls.gram_values(nulls.draw_weight(rng, null, n_in, n_out) + size * left @ right.T)
