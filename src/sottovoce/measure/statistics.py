"""Confidence intervals over replicates, which are the members of a trained experiment or the draws of a toy.

Every interval is for the arithmetic mean over replicates, the number that tables print, with a nominal coverage of
`level`. For a quantity with a bounded range the caller names a scale: the interval is then computed on that scale by
the delta method and transformed back, so that it stays within the range. The scales are "identity" for differences and
for fractions that may leave [0, 1], "logit" for accuracies, "log" for errors and other positive numbers, and "fisher_z"
for correlations. A value outside the range of its scale raises `UsageError`.

The methods were chosen for their coverage at few members: percentile bootstraps of 2 to 10 members cover 45 to 90 %
where Student's t covers 93 to 97 %. For fewer than four members the ends of an interval are NaN.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real

from sottovoce.errors import UsageError
from sottovoce.measure.max_t import largest_t

LEAST_FOR_INTERVAL = 4
"""The smallest number of replicates for which an interval is given."""
Scale = Literal["identity", "logit", "log", "fisher_z"]
Members = Real[np.ndarray, " member"]
Columns = Real[np.ndarray, "member *rest"]
Crossed = Real[np.ndarray, "member image"]
# Where no axis is left NumPy returns a scalar of its own type.
Values = np.ndarray | np.generic
Rest = Float[Values, "*rest"]
Means = tuple[Rest, Rest, Rest]


class Interval(NamedTuple):
    """An estimate with the lower and upper end of its interval; the ends are NaN where there is no interval."""

    mean: float
    low: float
    high: float


UNDEFINED = Interval(np.nan, np.nan, np.nan)
"""The interval of a quantity that no replicate has."""


class _Transform(NamedTuple):
    """A scale: its range, and the map from that range to the real line with its derivative and inverse."""

    low: float
    high: float
    forward: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]


_TRANSFORMS: dict[Scale, _Transform] = {
    "identity": _Transform(-np.inf, np.inf, lambda m: m, np.ones_like, lambda z: z),
    "logit": _Transform(
        0.0, 1.0, lambda m: np.log(m) - np.log1p(-m), lambda m: 1 / (m * (1 - m)), lambda z: 1 / (1 + np.exp(-z))
    ),
    "log": _Transform(0.0, np.inf, np.log, lambda m: 1 / m, np.exp),
    "fisher_z": _Transform(-1.0, 1.0, np.arctanh, lambda m: 1 / (1 - m**2), np.tanh),
}
# Values computed in float32 may lie outside their range by rounding.
_ROUNDING = 1e-6
# Members whose values differ by less are equal: rounding is no spread from which an interval could be made.
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12


def interval(values: Members, scale: Scale = "identity", level: float = 0.95) -> Interval:
    """Return the mean over members with its Student's t interval.

    The ends are NaN also if all members are equal (zero spread does not mean certainty; see `proportion`), or if the
    mean lies at an end of the scale's range.

    Example:
        >>> [round(end, 3) for end in interval(np.array([0.4, 0.5, 0.5, 0.6]), scale="logit")]
        [0.5, 0.373, 0.627]
    """
    return Interval(*(float(end) for end in intervals(np.asarray(values), scale, level)))


def intervals(values: Columns, scale: Scale = "identity", level: float = 0.95) -> Means:
    """Return the `interval` of every column as three arrays of shape `rest`: means, lower ends and upper ends."""
    values = np.asarray(values, dtype=np.float64)
    mean, step = standard_error(values, scale)
    if len(values) < LEAST_FOR_INTERVAL:
        return mean, step, step
    # SciPy is imported where an interval is computed, so that commands without intervals start faster.
    from scipy.special import stdtrit

    return _ends(mean, np.multiply(step, stdtrit(len(values) - 1, (1 + level) / 2)), scale)


def standard_error(values: Columns, scale: Scale = "identity") -> tuple[Rest, Rest]:
    """Return the mean and its standard error on the scale; the error is NaN where there is no interval."""
    values = np.asarray(values, dtype=np.float64)
    low, high, *_ = _TRANSFORMS[scale]
    if (values < low - _ROUNDING).any() or (values > high + _ROUNDING).any():
        worst = values.flat[np.nanargmax(np.maximum(low - values, values - high))]
        raise UsageError(f"an interval on the {scale} scale has a value of {worst:g}; allowed: {low:g} to {high:g}")
    n = len(values)
    if n == 0:
        empty = np.full(values.shape[1:], np.nan)
        return empty, empty
    mean = np.clip(values.mean(axis=0), low, high)
    if n < LEAST_FOR_INTERVAL:
        return mean, np.full_like(mean, np.nan)
    defined = np.logical_not(_constant(values, scale)) & (mean > low) & (mean < high)
    inside = np.where(defined, mean, 0.5)
    error = error_on(inside, values.std(axis=0, ddof=1) / np.sqrt(n), scale)
    return mean, np.where(defined, error, np.nan)


class CrossedError(NamedTuple):
    """The standard error of a mean over members and images, its degrees of freedom, and the images' part of it."""

    error: float
    freedom: float
    of_images: float


def crossed(values: Crossed, level: float = 0.95) -> Interval:
    """Return the mean over members and images with an interval that allows for both being samples.

    All members are scored on the same test images, so an interval over members alone is for these images only. This one
    is for other members on other images of the same kind. Its ends are NaN as for `interval`.
    """
    mean, (error, freedom, _) = float(np.mean(values)), crossed_error(values)
    if not np.isfinite(error):
        return Interval(mean, np.nan, np.nan)
    from scipy.special import stdtrit

    half_width = float(stdtrit(freedom, (1 + level) / 2)) * error
    return Interval(mean, mean - half_width, mean + half_width)


def crossed_error(values: Crossed) -> CrossedError:
    """Return the standard error of a mean over members and images by the two-way analysis of variance.

    The variance of the mean is (M - R + I) / n, with the mean squares M of members, I of images and R of the residual,
    and n the number of values. Images count only where I exceeds R, so that the error is never below that of members
    alone. The degrees of freedom are those of Hillis (2007).
    """
    values = np.asarray(values, dtype=np.float64)
    members, images = values.shape
    by_member = values.mean(axis=1)
    if members < LEAST_FOR_INTERVAL or images < 2 or equal(by_member):
        return CrossedError(np.nan, np.nan, np.nan)
    by_image = values.mean(axis=0)
    residual = values - by_member[:, None] - by_image + values.mean()
    of_members = images * by_member.var(ddof=1)
    of_images = max(members * by_image.var(ddof=1) - np.square(residual).sum() / ((members - 1) * (images - 1)), 0.0)
    return CrossedError(
        error=float(np.sqrt((of_members + of_images) / values.size)),
        freedom=float((members - 1) * ((of_members + of_images) / of_members) ** 2),
        of_images=float(np.sqrt(of_images / values.size)),
    )


def error_on(mean: Rest | float, error: Rest | float, scale: Scale) -> Rest | float:
    """Return the standard error of a mean on a scale by the delta method."""
    return error * _TRANSFORMS[scale].derivative(np.asarray(mean))


def distance(mean: float, bound: float, scale: Scale) -> float:
    """Return how far a mean lies above a bound on a scale; infinite for a bound at or beyond an end of the scale."""
    transform = _TRANSFORMS[scale]
    if not transform.low < bound < transform.high:
        return np.inf if bound <= transform.low else -np.inf
    return float(transform.forward(np.asarray(mean)) - transform.forward(np.asarray(bound)))


def simultaneous(values: Members, intervals: int = 1, scale: Scale = "identity") -> Interval:
    """Return the mean with one of several simultaneous (Bonferroni) intervals of joint coverage 95 % or more.

    Each `interval` has the error level 5 % / `intervals`, where `intervals` is their number. The joint coverage holds
    whatever the dependence between them.
    """
    return interval(values, scale, 1 - 0.05 / intervals)


def band(values: Real[np.ndarray, "member point"], scale: Scale = "identity", level: float = 0.95) -> Means:
    """Return the mean curve with a simultaneous confidence band for the whole curve (max-t over points).

    The critical value is the quantile of the largest absolute t statistic over points, in simulated experiments of the
    same number of normal members with the correlation of the values between points. That correlation is poorly
    estimated from few members over many points, so it is shrunk toward independence by the rule of Schaefer and
    Strimmer (2005), which widens the band.

    A NaN means that a member has no value at a point. If any value is missing, the band consists of Bonferroni
    intervals over the members that have the point instead. The ends are NaN as for `interval`.
    """
    values = np.asarray(values, dtype=np.float64)
    points = values.shape[1]
    if np.isnan(values).any():
        columns = [column[~np.isnan(column)] for column in values.T]
        ends = [interval(column, scale, 1 - (1 - level) / points) for column in columns]
        mean, low, high = np.reshape(ends, (points, 3)).T
        return mean, low, high
    mean, step = standard_error(values, scale)
    varying = np.isfinite(step)
    if not varying.any():
        return mean, step, step
    # Points where all members agree have no t statistic and take no part in the simulation.
    return _ends(mean, np.multiply(step, largest_t(values[:, varying], level)), scale)


def proportion(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Return a proportion with its exact (Clopper-Pearson) interval; `UNDEFINED` without trials.

    Example:
        >>> [round(end, 3) for end in proportion(8, 8)]
        [1.0, 0.631, 1.0]
    """
    if trials == 0:
        return UNDEFINED
    from scipy.stats import binomtest

    exact = binomtest(successes, trials).proportion_ci(level, method="exact")
    return Interval(successes / trials, float(exact.low), float(exact.high))


def ratio(numerators: Members, denominators: Members, level: float = 0.95) -> Interval:
    """Return the ratio of two means over the same members with its interval by Fieller (1954).

    The interval contains every r for which the mean of ``numerator - r denominator`` does not differ significantly from
    zero, so it is exact for normal members. The mean of the members' own ratios is a different quantity, which a single
    small denominator can dominate.

    The ratio is NaN if the mean denominator is zero or there is no member. The ends are NaN also if the mean
    denominator does not differ significantly from zero (the interval is then unbounded), or if all members have the
    same ratio.
    """
    numerator, denominator = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    n = numerator.size
    if n == 0 or denominator.mean() == 0:
        return UNDEFINED
    mean = float(numerator.mean() / denominator.mean())
    residual = numerator - mean * denominator
    if n < LEAST_FOR_INTERVAL or np.ptp(residual) <= _RELATIVE * np.abs(numerator).max():
        return Interval(mean, np.nan, np.nan)
    from scipy.special import stdtrit

    t_squared = float(stdtrit(n - 1, (1 + level) / 2)) ** 2
    (numerator_variance, covariance), (_, denominator_variance) = np.cov(numerator, denominator) / n
    # The ends are the roots of a r^2 - 2 b r + c, and the interval is unbounded unless a is positive.
    a = denominator.mean() ** 2 - t_squared * denominator_variance
    b = numerator.mean() * denominator.mean() - t_squared * covariance
    c = numerator.mean() ** 2 - t_squared * numerator_variance
    if a <= 0:
        return Interval(mean, np.nan, np.nan)
    # With a positive a the roots are real, because the quadratic is not positive at the ratio itself; only rounding can
    # make the discriminant negative.
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return Interval(mean, float((b - root) / a), float((b + root) / a))


def rank_correlation(values: Columns, others: Columns, level: float = 0.95) -> Interval:
    """Return Spearman's rank correlation of two quantities over members, averaged over columns, with its interval.

    Equal values share their mean rank. The correlation is NaN if a column is constant or there is only one member. The
    interval is that of Bonett and Wright (2000): normal in Fisher's z with variance ``(1 + r^2 / 2) / (n - 3)``. To
    keep z finite, |r| is limited to half a swap of neighbors less than perfect order. (A bootstrap over members would
    declare perfect order certain, although three members agree by chance once in six.) The columns share their members,
    so the interval of their mean is as wide as the interval of a single column.
    """
    found = rank_correlation_z(values, others)
    if found is None:
        return UNDEFINED
    mean, z, error = found
    if not np.isfinite(error):
        return Interval(mean, np.nan, np.nan)
    from scipy.special import ndtri

    half_width = float(ndtri((1 + level) / 2)) * error
    # The mean of z is not z of the mean: the interval is extended where it would not contain the estimate.
    return Interval(mean, min(mean, float(np.tanh(z - half_width))), max(mean, float(np.tanh(z + half_width))))


def rank_correlation_z(values: Columns, others: Columns) -> tuple[float, float, float] | None:
    """Return the correlation of `rank_correlation`, its Fisher z and the standard error of z; None if undefined."""
    from scipy.stats import rankdata

    n = len(values)
    if n < 2:
        return None
    sides = [np.reshape(np.asarray(side, dtype=np.float64), (n, -1)) for side in (values, others)]
    if not all((np.ptp(side, axis=0) > 0).all() for side in sides):
        return None
    a, b = (rankdata(side, axis=0) - (n + 1) / 2 for side in sides)
    correlations = (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    mean = float(correlations.mean())
    if n < LEAST_FOR_INTERVAL:
        return mean, mean, np.nan
    most = 1 - 6 / (n * (n**2 - 1))
    z = float(np.arctanh(np.clip(correlations, -most, most)).mean())
    return mean, z, float(np.sqrt((1 + np.mean(correlations**2) / 2) / (n - 3)))


def equal(values: Members, scale: Scale = "identity") -> bool:
    """Return whether all values are one number up to rounding; their mean then has no interval."""
    values = np.asarray(values, dtype=np.float64)
    return values.size > 0 and bool(_constant(values, scale))


def _ends(mean: Rest, half_width: Rest, scale: Scale) -> Means:
    """Return the mean with the ends of the interval of this half-width on the scale."""
    transform = _TRANSFORMS[scale]
    middle = transform.forward(np.where(np.isfinite(half_width), mean, 0.5))
    return mean, transform.inverse(middle - half_width), transform.inverse(middle + half_width)


def _constant(values: Columns, scale: Scale) -> Bool[Values, "*rest"]:
    """Return for each column whether its values differ by rounding alone.

    Numbers of size one are rounded in their last digits, and small differences between them inherit that error. On the
    identity scale an absolute spread below `_ABSOLUTE` therefore counts as rounding.
    """
    spread = np.ptp(values, axis=0)
    smallest = np.maximum(_RELATIVE * np.abs(values).max(axis=0), _ABSOLUTE if scale == "identity" else 0.0)
    return spread <= smallest
