"""Calibration: do the counts of directions keep their promises, and from which strength on do they see?

Question: how often does each count claim a direction in a pure initialization, against the nominal 5 %; and how often
    does it find exactly the directions that were planted?
Setting: false alarms on fresh square weights of both schemes; planted directions of one strength, in units of the
    detectability threshold (n p)^(1/4) sd, orthogonal to the mean over output neurons. The noise's scale is known from
    the scheme or estimated from the matrix. Each member has its own draws of noise for `parallel` and `gap`.
Expected: 5 % for `marchenko_pastur`, `parallel` and `gap`; far less for `gavish_donoho`, which promises no rate. Power
    near 5 % well below the threshold (1.0), then rising to 1 within the width that the edge's fluctuations give;
    `gavish_donoho` only from strength sqrt(3), where a square matrix's visible value passes its cut.
Runtime: about a minute on two cores, most of it for the 512-wide weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sottovoce.errors import UsageError, not_among

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

VERSION = 1
SCALES = ("scheme", "bulk")
# The initialization schemes of independent entries, for which `measure.nulls` knows a law.
NULLS = ("normal", "uniform")
DRAWS_LEAST = 19


@dataclass(frozen=True)
class Config:
    """Fields of the calibration.

    Attributes:
        widths: inputs and outputs of the fresh weights.
        nulls: initialization schemes: normal, uniform.
        ranks: numbers of directions planted.
        strengths: their singular values, in units of the detectability threshold.
        planted_width: width of the weights with planted directions.
        planted_null: their initialization scheme.
        replicates: weights per member and setting.
        draws: draws of noise per member and setting; 19, 39, 59, ... make the 5 % of `parallel` and `gap` exact.
        members: batches of replicates, each with its own draws of noise.
        seed: the one integer behind every random number.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    nulls: tuple[str, ...] = NULLS
    ranks: tuple[int, ...] = (1, 4)
    strengths: tuple[float, ...] = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0)
    planted_width: int = 128
    planted_null: str = "normal"
    replicates: int = 50
    draws: int = 99
    members: int = 8
    seed: int = 0

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        for name, least in (("replicates", 1), ("draws", DRAWS_LEAST), ("members", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; allowed: {least} or more")
        for name in ("widths", "nulls", "ranks", "strengths"):
            if not getattr(self, name) or len(set(getattr(self, name))) < len(getattr(self, name)):
                raise UsageError(f"{name} is {getattr(self, name)}; allowed: one value or more, none twice")
        for null in (*self.nulls, self.planted_null):
            if null not in NULLS:
                raise not_among("nulls and planted_null", null, NULLS)
        if min(*self.widths, self.planted_width) < 4:
            raise UsageError(f"widths {self.widths}, planted_width {self.planted_width}; allowed: 4 or more")
        if min(self.ranks) < 1 or max(self.ranks) > self.planted_width // 2:
            raise UsageError(f"ranks is {self.ranks}; allowed: 1 to half of planted_width, {self.planted_width // 2}")
        if min(self.strengths) < 0:
            raise UsageError(f"strengths is {self.strengths}; allowed: 0 or more")
        return self

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of about a second."""
        return cls(
            widths=(16, 24), ranks=(1, 2), strengths=(0.5, 2.5), planted_width=24, replicates=4, draws=19, members=2
        )


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Count directions in fresh weights and in weights with planted directions.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        Shares of a member's replicates. By member, null, scale, width and rule: `false_alarm`, a count above 0. By
        member, scale, rank, strength and rule: `power`, a count above 0; `exact`, the count equal to the rank;
        `excess`, the count above it; and `mean_count`.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.measure.directions import RULES

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


def _member(config: Config, member: int) -> "dict[str, np.ndarray]":
    """Return one member's variables, without the member axis."""
    import numpy as np

    from sottovoce.measure.directions import RULES

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
    counts = np.moveaxis(counts, (2, 3), (0, 1))
    rank = np.array(config.ranks)[:, None, None]
    return {
        "false_alarm": false_alarm,
        "power": (counts > 0).mean(axis=0),
        "exact": (counts == rank).mean(axis=0),
        "excess": (counts > rank).mean(axis=0),
        "mean_count": counts.mean(axis=0),
    }


class _Counter:
    """Counts by scale and rule, against one set of draws of noise."""

    def __init__(self, rng: "np.random.Generator", null: str, width: int, draws: int) -> None:
        from sottovoce.measure import directions, nulls
        from sottovoce.theory.random_matrix import Noise

        rows, columns = nulls.noise_shape(width, width)
        drawn = nulls.draw_values(rng, null, width, width, draws)
        self._law = Noise(rows, columns, nulls.centered_kurtosis(null, width))
        self._edges = [(scale, directions.null_edges(drawn, rows, scale)) for scale in (1.0, None)]

    def __call__(self, weight: "np.ndarray") -> list[list[int]]:
        """Return the counts of a weight in units of its scheme's scale: for each of `SCALES`, by rule."""
        from sottovoce.measure import directions, nulls

        values = nulls.gram_values(weight)
        both = [directions.counts(values, self._law, edges, scale) for scale, edges in self._edges]
        return [[counts[rule] for rule in directions.RULES] for counts in both]


def _fresh(rng: "np.random.Generator", null: str, width: int) -> "np.ndarray":
    from sottovoce.measure import nulls

    return nulls.draw_weight(rng, null, width, width)


def _planted(rng: "np.random.Generator", config: Config, rank: int, strength: float) -> "np.ndarray":
    """Return a fresh weight plus random orthogonal directions, all of one strength and centered."""
    import numpy as np

    from sottovoce.measure.nulls import noise_shape
    from sottovoce.measure.spectra import centered
    from sottovoce.theory.random_matrix import detectability_threshold

    width = config.planted_width
    left, _ = np.linalg.qr(rng.standard_normal((width, rank)))
    right, _ = np.linalg.qr(centered(rng.standard_normal((rank, width))).T)
    size = strength * detectability_threshold(*noise_shape(width, width))
    return _fresh(rng, config.planted_null, width) + size * left @ right.T
