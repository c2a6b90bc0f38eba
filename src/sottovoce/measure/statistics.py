"""Intervals over members. Members are the replicates; samples of one member are not."""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real

RESAMPLES = 10_000
# Where no axis is left NumPy gives a scalar of its own.
Values = np.ndarray | np.generic


class Interval(NamedTuple):
    """An estimate with its 95 % interval.

    Attributes:
        mean: the estimate.
        low: lower end.
        high: upper end.
    """

    mean: float
    low: float
    high: float


def normal_half_width(values: Real[np.ndarray, "member *rest"]) -> Float[Values, "*rest"]:
    """Return 1.96 sd / sqrt(n) over members, the half-width that Cloud et al. publish; NaN for one member.

    Example:
        >>> float(normal_half_width(np.array([0.0, 1.0])).round(12))  # sd 1 / sqrt(2), n = 2
        0.98
    """
    n = values.shape[0]
    if n < 2:
        return np.full(values.shape[1:], np.nan)
    return 1.96 * values.std(axis=0, ddof=1) / np.sqrt(n)


def bootstrap_mean(
    values: Real[np.ndarray, "member *rest"],
) -> tuple[Float[Values, "*rest"], Float[Values, "*rest"], Float[Values, "*rest"]]:
    """Return mean, low and high of the 95 % percentile bootstrap of the mean over members.

    Members are resampled whole, the same for every column, so intervals of differences of columns are paired.

    Returns:
        Three arrays of shape `rest`; low and high are NaN for one member, and of no member there is no mean either.
    """
    values = np.asarray(values, dtype=np.float64)
    n = values.shape[0]
    mean = values.mean(axis=0) if n else np.full(values.shape[1:], np.nan)
    if n < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    means = np.tensordot(_resampled_shares(n), values, axes=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return mean, low, high


@functools.lru_cache(maxsize=8)
def _resampled_shares(n: int) -> Float[np.ndarray, "resample member"]:
    """Return the share of each member in each resampling; counting takes longer than the means that it is for."""
    rows = np.random.default_rng(0).integers(0, n, size=(RESAMPLES, n))
    return np.apply_along_axis(np.bincount, 1, rows, minlength=n) / n


def interval(values: Real[np.ndarray, " member"]) -> Interval:
    """Return the mean over members with its paired-bootstrap 95 % interval."""
    return Interval(*(float(v) for v in bootstrap_mean(values)))


def simultaneous(values: Real[np.ndarray, " member"], intervals: int = 1) -> Interval:
    """Return the mean over members with an interval that holds together with others in 95 % of experiments or more.

    Student's t at a level of 5 % over the number of intervals (Bonferroni): for normal members exact for one interval,
    and whatever several share, all of them hold together at least that often. No resampling: the bootstrap of a few
    members has too thin tails for the levels that several intervals need.

    Args:
        values: one number per member.
        intervals: how many are stated together.

    Returns:
        The mean; NaN of no member. The ends are NaN below two members.
    """
    from scipy.stats import t

    n = values.size
    mean = float(values.mean()) if n else np.nan
    if n < 2:
        return Interval(mean, np.nan, np.nan)
    half_width = float(t.isf(0.025 / intervals, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half_width, mean + half_width)


def proportion(successes: int, trials: int) -> Interval:
    """Return a share with its exact (Clopper-Pearson) 95 % interval."""
    from scipy.stats import binomtest

    exact = binomtest(successes, trials).proportion_ci(method="exact")
    return Interval(successes / trials, float(exact.low), float(exact.high))


def rank_correlation(values: Real[np.ndarray, "member *rest"], others: Real[np.ndarray, "member *rest"]) -> Interval:
    """Return Spearman's rank correlation over members, averaged over columns, with its 95 % interval.

    The interval is that of Bonett & Wright (2000): normal in Fisher's z with variance ``(1 + r^2 / 2) / (n - 3)``. For
    it, r is kept half a swap of neighbors short of perfect order, which resampling members would take for certain
    though three members agree by chance once in six. Columns share their members: their mean is given the width of
    one.

    Args:
        values: one number, or several columns of them, per member.
        others: the same for what they are compared with; equal values share their mean rank.

    Returns:
        The correlation; NaN where some side is constant or there is one member. The ends are NaN below four members.
    """
    from scipy.stats import rankdata

    n = len(values)
    sides = [np.reshape(np.asarray(side, dtype=np.float64), (n, -1)) for side in (values, others)]
    if n < 2 or not all((np.ptp(side, axis=0) > 0).all() for side in sides):
        return Interval(np.nan, np.nan, np.nan)
    a, b = (rankdata(side, axis=0) - (n + 1) / 2 for side in sides)
    found = (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    mean = float(found.mean())
    if n < 4:
        return Interval(mean, np.nan, np.nan)
    most = 1 - 6 / (n * (n**2 - 1))
    half_width = 1.96 * np.sqrt((1 + np.mean(found**2) / 2) / (n - 3))
    z = float(np.arctanh(np.clip(found, -most, most)).mean())
    return Interval(mean, min(mean, float(np.tanh(z - half_width))), max(mean, float(np.tanh(z + half_width))))
