"""Calibration: are the counts of directions calibrated, and from which strength on do they detect a direction?

Question: how often does each count claim a direction in a pure initialization, against the nominal 5 %; and how often
    does it find exactly the directions that were planted?
Setting: the function that every command calls, `measure.counting.count_values` with its default seed, on fresh weights
    of every pair of inputs and units; planted directions of one strength, in units of the detectability threshold
    (n p)^(1/4) sd, orthogonal to the mean over output neurons. The scale of the noise is known from the scheme or
    estimated from the matrix. Members are independent batches of weights.
Expected: 5 % for `marchenko_pastur`; for `parallel` and `gap`, which hold all weights against one set of draws, a level
    that differs from 5 % by the error of the drawn edge; far less for `gavish_donoho`, which has no nominal rate. The
    power is near 5 % well below the threshold (1.0) and then rises to 1 over the width of the edge's fluctuations. The
    power of `gavish_donoho` rises only at strength sqrt(3), where the singular value that a direction has in a square
    matrix exceeds the rule's cut.
Runtime: about a minute on two cores. 10,000 weights of both schemes in each shape of a grid of 32 to 512 take half an
    hour on one core: `--inputs 32 64 256 512 --units 32 64 256 512 --replicates 500 --members 20`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Self

from sottovoce.errors import UsageError
from sottovoce.lab.checks import DEFAULT_SEED, Among, Count, NotNegative, Seed, check_fields, several, whole
from sottovoce.lab.quantities import Quantity

# Whether the scale of the noise is known from the scheme or estimated from the bulk of the spectrum.
SCALES = ("scheme", "bulk")

# The initialization schemes with independent entries, for which `measure.nulls` has a null distribution.
NULLS = ("normal", "uniform")

Side = Annotated[int, whole(4)]
Null = Annotated[str, Among(NULLS)]

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "false_alarm": Quantity("share of fresh weights with a count above zero"),
        "power": Quantity("share of planted weights with a count above zero"),
        "exact": Quantity("share of planted weights with the count planted"),
        "excess": Quantity("share of planted weights with a count above the count planted"),
        "mean_count": Quantity("mean count of directions"),
        "inputs": Quantity("number of inputs"),
        "units": Quantity("number of output neurons"),
        "rank": Quantity("number of directions planted"),
        "strength": Quantity("planted singular value over the detectability threshold"),
    }
)
"""What variables, coordinates and swept fields are, in words and units."""


@dataclass(frozen=True)
class Config:
    """Fields of the calibration.

    Attributes:
        inputs: numbers of inputs of the fresh weights.
        units: numbers of output neurons, each combined with all numbers of inputs.
        nulls: initialization schemes of the fresh weights: normal, uniform.
        ranks: numbers of directions planted.
        strengths: singular values of the planted directions, in units of the detectability threshold.
        replicates: fresh weights per member, scheme and shape.
        planted: weights with planted directions per member, scheme, shape, rank and strength.
        members: batches of weights.
        seed: the one integer behind the random numbers of the weights.
    """

    inputs: Annotated[tuple[Side, ...], several()] = (64, 256)
    units: Annotated[tuple[Side, ...], several()] = (64, 256)
    nulls: Annotated[tuple[Null, ...], several()] = NULLS
    ranks: Annotated[tuple[Count, ...], several()] = (1, 3)
    strengths: Annotated[tuple[NotNegative, ...], several()] = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0)
    replicates: Count = 50
    planted: Count = 10
    members: Count = 8
    seed: Seed = DEFAULT_SEED

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        check_fields(self)
        # The estimated scale starts from the median value, which therefore has to be one of the noise.
        if max(self.ranks) > (most := min(*self.inputs, *self.units) // 2):
            raise UsageError(f"ranks is {self.ranks}; allowed: 1 to half of the smallest side, {most}")
        return self

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of about a second."""
        return cls(inputs=(16, 24), units=(24,), ranks=(1, 2), strengths=(0.5, 2.5), replicates=4, planted=4, members=2)


def source(config: Mapping[str, Any]) -> str:
    """Return where the samples of a configuration come from, in a few words."""
    return f"{' and '.join(config['nulls'])} fresh weights"
