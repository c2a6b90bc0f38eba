"""The linear student in closed form: ``y = x @ W1 @ W2`` with ``W2 = [C | Z]``.

W1 is the trunk. W2 holds the heads, which teacher and student share: the columns C give the class logits, the LAST
``n_aux`` columns Z (0 to n_logits) the distilled auxiliary logits. A student that fits the teacher's auxiliary logits
on full-rank inputs, with W2 frozen, learns ``W1' = W1_0 + (W1 - W1_0) P``, where P is the orthogonal projector on the
part of span(Z) that the objective, "mse" or "kl", depends on (docs/theory.md, sections 1 to 3).

All functions take any number of leading (batch) axes, which broadcast, and compute in float64. They raise `UsageError`
for shapes that do not fit, a weight that is not finite, and an n_aux or objective out of range.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sottovoce.errors import UsageError, not_among

OBJECTIVES = ("mse", "kl")
Trunk = Float[np.ndarray, "... d_in hidden"]
Initial = Trunk | None
Heads = Float[np.ndarray, "... hidden n_logits"]


def end_to_end(W1: Trunk, W2: Heads) -> Float[np.ndarray, "... d_in n_logits"]:
    """Return the whole map A = W1 W2 of a two-layer linear network (the post, "Toy Models").

    The columns of A are the arrows in the post's figures.
    """
    W1, W2 = _weights(W1=W1, W2=W2)
    return _product(W1, W2)


teacher_map = end_to_end
"""The teacher's map A, by its name in the formulas."""


def aux_projector(W2: Heads, n_aux: int, objective: str = "mse") -> Float[np.ndarray, "... hidden hidden"]:
    """Return the orthogonal projector P on the hidden directions that the distillation objective depends on.

    The squared error depends on span(Z), that is on n_aux directions. The softmax-KL is invariant to a shift common to
    all auxiliary logits and depends on the span of the centered columns ``Z - Z.mean(axis=1)``, that is on n_aux - 1
    directions (docs/theory.md, equation 3.1). For columns in general position the rank of P is this number or `hidden`,
    whichever is smaller. Linearly dependent columns give the projector on their span; a direction counts as absent if
    it is within rounding of the largest column. n_aux = 0, and "kl" with one auxiliary logit, give P = 0.

    Example:
        >>> Z = np.array([[3.0, 3.0], [0.0, 4.0]])  # both columns span the plane; kl sees their difference
        >>> [float(np.trace(aux_projector(Z, 2, objective)).round(12)) for objective in ("mse", "kl")]
        [2.0, 1.0]
    """
    (W2,) = _weights(W2=W2)
    basis = _seen_directions(W2, n_aux, objective)
    return _product(basis, np.swapaxes(basis, -2, -1))


def student(W1: Trunk, W2: Heads, n_aux: int, objective: str = "mse", initial: Initial = None) -> Trunk:
    """Return the student's trunk W1' after distillation to convergence with W2 frozen; its map is W1' W2.

    Without `initial` this is the post's ``W1' = W1 P``, the minimum-norm solution of ``W1' Z = W1 Z``
    (docs/theory.md, equation 1.3). From a shared initialization W1_0, gradient descent on W1 converges to ``W1' =
    W1_0 + (W1 - W1_0) P`` (2.3), for kl with the projector of the centered columns (3.3).

    Example:
        >>> W1, W2 = np.eye(2), np.array([[3.0, 1.0], [4.0, 0.0]])  # one class column, one auxiliary column
        >>> end_to_end(student(W1, W2, n_aux=1), W2)  # (3, 4) is captured along the auxiliary column (1, 0) only
        array([[3., 1.],
               [0., 0.]])
    """
    if initial is None:
        W1, W2 = _weights(W1=W1, W2=W2)
        W1_0: Any = 0.0
    else:
        W1_0, W1, W2 = _weights(initial=initial, W1=W1, W2=W2)
    basis = _seen_directions(W2, n_aux, objective)
    # Equation (2.3), with P applied by its basis, which takes two thin products instead of a square one.
    return W1_0 + _product(_product(W1 - W1_0, basis), np.swapaxes(basis, -2, -1))


def check_objective(objective: str) -> None:
    """Raise a `UsageError` for an objective that is neither "mse" nor "kl"."""
    if objective not in OBJECTIVES:
        raise not_among("objective", objective, OBJECTIVES)


def singular_span(
    columns: Float[np.ndarray, "... dim column"], rounding: float = 1.0
) -> tuple[Float[np.ndarray, "... dim k"], Float[np.ndarray, "... k"], Bool[np.ndarray, "... k"]]:
    """Return left singular vectors, singular values, and which of them span the columns (see `rounding`).

    A direction is in the span if its value exceeds the largest one times `rounding` times float64's rounding error of a
    sum as long as the larger side. The vectors of smaller values are arbitrary.
    """
    left, values, _ = np.linalg.svd(np.asarray(columns, dtype=np.float64), full_matrices=False)
    unit = np.finfo(np.float64).eps * values.max(axis=-1, keepdims=True, initial=0.0)
    return left, values, values > rounding * max(columns.shape[-2:]) * unit


def _seen_directions(W2: np.ndarray, n_aux: Any, objective: str) -> np.ndarray:
    """Return orthonormal columns that span the part of span(Z) that the objective depends on; zeros beyond its rank."""
    n_logits = W2.shape[-1]
    check_objective(objective)
    try:
        k = operator.index(n_aux)
    except TypeError:
        raise UsageError(f"n_aux is {n_aux!r}; it must be a whole number from 0 to {n_logits}") from None
    if not 0 <= k <= n_logits:
        raise UsageError(f"n_aux is {k}; allowed: 0 to {n_logits}, the number of columns of W2")
    Z = W2[..., n_logits - k :]
    scale = np.abs(Z).max(axis=(-2, -1), keepdims=True, initial=0.0)
    # The span does not depend on the scale, but the threshold of the rank supposes entries of order one.
    Z = Z / np.where(scale > 0, scale, 1.0)
    # The differences to one column span the same space as the centered columns, with one vector fewer.
    return _orthonormal_basis(Z if objective == "mse" or k == 0 else Z[..., :-1] - Z[..., -1:])


def _orthonormal_basis(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the span of (..., hidden, k) columns with entries of order one.

    The method is Gram-Schmidt with pivoting, vectorized over draws: taking the longest remaining column first reveals
    the rank, and orthogonalizing it a second time against the basis so far keeps the basis orthogonal to rounding
    (Kahan's "twice is enough").
    """
    hidden, k = columns.shape[-2:]
    # Rounding error of sums of numbers of order one, squared; a shorter remainder is no direction.
    floor = (4 * max(hidden, k) * np.finfo(np.float64).eps) ** 2
    basis = np.zeros_like(columns[..., : min(hidden, k)])
    remainder = columns
    for step in range(basis.shape[-1]):
        previous = basis[..., :step]
        square = np.einsum("...hk,...hk->...k", remainder, remainder)
        pivot = np.argmax(square, axis=-1)[..., None] == np.arange(k)
        direction = np.einsum("...hk,...k->...h", remainder, pivot)
        overlap = np.einsum("...hr,...h->...r", previous, direction)
        direction = direction - np.einsum("...hr,...r->...h", previous, overlap)
        square = np.einsum("...h,...h->...", direction, direction)
        # Dividing by infinity leaves a column of zeros in draws whose rank is exhausted.
        length = np.sqrt(np.where(square > floor, square, np.inf))
        basis[..., step] = direction / length[..., None]
        along = np.einsum("...h,...hk->...k", basis[..., step], remainder)
        remainder = remainder - basis[..., step, None] * along[..., None, :]
    return basis


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return matrix products; einsum is vectorized along the draws, where matmul would take them one by one."""
    return np.einsum("...ij,...jk->...ik", left, right)


def _weights(**named: Any) -> Sequence[np.ndarray]:
    """Return the checked matrices as float64 arrays of the same shapes with the leading axes fastest in memory."""
    arrays = []
    for name, value in named.items():
        matrix = np.asarray(value, dtype=np.float64)
        if matrix.ndim < 2:
            raise UsageError(f"{name} has shape {matrix.shape}; a matrix (with any leading axes) is needed")
        if not np.isfinite(matrix).all():
            raise UsageError(f"{name} contains NaN or infinity; every weight must be finite")
        # One long pass over all draws per entry is many times faster than one short pass per draw.
        entries_first = np.ascontiguousarray(np.moveaxis(matrix, (-2, -1), (0, 1)))
        arrays.append(np.moveaxis(entries_first, (0, 1), (-2, -1)))
    shapes = {name: array.shape for name, array in zip(named, arrays, strict=True)}
    listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    if "initial" in shapes and shapes["initial"][-2:] != shapes["W1"][-2:]:
        raise UsageError(f"initial and W1 must have the same (d_in, hidden); given: {listing}")
    if "W1" in shapes and shapes["W1"][-1] != shapes["W2"][-2]:
        raise UsageError(f"W1 (d_in, hidden) and W2 (hidden, n_logits) must share hidden; given: {listing}")
    try:
        np.broadcast_shapes(*(shape[:-2] for shape in shapes.values()))
    except ValueError:
        raise UsageError(f"the leading axes do not broadcast; given: {listing}") from None
    return arrays
