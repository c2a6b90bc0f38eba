"""Measures of the information that heads read from hidden features: accuracies, probes, affine maps, drift."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

# A map from the features of samples to their logits, in NumPy or in any library whose results NumPy can convert.
Head = Callable[[Any], Any]


def accuracy(logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]) -> float:
    """Return the share of samples whose label has the largest logit among the classes that occur in `labels`."""
    return float(np.mean(_predicted(logits, labels) == labels))


def label_accuracy(
    logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " logit"]:
    """Return the accuracy on the samples of each label, as `accuracy` counts it; NaN for a label without samples."""
    n = np.bincount(labels, minlength=logits.shape[1])
    correct = np.bincount(labels[_predicted(logits, labels) == labels], minlength=logits.shape[1])
    return np.divide(correct, n, out=np.full(n.shape, np.nan), where=n > 0)


def _predicted(
    logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]
) -> Int[np.ndarray, " sample"]:
    """Return for each sample the class with the largest logit among the classes that occur in `labels`."""
    tested = np.isin(np.arange(logits.shape[1]), labels)
    return np.argmax(np.where(tested, logits, -np.inf), axis=1)


def graft_accuracy(
    bodies: Sequence[Float[np.ndarray, "sample hidden"]], heads: Sequence[Head], labels: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, "body head"]:
    """Return the accuracy of every body stitched to every head (model stitching).

    Args:
        bodies: hidden features of the same samples, one array per body.
        heads: maps from hidden features, of whichever body, to logits `(sample, logit)`.
        labels: labels of the samples.

    Returns:
        The accuracy of each combination; if body and head belong to one network, that network's accuracy.
    """
    return np.array([[accuracy(np.asarray(head(hidden)), labels) for head in heads] for hidden in bodies])


def affine_map(
    x: Float[np.ndarray, "sample logit"], y: Float[np.ndarray, "sample target"]
) -> tuple[Float[np.ndarray, "logit target"], Float[np.ndarray, " target"]]:
    """Return weight and bias of the least-squares map `y = x @ weight + bias`; the minimum-norm one if not unique."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    weight, *_ = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0))
    return weight, y.mean(axis=0) - x.mean(axis=0) @ weight


def r_squared(predicted: Float[np.ndarray, "sample target"], y: Float[np.ndarray, "sample target"]) -> float:
    """Return 1 - |y - predicted|^2 / |y - mean|^2 over all targets: 1 if exact, 0 if no better than the mean of y."""
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean(axis=0)) ** 2))


def relative_drift(
    weight: Float[np.ndarray, "*batch input output"], initial: Float[np.ndarray, "*batch input output"]
) -> Float[np.ndarray | np.generic, "*batch"]:
    """Return |W - W0|_F / |W0|_F, the relative distance of a weight from its initial value."""
    return np.linalg.norm(weight - initial, axis=(-2, -1)) / np.linalg.norm(initial, axis=(-2, -1))


def probe_accuracy(
    train_features: Float[np.ndarray, "sample hidden"],
    train_labels: Int[np.ndarray, " sample"],
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
