"""How well a predicted change of logits matches the true one."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Agreement(NamedTuple):
    """A predicted change beside the true one.

    Attributes:
        correlation: Pearson's, over samples and logits together.
        size: Euclidean length of the predicted change over that of the true one.
    """

    correlation: float
    size: float


def agreement(
    predicted: Float[np.ndarray, "sample logit"],
    true: Float[np.ndarray, "sample logit"],
    start: Float[np.ndarray, "sample logit"],
) -> Agreement:
    """Compare predicted and true logits as changes from where both started.

    Args:
        predicted: predicted logits.
        true: the true ones on the same samples.
        start: those before either change.

    Returns:
        Correlation and relative size; the correlation of a change that is constant is NaN, as is the size where
        nothing truly changed.

    Example:
        >>> start, true = np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]])
        >>> found = agreement(predicted=true / 2, true=true, start=start)
        >>> round(found.correlation, 12), found.size  # the right pattern, half as large
        (1.0, 0.5)
    """
    before = np.asarray(start, dtype=np.float64)
    found, wanted = np.ravel(predicted - before), np.ravel(true - before)
    length = np.linalg.norm(wanted)
    size = np.linalg.norm(found) / length if length > 0 else np.nan
    a, b = found - found.mean(), wanted - wanted.mean()
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return Agreement(float(a @ b / lengths) if lengths > 0 else np.nan, float(size))
