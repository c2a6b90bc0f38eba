"""Agreement of changes: invariances and prescribed answers."""

import numpy as np
import pytest

from sottovoce.measure import changes


@pytest.fixture
def logits():
    return np.random.default_rng(0).standard_normal((3, 20, 4))


def test_the_true_change_agrees_and_scale_is_the_size(logits):
    start, true, _ = logits
    assert changes.agreement(true, true, start) == pytest.approx((1, 1))
    assert changes.agreement(start + 0.25 * (true - start), true, start) == pytest.approx((1, 0.25))
    assert changes.agreement(start - 2 * (true - start), true, start) == pytest.approx((-1, 2))


def test_it_is_numpys_correlation_of_changes_and_does_not_see_where_they_start(logits):
    start, true, predicted = logits
    found = changes.agreement(predicted, true, start)
    assert found.correlation == pytest.approx(np.corrcoef((predicted - start).ravel(), (true - start).ravel())[0, 1])
    moved = changes.agreement(predicted + 3, true + 3, start + 3)
    assert moved == pytest.approx(found)


def test_no_change_has_no_correlation(logits):
    start, true, _ = logits
    assert np.isnan(changes.agreement(start, true, start).correlation)
    assert changes.agreement(start, true, start).size == 0
    assert np.isnan(changes.agreement(true, start, start)).all()
