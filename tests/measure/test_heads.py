"""Heads and probes on constructed features whose answer is known."""

import numpy as np
import pytest

from sottovoce.measure import heads

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 300)


def features(labels, separation, seed=1):
    rng = np.random.default_rng(seed)
    centers = np.eye(3, 5) * separation + 7
    return centers[labels] + rng.standard_normal((len(labels), 5))


def test_accuracy_is_the_share_of_right_argmaxes():
    logits = np.eye(3)[[0, 1, 2, 2]]
    assert heads.accuracy(logits, np.array([0, 1, 2, 0])) == 0.75


def test_a_probe_reads_separable_features_and_not_noise():
    train, test = slice(0, 200), slice(200, None)
    for separation, expected, tolerance in (
        (30, 1.0, 0.0),
        # Chance of three classes on 100 images: five standard errors of a share.
        (0, 1 / 3, 5 * np.sqrt(2 / 9 / 100)),
    ):
        x = features(LABELS, separation)
        score = heads.probe_accuracy(x[train], LABELS[train], x[test], LABELS[test])
        assert score == pytest.approx(expected, abs=tolerance)


def test_a_probe_does_not_mind_scale_or_shift_and_is_scored_on_the_test_labels():
    x = features(LABELS, 3)
    parts = (x[:200], LABELS[:200], x[200:], LABELS[200:])
    score = heads.probe_accuracy(*parts)
    scale = np.array([1e-3, 1, 1e3, 5, 1])
    assert heads.probe_accuracy(x[:200] * scale + 9, LABELS[:200], x[200:] * scale + 9, LABELS[200:]) == score
    perfect = features(LABELS, 30)
    assert heads.probe_accuracy(perfect[:200], LABELS[:200], perfect[200:], (LABELS[200:] + 1) % 3) == 0


def test_drift_is_relative_to_where_it_began():
    initial = np.array([[3.0, 0.0], [0.0, 4.0]])
    moved = initial + np.array([[0.0, 0.3], [0.4, 0.0]])
    assert heads.relative_drift(moved, initial) == pytest.approx(0.1)
    batch = heads.relative_drift(np.stack([initial, moved]), np.stack([initial, initial]))
    np.testing.assert_allclose(batch, [0, 0.1])
    assert heads.relative_drift(2 * initial, initial) == pytest.approx(1)
