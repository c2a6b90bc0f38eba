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


def test_a_class_that_is_not_tested_is_never_chosen():
    # Class 1 has the largest logit everywhere and no label.
    logits = np.array([[1.0, 9.0, 0.0], [0.0, 9.0, 1.0], [1.0, 9.0, 0.0]])
    labels = np.array([0, 2, 2])
    assert heads.accuracy(logits, labels) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(heads.label_accuracy(logits, labels), [1.0, np.nan, 0.5])


def test_grafts_are_the_plain_accuracies_on_the_diagonal_and_every_pair_elsewhere():
    rng = np.random.default_rng(6)
    bodies = [rng.standard_normal((300, 5)) for _ in range(2)]
    weights = [rng.standard_normal((5, 3)) for _ in range(3)]
    found = heads.graft_accuracy(bodies, [lambda h, W=W: h @ W for W in weights], LABELS)
    assert found.shape == (2, 3)
    for i, hidden in enumerate(bodies):
        for j, W in enumerate(weights):
            assert found[i, j] == heads.accuracy(hidden @ W, LABELS)
    # The same units in another order, on both sides, are the same graft.
    order = rng.permutation(5)
    turned = heads.graft_accuracy([h[:, order] for h in bodies], [lambda h, W=W: h @ W[order] for W in weights], LABELS)
    np.testing.assert_array_equal(turned, found)


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


def test_accuracy_by_label_averages_to_the_accuracy():
    rng = np.random.default_rng(2)
    logits, labels = rng.standard_normal((300, 4)), LABELS
    by_label = heads.label_accuracy(logits, labels)
    share = np.bincount(labels, minlength=4) / len(labels)
    assert np.isnan(by_label[3]), "no sample has label 3"
    assert (by_label[:3] * share[:3]).sum() == pytest.approx(heads.accuracy(logits, labels))
    np.testing.assert_allclose(heads.label_accuracy(np.eye(3)[[0, 1, 1, 0]], np.array([0, 1, 2, 2])), [1, 1, 0])


def test_an_affine_map_is_found_again_and_explains_everything():
    rng = np.random.default_rng(3)
    x, weight, bias = rng.standard_normal((40, 3)) + 5, rng.standard_normal((3, 6)), rng.standard_normal(6)
    found = heads.affine_map(x, x @ weight + bias)
    np.testing.assert_allclose(found[0], weight, atol=1e-10)
    np.testing.assert_allclose(found[1], bias, atol=1e-10)
    assert heads.r_squared(x @ found[0] + found[1], x @ weight + bias) == pytest.approx(1)


def test_the_fit_is_that_of_the_normal_equations_and_explains_what_they_explain():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 2))
    weight, bias = heads.affine_map(x, y)
    design = np.column_stack([x, np.ones(40)])
    expected = np.linalg.solve(design.T @ design, design.T @ y)
    np.testing.assert_allclose(np.vstack([weight, bias]), expected, atol=1e-10)
    residual = y - x @ weight - bias
    explained = 1 - residual.var(axis=0).sum() / y.var(axis=0).sum()
    assert heads.r_squared(x @ weight + bias, y) == pytest.approx(explained)
    # Three logits and no relation explain 3 / 39 on average; five standard errors of that (Beta law of R^2) is 0.3.
    assert explained < 0.4


def test_means_explain_nothing_and_worse_is_negative():
    y = np.random.default_rng(5).standard_normal((30, 2))
    assert heads.r_squared(np.broadcast_to(y.mean(axis=0), y.shape), y) == pytest.approx(0)
    assert heads.r_squared(-y, y) < -1


@pytest.fixture
def logits():
    return np.random.default_rng(0).standard_normal((3, 20, 4))


def test_the_true_change_agrees_and_scale_is_the_size(logits):
    start, true, _ = logits
    assert heads.agreement(true, true, start) == pytest.approx((1, 1))
    assert heads.agreement(start + 0.25 * (true - start), true, start) == pytest.approx((1, 0.25))
    assert heads.agreement(start - 2 * (true - start), true, start) == pytest.approx((-1, 2))


def test_it_is_numpys_correlation_of_changes_and_does_not_see_where_they_start(logits):
    start, true, predicted = logits
    found = heads.agreement(predicted, true, start)
    assert found.correlation == pytest.approx(np.corrcoef((predicted - start).ravel(), (true - start).ravel())[0, 1])
    moved = heads.agreement(predicted + 3, true + 3, start + 3)
    assert moved == pytest.approx(found)


def test_no_change_has_no_correlation(logits):
    start, true, _ = logits
    assert np.isnan(heads.agreement(start, true, start).correlation)
    assert heads.agreement(start, true, start).size == 0
    assert np.isnan(heads.agreement(true, start, start)).all()
