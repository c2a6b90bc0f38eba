"""A network linearized in its weights, and what distillation makes of it, without ever forming a kernel.

With J the Jacobian of the distilled logits at a base, a mean objective ``1/n sum_i d(f_i, y_i)`` of second derivative
``H_i = B_i B_i^T`` is, near the teacher's logits y, ``1/2n |B^T (f - y)|^2``. Gradient flow on the linearized network
``f = f_0 + J delta`` then moves ``u = B^T (y - f)`` by ``du/dt = -K u`` with ``K = B^T J J^T B / n``, so that

    delta(t) = J^T B phi_t(K) u_0 / n,    phi_t(x) = (1 - exp(-x t)) / x    (docs/theory.md, section 10).

``K`` acts on vectors of n times k numbers (180 000 in the MNIST protocol). Only products with it are taken, by
forward- and reverse-mode differentiation in blocks of rows; `phi_t` is applied through the Krylov space that they span
(Lanczos). This module and no other of this room uses jax: it needs derivatives of somebody's network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sottovoce.errors import UsageError, not_among

Apply = Callable[[Any, Array], Array]
OBJECTIVES = ("mse", "kl")
ROWS_AT_ONCE = 1_000


class Displacement(NamedTuple):
    """Where a predicted student stands from its base.

    Attributes:
        parameters: predicted parameters minus the base's, a pytree like the base.
        ritz_values: eigenvalues of the kernel in the Krylov space, ascending; zero where the space ended early.
    """

    parameters: PyTree
    ritz_values: Float[Array, " direction"]


def linearized(apply: Apply, base: PyTree) -> Apply:
    """Return the first-order expansion of a network in its parameters.

    Args:
        apply: maps (parameters, inputs) to outputs.
        base: where to expand.

    Returns:
        A function of (parameters, inputs): ``apply(base, x) + J(x) (parameters - base)``, exact in parameters that
        enter linearly.
    """

    def apply_linearized(parameters: PyTree, inputs: Array) -> Array:
        difference = jax.tree.map(jnp.subtract, parameters, base)
        value, change = jax.jvp(lambda p: apply(p, inputs), (base,), (difference,))
        return value + change

    return apply_linearized


def metric_root(
    targets: Float[Array, "sample logit"], objective: str, temperature: float = 1.0
) -> Float[Array, "sample logit logit"]:
    """Return B with ``B B^T`` the second derivative of the objective in the student's logits, at the teacher's.

    For "mse", the mean over k logits, ``H = 2/k``. For "kl" with p the teacher's softmax, ``H = (diag p - p p^T) / T^2
    = B B^T`` with ``B = diag(sqrt p) (1 - sqrt(p) sqrt(p)^T) / T``, since that bracket is a projector.

    Args:
        targets: the teacher's distilled logits.
        objective: "mse" or "kl".
        temperature: T, of the softmaxes of "kl".

    Returns:
        One matrix per sample.

    Raises:
        UsageError: unknown objective.
    """
    _check(objective)
    k = targets.shape[-1]
    identity = jnp.eye(k, dtype=targets.dtype)
    if objective == "mse":
        return jnp.broadcast_to(identity * jnp.sqrt(2 / k), (*targets.shape, k))
    root = jnp.sqrt(jax.nn.softmax(targets / temperature))
    return root[:, :, None] * (identity - root[:, :, None] * root[:, None, :]) / temperature


def kernel_student(
    apply: Apply,
    base: PyTree,
    inputs: Float[Array, "sample input"],
    targets: Float[Array, "sample logit"],
    *,
    objective: str,
    temperature: float = 1.0,
    time: float = float("inf"),
    directions: int = 16,
    rows: int = ROWS_AT_ONCE,
) -> Displacement:
    """Return what gradient flow on the linearized network does to its parameters.

    Cost: `directions` + 1 pairs of products with J and its transpose over all inputs, about five forward passes each.
    Memory: `directions` vectors of n times k numbers, and one block's activations.

    Args:
        apply: maps (parameters, inputs) to the distilled logits.
        base: parameters at which the network is expanded and where the flow starts.
        inputs: the distillation inputs, all of them.
        targets: the teacher's distilled logits on them.
        objective: "mse" or "kl".
        temperature: of the softmaxes of "kl".
        time: time of flow on the mean objective; 0 leaves the base, infinity gives kernel regression, by the
            minimum-norm change of parameters that fits the targets within the Krylov space.
        directions: dimension of the Krylov space; as many steps of conjugate gradients would span it.
        rows: inputs differentiated together.

    Returns:
        The displacement, and the kernel's Ritz values.

    Raises:
        UsageError: unknown objective, or fewer than one direction.
    """
    if directions < 1:
        raise UsageError(f"directions is {directions}; allowed: 1 or more")
    flow = _Blocks(apply, base, inputs, targets, objective, temperature, rows)
    residual = flow.weigh(flow.targets - flow.outputs())
    basis, diagonal, beside = _lanczos(flow.kernel, residual, directions)
    tridiagonal = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    coefficients = vectors @ (_phi(values, time) * vectors[0]) * jnp.linalg.norm(residual)
    return Displacement(flow.pull(jnp.tensordot(coefficients, basis, axes=1)), values)


def first_update(
    apply: Apply,
    base: PyTree,
    inputs: Float[Array, "sample input"],
    targets: Float[Array, "sample logit"],
    *,
    objective: str,
    temperature: float = 1.0,
    rows: int = ROWS_AT_ONCE,
) -> PyTree:
    """Return the first gradient step on the whole distillation set, at the length that suits the linearized network.

    Its direction is that of Theorem 1 of Cloud et al. 2025 (docs/theory.md, section 9): minus the gradient of the mean
    objective at the base. Its length minimizes the objective's quadratic form along that line.

    Args:
        apply: maps (parameters, inputs) to the distilled logits.
        base: parameters before the step.
        inputs: the distillation inputs.
        targets: the teacher's distilled logits on them.
        objective: "mse" or "kl".
        temperature: of the softmaxes of "kl".
        rows: inputs differentiated together.

    Returns:
        The change of parameters, a pytree like the base; zero where the objective sees nothing to learn.

    Raises:
        UsageError: unknown objective.
    """
    flow = _Blocks(apply, base, inputs, targets, objective, temperature, rows)
    outputs = flow.outputs()
    if objective == "mse":
        slope = 2 * (flow.targets - outputs) / targets.shape[1]
    else:
        slope = (jax.nn.softmax(flow.targets / temperature) - jax.nn.softmax(outputs / temperature)) / temperature
    direction = flow.transpose(slope * flow.kept[..., None])
    change, residual = flow.weigh(flow.push(direction)), flow.weigh(flow.targets - outputs)
    square = jnp.vdot(change, change)
    length = jnp.where(square > 0, jnp.vdot(change, residual) / jnp.where(square > 0, square, 1), 0)
    return jax.tree.map(lambda leaf: length * leaf, direction)


class _Blocks:
    """Products with J and its transpose over zero-padded blocks of rows; padding has weight zero throughout."""

    def __init__(
        self, apply: Apply, base: PyTree, inputs: Array, targets: Array, objective: str, temperature: float, rows: int
    ) -> None:
        self._apply, self._base, self._n = apply, base, inputs.shape[0]
        padding = -inputs.shape[0] % rows

        def block(values: Array) -> Array:
            padded = jnp.pad(values, [(0, padding)] + [(0, 0)] * (values.ndim - 1))
            return padded.reshape(-1, rows, *values.shape[1:])

        self._inputs, self.targets = block(inputs), block(targets)
        self.kept = block(jnp.ones(inputs.shape[0], targets.dtype))
        self._root = block(metric_root(targets, objective, temperature))

    def outputs(self) -> Array:
        return jax.lax.map(lambda x: self._apply(self._base, x), self._inputs)

    def push(self, change: PyTree) -> Array:
        """Return J times a change of parameters."""
        return jax.lax.map(lambda x: jax.jvp(lambda p: self._apply(p, x), (self._base,), (change,))[1], self._inputs)

    def transpose(self, cotangents: Array) -> PyTree:
        """Return the transpose of J times a vector of logits."""

        def add(total: PyTree, block: tuple[Array, Array]) -> tuple[PyTree, None]:
            x, cotangent = block
            _, pullback = jax.vjp(lambda p: self._apply(p, x), self._base)
            return jax.tree.map(jnp.add, total, pullback(cotangent)[0]), None

        return jax.lax.scan(add, jax.tree.map(jnp.zeros_like, self._base), (self._inputs, cotangents))[0]

    def weigh(self, logits: Array) -> Array:
        return jnp.einsum("bnji,bnj->bni", self._root, logits)

    def pull(self, u: Array) -> PyTree:
        """Return J^T B u / n."""
        return self.transpose(jnp.einsum("bnij,bnj->bni", self._root, u) / self._n)

    def kernel(self, u: Array) -> Array:
        return self.weigh(self.push(self.pull(u)))


def _lanczos(product: Callable[[Array], Array], start: Array, n_steps: int) -> tuple[Array, Array, Array]:
    """Return an orthonormal Krylov basis with the diagonal and the entries beside it of the product in that basis."""
    # Products of rounded vectors: what is smaller than this share of the largest entry is no new direction.
    least = 100 * jnp.finfo(start.dtype).eps

    def unit(vector: Array, length: Array, scale: Array) -> Array:
        return jnp.where(length > least * scale, vector / jnp.where(length > 0, length, 1), 0)

    def step(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        basis, diagonal, beside = carry
        vector = product(basis[i])
        diagonal = diagonal.at[i].set(jnp.vdot(basis[i], vector))
        # Twice is enough: without it the basis loses orthogonality as soon as a Ritz value has converged.
        for _ in range(2):
            vector -= jnp.tensordot(jnp.tensordot(basis, vector, axes=start.ndim), basis, axes=1)
        length = jnp.linalg.norm(vector)
        following = unit(vector, length, jnp.max(diagonal))
        beside = beside.at[i].set(jnp.where(jnp.any(following != 0), length, 0))
        return basis.at[i + 1].set(following, mode="drop"), diagonal, beside

    length = jnp.linalg.norm(start)
    basis = jnp.zeros((n_steps, *start.shape), start.dtype).at[0].set(unit(start, length, jnp.zeros_like(length)))
    entries = jnp.zeros(n_steps, start.dtype)
    return jax.lax.fori_loop(0, n_steps, step, (basis, entries, entries))


def _phi(values: Array, time: float) -> Array:
    """Return ``(1 - exp(-x t)) / x``; where x is rounding, t, or at infinite time nothing (the pseudo-inverse)."""
    seen = values > 100 * jnp.finfo(values.dtype).eps * jnp.max(values)
    x = jnp.where(seen, values, 1)
    unseen = 0.0 if time == float("inf") else time
    return jnp.where(seen, -jnp.expm1(-x * time) / x, unseen)


def _check(objective: str) -> None:
    if objective not in OBJECTIVES:
        raise not_among("objective", objective, OBJECTIVES)
