"""The number of directions of a matrix that stand above noise: four counting rules (docs/theory.md, section 8).

All singular values are those of the matrix centered over its output neurons, largest first. The distribution of noise
is passed in: its theory as `random_matrix.Noise`, and the quantiles of simulated draws (`measure.nulls`) as
`NullEdges`. `scale` is the standard deviation of the noise's entries, `larger` the larger side of the noise matrix.

The k-th singular value is compared with noise that has k - 1 fewer directions on its smaller side, which controls the
error rate at every signal strength; the count is the largest k whose value exceeds its edge. If the scale is unknown
(None), it is estimated as the root mean square of the values below the first k - 1, per `(input - k + 1) (output - k)`
entries (Kritchman and Nadler 2009). Only values that stand out at the scale given by the median are candidates, at most
half of all.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from sottovoce.errors import UsageError
from sottovoce.measure.nulls import noise_shape, variance_profile
from sottovoce.measure.spectra import centered
from sottovoce.measure.statistics import Interval
from sottovoce.theory.random_matrix import Noise

RULES = ("marchenko_pastur", "parallel", "gavish_donoho", "gap")
LEVEL = 0.05
CANDIDATES = 0.5
"""The share of noise matrices whose largest value is a candidate if the scale is unknown."""
Components = Float[np.ndarray, " component"]


class NullEdges(NamedTuple):
    """The 95 % thresholds (`LEVEL`) of the largest value and of the largest gap of neighbors, in units of the scale.

    `larger` is the larger side of the noise matrix.
    """

    top: float
    gap: float
    larger: int


def checked(weight: Num[np.ndarray, "..."]) -> Float[np.ndarray, "input output"]:
    """Return a weight in float64.

    Raises:
        UsageError: the array is not a matrix `(input, output)` of finite numbers with at least 2 output neurons.
    """
    weight = np.asarray(weight, dtype=np.float64)
    if weight.ndim != 2 or weight.shape[0] < 1 or weight.shape[1] < 2 or not np.isfinite(weight).all():
        what = f"of shape {weight.shape}" + (", with NaN or infinity" if not np.isfinite(weight).all() else "")
        raise UsageError(f"weight is {what}; allowed: finite, (input, output) with 2 outputs or more")
    return weight


def centered_values(weight: Num[np.ndarray, "..."]) -> Components:
    """Return the singular values of a weight centered over its output neurons, without the one that becomes 0.

    The min(input, output - 1) values are in the weight's units; rounding errors are set to 0.

    Raises:
        UsageError: the array is not a matrix `(input, output)` of finite numbers with at least 2 output neurons.
    """
    weight = checked(weight)
    values = np.linalg.svd(centered(weight), compute_uv=False)[: min(noise_shape(*weight.shape))]
    # Centering rounds in proportion to the weight before it, so the norm is that of the weight and not of the
    # difference.
    rounding = max(weight.shape) * np.finfo(np.float64).eps * np.linalg.norm(weight, 2)
    return np.where(values > rounding, values, 0.0)


def null_edges(
    values: Float[np.ndarray, "draw component"], larger: int, scale: float | None = None, level: float = LEVEL
) -> NullEdges:
    """Return the `upper_edge` of the largest singular value and of the largest gap over draws of noise, at a level.

    A known scale is the one of the draws; None measures each draw in units of its own root mean square.

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
    return float(np.sort(drawn)[_edge_rank(drawn.size, level) - 1])


def drawn_level(draws: int, level: float = LEVEL) -> Interval:
    """Return the probability that noise exceeds one drawn `upper_edge`, as its mean over edges with a 95 % interval.

    An edge is drawn once and then used for every matrix. The probability that a further draw exceeds it is then no
    longer `level`, but a number that depends on the edge and follows the law ``Beta(draws + 1 - rank, rank)``, whatever
    the law of the draws.

    Raises:
        UsageError: there are too few draws for the level.

    Example:
        >>> [round(100 * share, 1) for share in drawn_level(99)], [round(100 * share, 1) for share in drawn_level(1999)]
        ([5.0, 1.6, 10.0], [5.0, 4.1, 6.0])
    """
    from scipy.special import betaincinv

    rank = _edge_rank(draws, level)
    exceeding = draws + 1 - rank
    low, high = (float(betaincinv(exceeding, rank, share)) for share in (0.025, 0.975))
    return Interval(exceeding / (draws + 1), low, high)


def profile_spread(weight: Num[np.ndarray, "..."]) -> tuple[float, float]:
    """Return by how much the sizes of neurons and of inputs differ, beyond what noise of equal variances gives.

    The sizes are those of `nulls.variance_profile` of the centered weight. A spread is the standard deviation of the
    logarithms of the sizes, from whose square the sampling variance of a size in noise has been subtracted. It is 0 for
    a fresh weight up to sampling error. Directions contribute to the sizes as well.

    Args:
        weight: `(input, output)`, in any units.

    Returns:
        The spread over neurons (columns) and over inputs (rows).

    Raises:
        UsageError: the weight is not a finite matrix of 2 output neurons or more.
    """
    matrix = centered(checked(weight))
    inputs, neurons = variance_profile(matrix)
    sizes = np.outer(inputs, neurons)
    squares = np.divide(matrix, sizes, out=np.zeros_like(matrix), where=sizes > 0) ** 2
    # A mean of n squares of variance v has the relative variance v / n, and the logarithm of its root a quarter of it.
    variance = squares[sizes > 0].var() if (sizes > 0).any() else 0.0
    return _spread(neurons, variance / 4 / matrix.shape[0]), _spread(inputs, variance / 4 / matrix.shape[1])


def counts(values: Components, law: Noise, null: NullEdges, scale: float | None = None) -> dict[str, int]:
    """Return the number of directions above noise by each rule.

    The edges of `null` are those of a known scale if `scale` is given, and of an unknown one otherwise.

    `marchenko_pastur` counts values above the edge of the bulk at the Tracy-Widom 95 % level. `parallel` counts values
    above the 95 % edge of the largest value of the draws, which with each direction counted shrinks in proportion to
    the edge of the bulk. `gavish_donoho` counts values above the threshold for denoising (relative to the median if the
    scale is unknown) and has no level. `gap` counts values above the largest gap in the upper half of the values if
    that gap exceeds 95 % of the draws' largest gaps, and is 0 otherwise.
    """
    most = values.size if scale is not None else values.size // 2
    rough_scale = scale if scale is not None else float(np.median(values)) / law.median()

    # Only values that stand out at the rough scale are candidates: once values of the bulk are removed, the rest
    # underestimates the scale. The rough scale of a small matrix has an error of its own. With candidates above the
    # median of noise's largest value, far below the 95 % edge, that error hardly costs a count.
    def least(k: int) -> float:
        return rough_scale * (law.edge(k) if scale is not None else law.level_edge(k, CANDIDATES, estimated=False))

    if most:
        most = min(most, int((values > least(most - 1)).sum()))
        most = _step_down(values, least, most)

    def above(edge: Callable[[int], float]) -> int:
        return _step_down(values, lambda k: _scale_below(values, null.larger, k, scale) * edge(k), most)

    position, gap = _largest_gap(values, null.larger, scale)
    return {
        "marchenko_pastur": above(lambda k: law.level_edge(k, LEVEL, estimated=scale is None)),
        "parallel": above(lambda k: null.top * law.edge(k) / law.edge()),
        "gavish_donoho": int((values > rough_scale * law.hard_threshold()).sum()),
        "gap": position if gap > null.gap else 0,
    }


def _edge_rank(draws: int, level: float) -> int:
    """Return the rank, from the smallest draw on, of the draw that is the upper edge."""
    # The small number keeps the rounding error of a product that should be whole from raising the rank by one.
    rank = int(np.ceil((1 - level) * (draws + 1) - 1e-9))
    if not 1 <= rank <= draws:
        raise UsageError(f"draws is {draws}; allowed at level {level}: {int(np.ceil(1 / level)) - 1} or more")
    return rank


def _spread(sizes: np.ndarray, noise: float) -> float:
    """Return the standard deviation of the logarithms of the sizes beyond a variance that is due to noise."""
    # Inputs and neurons without any weight have no size.
    logs = np.log(sizes[sizes > 0])
    return float(np.sqrt(max(logs.var(ddof=1) - noise, 0.0))) if logs.size > 1 else 0.0


def _step_down(values: np.ndarray, edge: Callable[[int], float], most: int) -> int:
    """Return the largest k up to `most` at which the k-th value exceeds the edge of noise without k - 1 directions."""
    return next((k for k in range(most, 0, -1) if values[k - 1] > edge(k - 1)), 0)


def _scale_below(values: np.ndarray, larger: int, removed: int, scale: float | None) -> float:
    """Return the known scale, or the root mean square of the values without the first `removed` ones."""
    if scale is not None:
        return scale
    # Every direction that is removed takes a row and a column with it (docs/theory.md, section 8).
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
