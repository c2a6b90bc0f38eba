"""What a head reads from hidden features: accuracies, probes, affine maps, drift."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

# From features of samples to their logits, in NumPy or in whatever takes and gives arrays.
Head = Callable[[Any], Any]


def accuracy(logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]) -> float:
    """Return the share of samples whose label has the largest logit among the classes that occur in `labels`."""
    return float(np.mean(_chosen(logits, labels) == labels))


def label_accuracy(
    logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " logit"]:
    """Return for each label the share of its samples counted right by `accuracy`; NaN for a label without samples."""
    n = np.bincount(labels, minlength=logits.shape[1])
    right = np.bincount(labels[_chosen(logits, labels) == labels], minlength=logits.shape[1])
    return np.divide(right, n, out=np.full(n.shape, np.nan), where=n > 0)


def _chosen(
    logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]
) -> Int[np.ndarray, " sample"]:
    """Return each sample's class of the largest logit, among those that are tested."""
    tested = np.isin(np.arange(logits.shape[1]), labels)
    return np.argmax(np.where(tested, logits, -np.inf), axis=1)


def graft_accuracy(
    bodies: Sequence[Float[np.ndarray, "sample hidden"]], heads: Sequence[Head], labels: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, "body head"]:
    """Return the accuracy of every body under every head.

    Args:
        bodies: the hidden features that each body makes of the same samples.
        heads: what each head makes of hidden features, whoever made them: logits `(sample, logit)`.
        labels: of the samples.

    Returns:
        The share of samples whose largest logit is at their label; where body and head are one network's, its accuracy.
    """
    return np.array([[accuracy(np.asarray(head(hidden)), labels) for head in heads] for hidden in bodies])


def affine_map(
    x: Float[np.ndarray, "sample logit"], y: Float[np.ndarray, "sample target"]
) -> tuple[Float[np.ndarray, "logit target"], Float[np.ndarray, " target"]]:
    """Return weight and bias of the least-squares map `y = x @ weight + bias`; of several, the smallest weight."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    weight, *_ = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0))
    return weight, y.mean(axis=0) - x.mean(axis=0) @ weight


def r_squared(predicted: Float[np.ndarray, "sample target"], y: Float[np.ndarray, "sample target"]) -> float:
    """Return 1 - |y - predicted|^2 / |y - mean|^2 over all targets: 1 if exact, 0 for their means, below 0 if worse."""
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean(axis=0)) ** 2))


def relative_drift(
    weight: Float[np.ndarray, "*batch input output"], initial: Float[np.ndarray, "*batch input output"]
) -> Float[np.ndarray | np.generic, "*batch"]:
    """Return |W - W0|_F / |W0|_F."""
    return np.linalg.norm(weight - initial, axis=(-2, -1)) / np.linalg.norm(initial, axis=(-2, -1))


def probe_accuracy(
    train_features: Float[np.ndarray, "sample hidden"],
    train_labels: Int[np.ndarray, " sample"],
    test_features: Float[np.ndarray, "test hidden"],
    test_labels: Int[np.ndarray, " test"],
) -> float:
    """Return the test accuracy of a linear probe: ridge regression of the labels on standardized features."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1.0))
    return float(probe.fit(train_features, train_labels).score(test_features, test_labels))
