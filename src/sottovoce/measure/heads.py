"""What heads read from hidden features: accuracies, probes, affine maps, drift, and predicted changes of logits."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from sottovoce.measure.spectra import Matrices

# A map from the features of samples to their logits, in NumPy or in any library whose results NumPy can convert.
Head = Callable[[Any], Any]
Hidden = Float[np.ndarray, "sample hidden"]
Logits = Float[np.ndarray, "sample logit"]
Labels = Int[np.ndarray, " sample"]


def accuracy(logits: Logits, labels: Labels) -> float:
    """Return the share of samples whose label has the largest logit among the classes that occur in `labels`."""
    return float(np.mean(_predicted(logits, labels) == labels))


def label_accuracy(logits: Logits, labels: Labels) -> Float[np.ndarray, " logit"]:
    """Return the accuracy on the samples of each label, as `accuracy` counts it; NaN for a label without samples."""
    n = np.bincount(labels, minlength=logits.shape[1])
    correct = np.bincount(labels[_predicted(logits, labels) == labels], minlength=logits.shape[1])
    return np.divide(correct, n, out=np.full(n.shape, np.nan), where=n > 0)


def _predicted(logits: Logits, labels: Labels) -> Labels:
    """Return for each sample the class with the largest logit among the classes that occur in `labels`."""
    # Among all classes, a student that only learned which classes never occur would seem to know the others (decision
    # 9).
    tested = np.isin(np.arange(logits.shape[1]), labels)
    return np.argmax(np.where(tested, logits, -np.inf), axis=1)


def graft_accuracy(bodies: Sequence[Hidden], heads: Sequence[Head], labels: Labels) -> Float[np.ndarray, "body head"]:
    """Return the accuracy of every body, given by hidden features of the same samples, stitched to every head."""
    return np.array([[accuracy(np.asarray(head(hidden)), labels) for head in heads] for hidden in bodies])


def affine_map(
    x: Logits, y: Float[np.ndarray, "sample target"]
) -> tuple[Float[np.ndarray, "logit target"], Float[np.ndarray, " target"]]:
    """Return weight and bias of the least-squares map `y = x @ weight + bias`; the minimum-norm one if not unique."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    # Centered, so that the minimum norm is that of the weight and the bias stays free.
    weight, *_ = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0))
    return weight, y.mean(axis=0) - x.mean(axis=0) @ weight


def r_squared(predicted: Float[np.ndarray, "sample target"], y: Float[np.ndarray, "sample target"]) -> float:
    """Return 1 - |y - predicted|^2 / |y - mean|^2 over all targets: 1 if exact, 0 if no better than the mean of y."""
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean(axis=0)) ** 2))


class Agreement(NamedTuple):
    """The Pearson correlation of a predicted and a true change over all entries, and the ratio of their lengths."""

    correlation: float
    size: float


def agreement(predicted: Logits, true: Logits, start: Logits) -> Agreement:
    """Compare predicted and true logits as changes from the same initial logits, on the same samples.

    The correlation is NaN if one of the changes is constant, the size if the true change is zero.

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


def relative_drift(weight: Matrices, initial: Matrices) -> Float[np.ndarray | np.generic, "*batch"]:
    """Return |W - W0|_F / |W0|_F, the relative distance of a weight from its initial value."""
    return np.linalg.norm(weight - initial, axis=(-2, -1)) / np.linalg.norm(initial, axis=(-2, -1))


def probe_accuracy(
    train_features: Hidden,
    train_labels: Labels,
    test_features: Float[np.ndarray, "test hidden"],
    test_labels: Int[np.ndarray, " test"],
) -> float:
    """Return the test accuracy of a linear probe, a ridge regression of the labels on standardized features."""
    # Imported here because scikit-learn is slow to import and the other measures do without it.
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1.0))
    return float(probe.fit(train_features, train_labels).score(test_features, test_labels))
