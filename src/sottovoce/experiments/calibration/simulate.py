"""Members of the experiment `calibration`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.calibration.config import SCALES, Config
from sottovoce.measure import directions, nulls
from sottovoce.measure.directions import RULES
from sottovoce.measure.spectra import centered
from sottovoce.theory.random_matrix import Noise, detectability_threshold


def simulate(config: Config, members: Sequence[int]) -> xr.Dataset:
    """Count directions in fresh weights and in weights with planted directions.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member, null, scale, width and rule: `false_alarm`, the share of a member's replicates with a count above 0.
        By member, scale, rank, strength and rule: `power`, the share with a count above 0; `exact`, the share whose
        count is the rank; `excess`, the share whose count is above the rank; and `mean_count`.
    """
    parts = [_member(config, member) for member in members]
    planted = ("member", "scale", "rank", "strength", "rule")
    dims = {"false_alarm": ("member", "null", "scale", "width", "rule")} | dict.fromkeys(
        ("power", "exact", "excess", "mean_count"), planted
    )
    return xr.Dataset(
        {name: (axes, np.stack([part[name] for part in parts])) for name, axes in dims.items()},
        coords={
            "member": list(members),
            "null": list(config.nulls),
            "scale": list(SCALES),
            "width": list(config.widths),
            "rank": list(config.ranks),
            "strength": list(config.strengths),
            "rule": list(RULES),
        },
    )


def _member(config: Config, member: int) -> dict[str, np.ndarray]:
    """Return one member's variables, without the member axis."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member,)))
    false_alarm = np.empty((len(config.nulls), len(SCALES), len(config.widths), len(RULES)))
    for i, j in np.ndindex(len(config.nulls), len(config.widths)):
        null, width = config.nulls[i], config.widths[j]
        counter = _Counter(rng, null, width, config.draws)
        counts = np.array([counter(_fresh(rng, null, width)) for _ in range(config.replicates)])
        false_alarm[i, :, j] = (counts > 0).mean(axis=0)
    counter = _Counter(rng, config.planted_null, config.planted_width, config.draws)
    counts = np.array([
        [[counter(_planted(rng, config, r, s)) for _ in range(config.replicates)] for s in config.strengths]
        for r in config.ranks
    ])  # fmt: skip
    # From (rank, strength, replicate, scale, rule) to (replicate, scale, rank, strength, rule).
    counts = np.moveaxis(counts, (2, 3), (0, 1))
    # Compared along the axis of ranks, the third from the end; strength and rule follow it.
    rank = np.array(config.ranks)[:, None, None]
    return {
        "false_alarm": false_alarm,
        "power": (counts > 0).mean(axis=0),
        "exact": (counts == rank).mean(axis=0),
        "excess": (counts > rank).mean(axis=0),
        "mean_count": counts.mean(axis=0),
    }


class _Counter:
    """Counts by scale and rule, all against one set of draws of noise."""

    def __init__(self, rng: np.random.Generator, null: str, width: int, draws: int) -> None:
        rows, columns = nulls.noise_shape(width, width)
        # The replicates of a setting share one set, because a set for every weight would multiply the work by `draws`.
        # Their counts are then correlated within a member, and independent between members.
        drawn = nulls.draw_values(rng, null, width, width, draws)
        self._law = Noise(rows, columns, nulls.centered_kurtosis(null, width))
        # In the order of `SCALES`: weights are in units of the scheme's scale, and None estimates their scale.
        self._edges = [(scale, directions.null_edges(drawn, rows, scale)) for scale in (1.0, None)]

    def __call__(self, weight: np.ndarray) -> list[list[int]]:
        """Return the counts of a weight in units of its scheme's scale, by scale and rule."""
        values = nulls.gram_values(weight)
        by_scale = [directions.counts(values, self._law, edges, scale) for scale, edges in self._edges]
        return [[counts[rule] for rule in RULES] for counts in by_scale]


def _fresh(rng: np.random.Generator, null: str, width: int) -> np.ndarray:
    return nulls.draw_weight(rng, null, width, width)


def _planted(rng: np.random.Generator, config: Config, rank: int, strength: float) -> np.ndarray:
    """Return a fresh weight plus random orthogonal directions, all of one strength and centered."""
    width = config.planted_width
    left, _ = np.linalg.qr(rng.standard_normal((width, rank)))
    # Centered, because the counts remove the mean over output neurons and would weaken any direction along it.
    right, _ = np.linalg.qr(centered(rng.standard_normal((rank, width))).T)
    # Fresh weights are drawn in units of the standard deviation of their entries, and so is the threshold here.
    size = strength * detectability_threshold(*nulls.noise_shape(width, width))
    return _fresh(rng, config.planted_null, width) + size * left @ right.T
