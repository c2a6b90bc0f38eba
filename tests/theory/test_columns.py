"""Cosines and angles of columns: known answers, and the precision that nearly equal lines need."""

import numpy as np
import pytest

from sottovoce.theory import columns


def test_cosine_of_known_columns():
    left = np.array([[1.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    right = np.array([[3.0, 0.0, -1.0, 1.0], [0.0, 5.0, 1.0, 1.0]])
    np.testing.assert_allclose(columns.column_cosine(left, right), [1, 0, -np.sqrt(0.5), np.nan], atol=1e-15)


@pytest.mark.parametrize("size", [1e-100, 1e100])
def test_neither_measure_depends_on_the_size_of_columns(size):
    left, right = np.random.default_rng(0).standard_normal((2, 4, 3))
    expected = columns.column_cosine(left, right)
    np.testing.assert_allclose(columns.column_cosine(size * left, right), expected, rtol=1e-12)
    np.testing.assert_allclose(columns.column_cosine(left, size * right), expected, rtol=1e-12)
    np.testing.assert_allclose(
        columns.line_angle(size * left, size * right[:, :1]), columns.line_angle(left, right[:, :1]), rtol=1e-12
    )


@pytest.mark.parametrize("degrees", [1e-12, 1e-3, 45.0, 90.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_line_angle_keeps_its_precision_at_small_angles(degrees, sign):
    turned = sign * np.array([[np.cos(np.radians(degrees))], [np.sin(np.radians(degrees))]])
    angle = columns.line_angle(turned, np.array([[2.0], [0.0]]))
    np.testing.assert_allclose(angle, [degrees], rtol=1e-12)
