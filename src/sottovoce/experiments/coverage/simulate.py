"""Experiments drawn from known laws, and whether their intervals contain the true mean."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from sottovoce.experiments.coverage.config import Config
from sottovoce.measure import statistics
from sottovoce.measure.statistics import Scale

Drawn = Float[np.ndarray, "member experiment"]


class Law(NamedTuple):
    """The law of one member's value.

    Attributes:
        draw: values of so many members by experiments.
        mean: their true mean.
        scale: on which the interval is computed.
    """

    draw: Callable[[np.random.Generator, tuple[int, int]], Drawn]
    mean: float
    scale: Scale = "identity"


def _beta(a: float, b: float) -> Law:
    return Law(lambda rng, shape: rng.beta(a, b, size=shape), a / (a + b), "logit")


_SHARE = 0.9
_RATIO = 0.5
# Accuracies have skewness 0.56, -0.87 and -0.52; the count has a variance as large as its mean.
_LAWS: dict[str, Law] = {
    "normal": Law(lambda rng, shape: rng.normal(3.0, 1.0, shape), 3.0),
    "accuracy near chance": _beta(6, 54),
    "accuracy": _beta(15, 3),
    "accuracy near one": _beta(200, 12),
    "count": Law(lambda rng, shape: rng.poisson(4.0, shape).astype(float), 4.0),
    "exponential": Law(lambda rng, shape: rng.exponential(1.0, shape), 1.0),
}


def simulate(config: Config, members: Sequence[int]) -> xr.Dataset:
    """Draw experiments and count how many intervals contain the true mean.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        `coverage` by member, law and size: the share of a member's experiments whose 95 % interval contains the mean.
    """
    shares = np.array([[_coverages(config, member, law) for law in config.laws] for member in members])
    return xr.Dataset(
        {"coverage": (("member", "law", "size"), shares)},
        coords={"member": list(members), "law": list(config.laws), "size": list(config.sizes)},
    )


def _coverages(config: Config, member: int, law: str) -> list[float]:
    """Return the coverage at every size; a law has the same numbers whichever other laws are asked for."""
    # The bytes of the name, because `hash` of a string differs from one process to the next.
    key = (member, *law.encode())
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))
    return [float(np.mean(_contains(rng, law, (size, config.experiments)))) for size in config.sizes]


def _contains(rng: np.random.Generator, law: str, shape: tuple[int, int]) -> np.ndarray:
    """Return for each experiment whether its interval contains the true value."""
    if law == "share":
        # An interval of a share depends on the count alone, so each is computed once and looked up by the counts drawn.
        ends = np.array([statistics.proportion(count, shape[0]) for count in range(shape[0] + 1)])
        return ((ends[:, 1] <= _SHARE) & (ends[:, 2] >= _SHARE))[rng.binomial(shape[0], _SHARE, shape[1])]
    if law == "ratio":
        # Numerators depend on denominators, as two losses of one member do; the ratio of their means is `_RATIO`.
        below = rng.normal(1.0, 0.2, shape)
        above = _RATIO * below + rng.normal(0.0, 0.1, shape)
        ends = np.array([statistics.ratio(*pair) for pair in zip(above.T, below.T, strict=True)])
        return (ends[:, 1] <= _RATIO) & (ends[:, 2] >= _RATIO)
    draw, mean, scale = _LAWS[law]
    _, low, high = statistics.intervals(draw(rng, shape), scale)
    return np.less_equal(low, mean) & np.less_equal(mean, high)
