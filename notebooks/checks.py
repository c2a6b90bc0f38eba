"""The checking functions of the exercises in post.py: each says what is right, or what an answer gets wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sottovoce.measure import spectra
from sottovoce.theory import capture, linear

RIGHT = "Right."
OPEN = "Not answered yet."
# Products of a few float64 matrices of order one.
ROUNDING = 1e-9


def projector(answer: Callable[[np.ndarray], Any]) -> str:
    """Check a function that maps auxiliary columns Z (hidden, k) to the projector on their span."""
    rng = np.random.default_rng(0)
    for hidden, k in ((2, 1), (5, 3), (4, 4)):
        Z = rng.standard_normal((hidden, k))
        P = answer(Z)
        if P is None:
            return OPEN
        P = np.asarray(P)
        if P.shape != (hidden, hidden):
            return f"Not yet: for Z of shape {Z.shape} it has shape {P.shape}; a projector here is {hidden} x {hidden}."
        if not np.allclose(P @ Z, Z, atol=ROUNDING):
            return "Not yet: P Z differs from Z, so the student would not fit the auxiliary logits."
        if not np.allclose(P, P.T, atol=ROUNDING):
            return "Not yet: P fits the auxiliary logits but is not symmetric, so it is no orthogonal projector."
        if not np.isclose(np.trace(P), k, atol=ROUNDING):
            return f"Not yet: P keeps {np.trace(P):.1f} directions, and {k} were taught."
    return RIGHT


def captured(answer: Callable[[int, int, str], Any]) -> str:
    """Check a function of (hidden, k, objective) that gives the mean captured energy of a Gaussian class column."""
    for objective in ("mse", "kl"):
        for hidden, k in ((4, 1), (10, 3), (10, 10)):
            share = answer(hidden, k, objective)
            if share is None:
                return OPEN
            expected = capture.distilled_rank(hidden, k, objective) / hidden
            if not np.isclose(share, expected, atol=ROUNDING):
                return (
                    f"Not yet: at {hidden} hidden units and {k} logits under {objective} it says {share:.3g}. "
                    "How many directions does the objective see, and how many are there?"
                )
    return RIGHT


def objective_seen(answer: Callable[[np.ndarray], Any]) -> str:
    """Check a function that maps Z to the columns that softmax-KL sees."""
    rng = np.random.default_rng(1)
    Z = rng.standard_normal((6, 3))
    seen = answer(Z)
    if seen is None:
        return OPEN
    seen = np.asarray(seen)
    if seen.ndim != 2 or len(seen) != len(Z):
        return f"Not yet: its shape is {seen.shape}; columns of {len(Z)} hidden units are asked for."
    if not np.allclose(seen.sum(axis=1), 0, atol=ROUNDING):
        return "Not yet: a shift common to all logits still changes what it returns."
    P = linear.aux_projector(np.concatenate([rng.standard_normal((6, 2)), Z], axis=1), 3, "kl")
    if not np.allclose(P @ seen, seen, atol=ROUNDING) or np.linalg.matrix_rank(seen) < 2:
        return "Not yet: blind to shifts, but it does not span what is left."
    return RIGHT


def learned(answer: Callable[[np.ndarray, np.ndarray], Any]) -> str:
    """Check a function of initial and trained weights that counts components standing above the initial spectrum."""
    rng = np.random.default_rng(2)
    before = rng.standard_normal((64, 64)) / 8
    for planted in (0, 1, 3):
        directions = np.linalg.qr(rng.standard_normal((64, max(planted, 1))))[0]
        after = before + 10 * planted * directions @ directions.T
        count = answer(before, after)
        if count is None:
            return OPEN
        edge = spectra.singular_values(before)[0]
        expected = int((spectra.singular_values(after) > edge).sum())
        if count != expected:
            return f"Not yet: {planted} strong directions were planted, and it counts {count}."
    return RIGHT
