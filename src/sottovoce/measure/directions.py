"""The number of directions of a matrix that stand above noise: four counting rules, each with its null.

All singular values are those of the matrix centered over its output neurons. The distribution of noise is passed in:
theoretical properties as a `NoiseLaw`, and the quantiles of simulated draws (`measure.nulls`) as `NullEdges`.

The k-th singular value is compared with noise that has k - 1 fewer directions on its smaller side. For Gaussian noise
independent of the directions this controls the error rate at every signal strength: with a signal of rank k - 1
projected out on one side, the remainder is pure noise, and by interlacing the largest singular value of the remainder
is at least the k-th value observed. The count is the largest k whose value exceeds its edge.

If the scale is unknown, it is estimated as the root mean square of the values below the first k - 1, per
`(input - k + 1) (output - k)` entries (Kritchman and Nadler 2009). Only values above the bulk at the scale given by the
median are candidates.
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
    """Theoretical properties of the singular values of noise of scale 1, such as `theory.random_matrix.Noise`."""

    def edge(self, removed: int = 0) -> float:
        """Return the upper end of the bulk without `removed` directions."""
        ...

    def level_edge(self, removed: int, level: float, *, estimated: bool) -> float:
        """Return the threshold that the largest value exceeds with probability `level`."""
        ...

    def median(self) -> float:
        """Return the median value."""
        ...

    def hard_threshold(self) -> float:
        """Return the threshold for denoising at a known scale."""
        ...


class NullEdges(NamedTuple):
    """The thresholds that draws of noise exceed with probability `LEVEL`, in units of the scale of the noise.

    Attributes:
        top: threshold of the largest singular value.
        gap: threshold of the largest gap between neighboring singular values.
        larger: larger side of the noise matrix.
    """

    top: float
    gap: float
    larger: int


def centered_values(weight: Num[np.ndarray, "..."]) -> Float[np.ndarray, " component"]:
    """Return the singular values of a weight centered over its output neurons, without the one that becomes 0.

    Args:
        weight: a matrix `(input, output)` with at least 2 output neurons.

    Returns:
        min(input, output - 1) values, largest first, in the weight's units; rounding errors are set to 0.

    Raises:
        UsageError: the array is not a matrix of finite numbers with at least 2 columns.
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
    """Return the `upper_edge` of the largest singular value and of the largest gap over draws of noise.

    Args:
        values: singular values of the draws, largest first.
        larger: larger side of the noise matrix.
        scale: scale of the draws; None measures each draw in units of its own root mean square.
        level: false-alarm rate.

    Returns:
        The edges, in units of the scale.

    Raises:
        UsageError: there are too few draws for the level.
    """
    top = np.array([_in_units(row[0], _scale_below(row, larger, 0, scale)) for row in values])
    gap = np.array([_largest_gap(row, larger, scale)[1] for row in values])
    return NullEdges(upper_edge(top, level), upper_edge(gap, level), larger)


def upper_edge(drawn: Float[np.ndarray, " draw"], level: float = LEVEL) -> float:
    """Return the order statistic of draws that a further draw exceeds with probability `level` or less.

    The probability equals the level if level times (draws + 1) is a whole number.

    Raises:
        UsageError: there are too few draws for the level.
    """
    # The small number keeps the rounding error of a product that should be whole from raising the rank by one.
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
        null: edges from draws of noise, computed with a known scale if `scale` is given and without otherwise.
        scale: standard deviation of the noise's entries; None estimates it from the matrix, and then at most half of
            the values can be directions.

    Returns:
        By rule:
        `marchenko_pastur`: number of values above the edge of the bulk at the Tracy-Widom 95 % level.
        `parallel`: number of values above the 95 % edge of the largest value of the draws; with each direction counted
        this edge shrinks in proportion to the edge of the bulk.
        `gavish_donoho`: number of values above the threshold for denoising (relative to the median if the scale is
        unknown); this rule has no level.
        `gap`: number of values above the largest gap in the upper half of the values, if that gap exceeds 95 % of the
        draws' largest gaps, and 0 otherwise.
    """
    most = values.size if scale is not None else values.size // 2
    rough_scale = scale if scale is not None else float(np.median(values)) / law.median()
    # Only values above the bulk at the rough scale are candidates: once values of the bulk are removed, the rest
    # underestimates the scale.
    if most:
        most = min(most, int((values > rough_scale * law.edge(most - 1)).sum()))
        most = _step_down(values, lambda k: rough_scale * law.edge(k), most)

    def above(edge: Callable[[int], float]) -> int:
        return _step_down(values, lambda k: _scale_below(values, null.larger, k, scale) * edge(k), most)

    position, gap = _largest_gap(values, null.larger, scale)
    return {
        "marchenko_pastur": above(lambda k: law.level_edge(k, LEVEL, estimated=scale is None)),
        "parallel": above(lambda k: null.top * law.edge(k) / law.edge()),
        "gavish_donoho": int((values > rough_scale * law.hard_threshold()).sum()),
        "gap": position if gap > null.gap else 0,
    }


def _step_down(values: np.ndarray, edge: Callable[[int], float], most: int) -> int:
    """Return the largest k up to `most` at which the k-th value exceeds the edge of noise without k - 1 directions."""
    return next((k for k in range(most, 0, -1) if values[k - 1] > edge(k - 1)), 0)


def _scale_below(values: np.ndarray, larger: int, removed: int, scale: float | None) -> float:
    """Return the known scale, or the root mean square of the values without the first `removed` ones."""
    if scale is not None:
        return scale
    entries = (larger - removed) * (values.size - removed)
    return float(np.sqrt((values[removed:] ** 2).sum() / entries))


def _largest_gap(values: np.ndarray, larger: int, scale: float | None) -> tuple[int, float]:
    """Return how many values lie above the largest gap in the upper half, and that gap in units of the scale below it.

    The lower half is left out, because gaps toward the lower end of the bulk are no sign of a direction.
    """
    gaps = -np.diff(values[: values.size // 2 + 1])
    if not gaps.any():
        return 0, 0.0
    position = int(np.argmax(gaps)) + 1
    return position, _in_units(gaps[position - 1], _scale_below(values, larger, position, scale))


def _in_units(value: float, scale: float) -> float:
    """Return value / scale; at a scale of zero (no noise at all) infinity for a positive value and zero for zero."""
    return float(value / scale) if scale > 0 else float("inf") if value > 0 else 0.0
