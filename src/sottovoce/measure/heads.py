"""What a head reads from hidden features: accuracies, probes, drift."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray as Array


def accuracy(logits: Float[Array, "sample logit"], labels: Int[Array, " sample"]) -> float:
    """Return the share of samples whose largest logit is at their label."""
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def relative_drift(
    weight: Float[Array, "*batch input output"], initial: Float[Array, "*batch input output"]
) -> Float[Array, "*batch"]:
    """Return |W - W0|_F / |W0|_F."""
    return np.linalg.norm(weight - initial, axis=(-2, -1)) / np.linalg.norm(initial, axis=(-2, -1))


def probe_accuracy(
    train_features: Float[Array, "sample hidden"],
    train_labels: Int[Array, " sample"],
    test_features: Float[Array, "test hidden"],
    test_labels: Int[Array, " test"],
) -> float:
    """Return the test accuracy of a linear probe: ridge regression of the labels on standardized features."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1.0))
    return float(probe.fit(train_features, train_labels).score(test_features, test_labels))
