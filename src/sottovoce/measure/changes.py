"""How well a predicted change of logits matches the true one."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Agreement(NamedTuple):
    """The agreement of a predicted change with the true one.

    Attributes:
        correlation: Pearson correlation over samples and logits together.
        size: ratio of the Euclidean lengths of the predicted and the true change.
    """

    correlation: float
    size: float


def agreement(
    predicted: Float[np.ndarray, "sample logit"],
    true: Float[np.ndarray, "sample logit"],
    start: Float[np.ndarray, "sample logit"],
) -> Agreement:
    """Compare predicted and true logits as changes from the same initial logits.

    Args:
        predicted: predicted logits.
        true: the true logits on the same samples.
        start: the logits before either change.

    Returns:
        Correlation and relative size. The correlation is NaN if one of the changes is constant, the size if the true
        change is zero.

    Example:
        >>> start, true = np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]])
        >>> half = agreement(predicted=true / 2, true=true, start=start)
        >>> round(half.correlation, 12), half.size  # the right pattern, half as large
        (1.0, 0.5)
    """
    before = np.asarray(start, dtype=np.float64)
    predicted_change, true_change = np.ravel(predicted - before), np.ravel(true - before)
    length = np.linalg.norm(true_change)
    size = np.linalg.norm(predicted_change) / length if length > 0 else np.nan
    # Not np.corrcoef, which warns about a constant change.
    a, b = predicted_change - predicted_change.mean(), true_change - true_change.mean()
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return Agreement(float(a @ b / lengths) if lengths > 0 else np.nan, float(size))
