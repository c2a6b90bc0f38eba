"""Calibration: are the counts of directions calibrated, and from which strength on do they detect a direction?

Question: how often does each count claim a direction in a pure initialization, against the nominal 5 %; and how often
    does it find exactly the directions that were planted?
Setting: false alarms on fresh square weights of both schemes; planted directions of one strength, in units of the
    detectability threshold (n p)^(1/4) sd, orthogonal to the mean over output neurons. The scale of the noise is known
    from the scheme or estimated from the matrix. Each member has its own draws of noise for `parallel` and `gap`.
Expected: 5 % for `marchenko_pastur`, `parallel` and `gap`; far less for `gavish_donoho`, which has no nominal rate. The
    power is near 5 % well below the threshold (1.0) and then rises to 1 over the width of the edge's fluctuations. The
    power of `gavish_donoho` rises only at strength sqrt(3), where the singular value that a direction has in a square
    matrix exceeds the rule's cut.
Runtime: about a minute on two cores, most of it for the 512-wide weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sottovoce.errors import UsageError, not_among

# Whether the scale of the noise is known from the scheme or estimated from the bulk of the spectrum.
SCALES = ("scheme", "bulk")

# The initialization schemes with independent entries, for which `measure.nulls` has a null distribution.
NULLS = ("normal", "uniform")

# A fresh value exceeds the largest of n draws with probability 1 / (n + 1), so that fewer than 19 give no level of 5 %.
DRAWS_LEAST = 19


@dataclass(frozen=True)
class Config:
    """Fields of the calibration.

    Attributes:
        widths: numbers of inputs and of outputs of the fresh weights, which are square.
        nulls: initialization schemes of the fresh weights: normal, uniform.
        ranks: numbers of directions planted.
        strengths: singular values of the planted directions, in units of the detectability threshold.
        planted_width: width of the weights with planted directions.
        planted_null: initialization scheme of the weights with planted directions.
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
        # The estimated scale starts from the median value, which therefore has to be one of the noise.
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


def source(config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return f"{' and '.join(config['nulls'])} fresh weights"
