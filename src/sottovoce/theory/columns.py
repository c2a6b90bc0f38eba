"""Comparisons of the columns of two maps: the signed cosine that the post uses, and the angle between lines."""

import numpy as np
from jaxtyping import Float


def column_cosine(
    left: Float[np.ndarray, "... rows columns"], right: Float[np.ndarray, "... rows columns"]
) -> Float[np.ndarray, "... columns"]:
    """Return the signed cosine of corresponding columns of two maps, the post's measure; NaN where a column is zero.

    Example:
        >>> column_cosine(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[3.0, -2.0], [4.0, 0.0]]))
        array([ 0.6, -1. ])
    """
    inner = np.einsum("...rc,...rc->...c", left, right)
    lengths = np.linalg.norm(left, axis=-2) * np.linalg.norm(right, axis=-2)
    return np.clip(np.divide(inner, lengths, out=np.full_like(inner, np.nan), where=lengths > 0), -1.0, 1.0)


def line_angle(
    columns: Float[np.ndarray, "... rows columns"], axis: Float[np.ndarray, "... rows 1"]
) -> Float[np.ndarray, "... columns"]:
    """Return the angle in degrees, 0 to 90, between the line through each column and the line through another vector.

    The angle is computed from sine and cosine together, so that it is accurate for nearly parallel lines too. It is 0
    for a column of zeros.

    Example:
        >>> line_angle(np.array([[1.0, -1.0], [1.0, 0.0]]), np.array([[1.0], [0.0]]))  # a line has no direction
        array([45.,  0.])
    """
    length = np.linalg.norm(axis, axis=-2, keepdims=True)
    unit = np.divide(axis, length, out=np.zeros_like(axis), where=length > 0)
    along = np.einsum("...rx,...rc->...c", unit, columns)
    across = np.linalg.norm(columns - unit * along[..., None, :], axis=-2)
    return np.degrees(np.arctan2(across, np.abs(along)))
