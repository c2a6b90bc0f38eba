"""The exact training dynamics of a linear student's trunk under frozen heads, in closed form at every time.

The loss is half the squared error on the auxiliary logits, summed over logits and averaged over inputs of second
moment S, so the gradient at W1' is ``S (W1' - W1) Z Z^T`` (docs/theory.md, section 5). This gradient is linear in W1',
with S acting from the left and ``Z Z^T`` from the right: in their eigenbases every entry of ``W1' - W1`` decays
independently of the others, at the rate ``s_i z_j^2``.

W1, W2, n_aux, the leading axes and the errors of these arguments are as in `theory.linear`. `initial` is the trunk at
time 0, zero when None. `second_moment` is S, symmetric and positive semidefinite; the identity when None.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from sottovoce.errors import UsageError
from sottovoce.theory import linear
from sottovoce.theory.linear import Heads, Initial, Trunk

Moment = Float[np.ndarray, "... d_in d_in"] | None
Decay = Callable[[np.ndarray], np.ndarray]


def gradient_flow(
    W1: Trunk, W2: Heads, n_aux: int, time: float, initial: Initial = None, second_moment: Moment = None
) -> Trunk:
    """Return the student's trunk after a time of gradient flow under mse with W2 frozen (docs/theory.md, equation 5.3).

    The time is in units of the inverse of a curvature. The trunk converges to `linear.student` if S has full rank.

    Raises:
        UsageError: time is negative or not finite, or an argument is one that `linear.student` rejects.

    Example:
        >>> W2 = np.array([[0.0, 2.0], [1.0, 0.0]])  # the auxiliary column has length 2: its curvature is 4
        >>> gradient_flow(np.ones((1, 2)), W2, n_aux=1, time=np.log(2) / 4)  # half of the way
        array([[0.5, 0. ]])
    """
    if not 0 <= time < np.inf:
        raise UsageError(f"time is {time}; allowed: finite, 0 or more")
    return _relaxed(W1, W2, n_aux, initial, second_moment, lambda curvature: np.exp(-time * curvature))


def gradient_descent(
    W1: Trunk, W2: Heads, n_aux: int, steps: int, rate: float, initial: Initial = None, second_moment: Moment = None
) -> Trunk:
    """Return the student's trunk after full-batch gradient steps of size `rate` under mse (docs/theory.md, 5.4).

    The steps converge for rates below `largest_rate`. At a fixed time ``steps rate`` the trunk differs from the one of
    `gradient_flow` by an error of first order in the rate (equation 5.6).

    Raises:
        UsageError: steps or rate is out of range, or an argument is one that `linear.student` rejects.
    """
    if steps < 0 or not 0 < rate < np.inf:
        raise UsageError(f"steps is {steps} and rate {rate}; allowed: steps of 0 or more, a finite rate above 0")
    return _relaxed(W1, W2, n_aux, initial, second_moment, lambda curvature: (1 - rate * curvature) ** steps)


def largest_rate(W2: Heads, n_aux: int, second_moment: Moment = None) -> Float[np.ndarray, "..."]:
    """Return the step size above which gradient descent with W2 frozen diverges, 2 over the largest curvature.

    The step sizes (docs/theory.md, equation 5.5) are infinite where the curvature is zero and nothing is learned.
    `n_aux` is 1 or more.
    """
    singular = np.linalg.svd(W2[..., W2.shape[-1] - n_aux :], compute_uv=False)[..., 0]
    largest = 1.0 if second_moment is None else np.linalg.eigvalsh(second_moment)[..., -1]
    with np.errstate(divide="ignore"):
        return np.asarray(np.divide(2.0, largest * singular**2))


def adam_one_logit(W1: Trunk, W2: Heads, initial: Initial = None) -> Trunk:
    """Return the trunk that Adam converges to with one auxiliary logit, the last column z of W2, and W2 frozen.

    Unlike the steps of gradient descent, all of Adam's lie along ``sign(z)``: the trunk ends at ``W1_0 + (W1 - W1_0)
    Q`` with the oblique projector ``Q = z sign(z)^T / |z|_1`` (docs/theory.md, equation 5.9). The result is exact in
    the limit of Adam's epsilon to zero.
    """
    z = W2[..., -1:]
    start = np.zeros_like(W1) if initial is None else initial
    length = np.abs(z).sum(axis=-2, keepdims=True)
    # Equation (5.9), from left to right, so that Q is never formed.
    return start + (W1 - start) @ z / length @ np.sign(np.swapaxes(z, -2, -1))


def _relaxed(W1: Trunk, W2: Heads, n_aux: int, initial: Initial, second_moment: Moment, decay: Decay) -> Trunk:
    """Return the converged trunk plus the remaining error, with each eigenmode scaled by ``decay(curvature)``."""
    end = linear.student(W1, W2, n_aux, "mse", initial)
    # The rank is decided as for the converged student, so that no direction decays toward an end that leaves it out.
    V, singular, present = linear.singular_span(W2[..., W2.shape[-1] - n_aux :], rounding=4.0)
    V = V * present[..., None, :]
    distance = -np.asarray(W1, dtype=np.float64) if initial is None else np.asarray(initial - W1, dtype=np.float64)
    moment = np.eye(W1.shape[-2]) if second_moment is None else np.asarray(second_moment, dtype=np.float64)
    s, U = np.linalg.eigh(moment)
    # A semidefinite moment may have eigenvalues that rounding makes negative; such modes would grow instead of decay.
    remaining = decay(np.maximum(s, 0.0)[..., :, None] * singular[..., None, :] ** 2)
    # Equations (5.3) and (5.4). Directions outside of span(Z) are no columns of V and stay as `end` has them.
    entries = remaining * (np.swapaxes(U, -2, -1) @ distance @ V)
    return end + U @ entries @ np.swapaxes(V, -2, -1)
