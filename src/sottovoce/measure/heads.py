"""What a head reads from hidden features: accuracies, probes, drift."""

import numpy as np
from jaxtyping import Float, Int


def accuracy(logits: Float[np.ndarray, "sample logit"], labels: Int[np.ndarray, " sample"]) -> float:
    """Return the share of samples whose largest logit is at their label."""
    return float(np.mean(np.argmax(logits, axis=1) == labels))


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
