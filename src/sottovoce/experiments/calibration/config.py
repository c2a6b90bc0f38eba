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
from typing import Annotated, Any, Self

from sottovoce.errors import UsageError
from sottovoce.lab.checks import DEFAULT_SEED, Among, Count, NotNegative, Seed, check_fields, several, whole

# Whether the scale of the noise is known from the scheme or estimated from the bulk of the spectrum.
SCALES = ("scheme", "bulk")

# The initialization schemes with independent entries, for which `measure.nulls` has a null distribution.
NULLS = ("normal", "uniform")

# A fresh value exceeds the largest of n draws with probability 1 / (n + 1), so that fewer than 19 give no level of 5 %.
DRAWS_LEAST = 19


Side = Annotated[int, whole(4)]
Null = Annotated[str, Among(NULLS)]


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

    widths: Annotated[tuple[Side, ...], several()] = (64, 128, 256, 512)
    nulls: Annotated[tuple[Null, ...], several()] = NULLS
    ranks: Annotated[tuple[Count, ...], several()] = (1, 4)
    strengths: Annotated[tuple[NotNegative, ...], several()] = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0)
    planted_width: Side = 128
    planted_null: Null = "normal"
    replicates: Count = 50
    draws: Annotated[int, whole(DRAWS_LEAST)] = 99
    members: Count = 8
    seed: Seed = DEFAULT_SEED

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        check_fields(self)
        # The estimated scale starts from the median value, which therefore has to be one of the noise.
        if max(self.ranks) > (most := self.planted_width // 2):
            raise UsageError(f"ranks is {self.ranks}; allowed: 1 to half of planted_width, {most}")
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
