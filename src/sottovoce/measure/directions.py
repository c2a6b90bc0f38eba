"""How many directions of a matrix stand above noise: four counts, each with its null.

The values are those of the matrix centered over its output neurons. What noise does is handed in: `NoiseLaw` by whoever
has a theory of it, `NullEdges` from the draws of `measure.nulls`.

The k-th value is held against noise that lost k - 1 directions on its smaller side. For Gaussian noise independent of
the directions this bounds the error at every strength: with all rank k - 1 directions of the signal projected out on
one side what is left is pure noise, and by interlacing its largest value is at least the k-th value observed. The
count is the largest k whose value passes.

Where the scale is unknown, it is the root mean square of what is left below the first k - 1 values, per
`(input - k + 1) (output - k)` entries (Kritchman and Nadler 2009), searched among the values that stand above the bulk
at the scale given by the median.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Num

from sottovoce.errors import UsageError
from sottovoce.measure.nulls import noise_shape
from sottovoce.measure.spectra import centered

RULES = ("marchenko_pastur", "parallel", "gavish_donoho", "gap")
LEVEL = 0.05


@runtime_checkable
class NoiseLaw(Protocol):
    """What theory says of noise of scale 1; `theory.random_matrix.Noise` is one."""

    def edge(self, removed: int = 0) -> float:
        """Return the end of the bulk."""
        ...

    def level_edge(self, removed: int, level: float, *, estimated: bool) -> float:
        """Return the value that the largest one exceeds with probability `level`."""
        ...

    def median(self) -> float:
        """Return the median value."""
        ...

    def hard_threshold(self) -> float:
        """Return the cut at a known scale."""
        ...


class NullEdges(NamedTuple):
    """What draws of noise exceed with probability `LEVEL`, in units of their scale.

    Attributes:
        top: edge of the largest value.
        gap: edge of the largest gap between neighbors.
        larger: larger side of the noise.
    """

    top: float
    gap: float
    larger: int


def centered_values(weight: Num[np.ndarray, "..."]) -> Float[np.ndarray, " component"]:
    """Return the singular values of a weight centered over its output neurons, without the one that centering makes 0.

    Args:
        weight: a matrix `(input, output)` of at least 2 output neurons.

    Returns:
        min(input, output - 1) values, largest first, in the weight's units; rounding errors are set to 0.

    Raises:
        UsageError: the array is not a matrix of finite numbers with 2 columns or more.
    """
    weight = np.asarray(weight, dtype=np.float64)
    if weight.ndim != 2 or weight.shape[0] < 1 or weight.shape[1] < 2 or not np.isfinite(weight).all():
        what = f"of shape {weight.shape}" + (", with NaN or infinity" if not np.isfinite(weight).all() else "")
        raise UsageError(f"weight is {what}; allowed: finite, (input, output) with 2 outputs or more")
    values = np.linalg.svd(centered(weight), compute_uv=False)[: min(noise_shape(*weight.shape))]
    rounding = max(weight.shape) * np.finfo(np.float64).eps * np.linalg.norm(weight, 2)
    return np.where(values > rounding, values, 0.0)


def null_edges(
    values: Float[np.ndarray, "draw component"], larger: int, scale: float | None = None, level: float = LEVEL
) -> NullEdges:
    """Return the edges that draws of noise set for the largest value and for the largest gap, each an `upper_edge`.

    Args:
        values: singular values of the draws, largest first.
        larger: larger side of the noise.
        scale: scale of the draws; None measures each draw in units of its own root mean square.
        level: false-alarm rate.

    Returns:
        The edges, in units of the scale.

    Raises:
        UsageError: too few draws for the level.
    """
    top = np.array([_in_units(row[0], _scale_below(row, larger, 0, scale)) for row in values])
    gap = np.array([_largest_gap(row, larger, scale)[1] for row in values])
    return NullEdges(upper_edge(top, level), upper_edge(gap, level), larger)


def upper_edge(drawn: Float[np.ndarray, " draw"], level: float = LEVEL) -> float:
    """Return the order statistic of draws that a further draw exceeds with probability `level`.

    Exactly so if level times (draws + 1) is a whole number.

    Raises:
        UsageError: too few draws for the level.
    """
    rank = int(np.ceil((1 - level) * (drawn.size + 1) - 1e-9))
    if not 1 <= rank <= drawn.size:
        raise UsageError(f"draws is {drawn.size}; allowed at level {level}: {int(np.ceil(1 / level)) - 1} or more")
    return float(np.sort(drawn)[rank - 1])


def counts(
    values: Float[np.ndarray, " component"], law: NoiseLaw, null: NullEdges, scale: float | None = None
) -> dict[str, int]:
    """Count the directions above noise by each rule.

    Args:
        values: singular values of the centered weight, largest first.
        law: theory of noise of this shape.
        null: edges from draws of noise, made with the scale known or unknown as here.
        scale: standard deviation of the noise's entries; None estimates it from the matrix, and then at most half of
            the values can be directions.

    Returns:
        By rule:
        `marchenko_pastur`: values above the edge of the bulk at its Tracy-Widom 95 % level.
        `parallel`: values above the 95 % edge of the largest value of the draws, which shrinks with each direction
        counted as the bulk's edge does.
        `gavish_donoho`: values above the cut for denoising (by the median if the scale is unknown); no level.
        `gap`: where the largest gap is in the upper half of the values, if it exceeds 95 % of the draws' largest gaps.
    """
    most = values.size if scale is not None else values.size // 2
    rough = scale if scale is not None else float(np.median(values)) / law.median()
    if most:
        most = min(most, int((values > rough * law.edge(most - 1)).sum()))
        most = _step_down(values, lambda k: rough * law.edge(k), most)

    def above(edge: Callable[[int], float]) -> int:
        return _step_down(values, lambda k: _scale_below(values, null.larger, k, scale) * edge(k), most)

    position, gap = _largest_gap(values, null.larger, scale)
    return {
        "marchenko_pastur": above(lambda k: law.level_edge(k, LEVEL, estimated=scale is None)),
        "parallel": above(lambda k: null.top * law.edge(k) / law.edge()),
        "gavish_donoho": int((values > rough * law.hard_threshold()).sum()),
        "gap": position if gap > null.gap else 0,
    }


def _step_down(values: np.ndarray, edge: Callable[[int], float], most: int) -> int:
    """Return the largest k up to `most` whose k-th value exceeds the edge of noise without k - 1 directions."""
    return next((k for k in range(most, 0, -1) if values[k - 1] > edge(k - 1)), 0)


def _scale_below(values: np.ndarray, larger: int, removed: int, scale: float | None) -> float:
    """Return the known scale, or the root mean square of what is left without the first directions."""
    if scale is not None:
        return scale
    entries = (larger - removed) * (values.size - removed)
    return float(np.sqrt((values[removed:] ** 2).sum() / entries))


def _largest_gap(values: np.ndarray, larger: int, scale: float | None) -> tuple[int, float]:
    """Return how many values lie above the largest gap of the upper half, and the gap in units of the scale below."""
    gaps = -np.diff(values[: values.size // 2 + 1])
    if not gaps.any():
        return 0, 0.0
    position = int(np.argmax(gaps)) + 1
    return position, _in_units(gaps[position - 1], _scale_below(values, larger, position, scale))


def _in_units(value: float, scale: float) -> float:
    """Return value / scale, infinite above a scale of zero (noise that is not there) and zero for zero."""
    return float(value / scale) if scale > 0 else float("inf") if value > 0 else 0.0
