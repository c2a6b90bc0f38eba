"""Distillation of a network that is linearized in its weights, computed without forming the tangent kernel.

With J the Jacobian of the distilled logits at a base, a mean objective ``1/n sum_i d(f_i, y_i)`` with Hessians ``H_i =
B_i B_i^T`` is, near the teacher's logits y, ``1/2n |B^T (f - y)|^2``. Under gradient flow on the linearized network ``f
= f_0 + J delta`` the residual ``u = B^T (y - f)`` follows ``du/dt = -K u`` with ``K = B^T J J^T B / n``, so that

    delta(t) = J^T B phi_t(K) u_0 / n,    phi_t(x) = (1 - exp(-x t)) / x    (docs/theory.md, section 10).

``K`` acts on vectors of n times k numbers (180 000 in the MNIST protocol). The module computes only products with K, by
forward- and reverse-mode differentiation in blocks of `rows` inputs, and applies `phi_t` in the Krylov space that these
products span (`theory.krylov`).

`apply` maps (parameters, inputs) to the distilled logits; `base` holds the parameters where the network is expanded and
where the flow or step starts; `inputs` are all the distillation inputs and `targets` the teacher's distilled logits on
them. Objective, temperature and mask, and the error for an unknown objective, are those of `theory.metric`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sottovoce.errors import UsageError
from sottovoce.theory import krylov
from sottovoce.theory.metric import Apply, Inputs, Mask, Scalar, descent, metric_root

# Inputs differentiated together; this bounds the memory that their activations take.
ROWS_AT_ONCE = 1_000


class Displacement(NamedTuple):
    """The predicted displacement of a student from its base, a pytree like the base.

    `ritz_values` are the eigenvalues of the kernel restricted to the Krylov space, ascending; zero for the directions
    that are missing if the space has a smaller dimension.
    """

    parameters: PyTree
    ritz_values: Float[Array, " direction"]


def linearized(apply: Apply, base: PyTree) -> Apply:
    """Return the first-order expansion of a network in its parameters around a base.

    The expansion is ``apply(base, x) + J(x) (parameters - base)`` as a function of (parameters, inputs); it is exact if
    the network is linear in its parameters.
    """

    def apply_linearized(parameters: PyTree, inputs: Array) -> Array:
        difference = jax.tree.map(jnp.subtract, parameters, base)
        value, change = jax.jvp(lambda p: apply(p, inputs), (base,), (difference,))
        return value + change

    return apply_linearized


def kernel_student(
    apply: Apply,
    base: PyTree,
    inputs: Inputs,
    targets: Float[Array, "sample logit"],
    *,
    objective: str,
    temperature: Scalar = 1.0,
    mask: Mask = None,
    time: float | Float[Array, " time"] = float("inf"),
    directions: int = 16,
    rows: int = ROWS_AT_ONCE,
) -> Displacement:
    """Return the displacement of a student's parameters under gradient flow on the linearized network.

    `time` is one or several times of gradient flow on the mean objective; several times stand on a leading axis of the
    displacement. 0 gives the base, infinity kernel regression: the minimum-norm displacement that fits the targets
    within the Krylov space, whose dimension is `directions` (as many steps of conjugate gradients span the same space).

    Cost: `directions` + 1 pairs of products with J and its transpose over all inputs, about five forward passes each.
    Memory: `directions` vectors of n times k numbers, and the activations of one block of rows.

    Raises:
        UsageError: unknown objective, or fewer than one direction.
    """
    if directions < 1:
        raise UsageError(f"directions is {directions}; allowed: 1 or more")
    flow = _Blocks(apply, base, inputs, targets, metric_root(targets, objective, temperature, mask), rows)
    residual = flow.weigh(flow.targets - flow.outputs())
    learned, ritz_values = krylov.flow(flow.kernel, residual, time, directions)
    # Several times are mapped one by one, so that memory does not grow with their number.
    return Displacement(flow.pull(learned) if jnp.ndim(time) == 0 else jax.lax.map(flow.pull, learned), ritz_values)


def predicted_student(
    apply: Apply,
    reference: PyTree,
    teacher: PyTree,
    inputs: Inputs,
    *,
    objective: str,
    temperature: Scalar = 1.0,
    mask: Mask = None,
    time: float = float("inf"),
    directions: int = 16,
) -> PyTree:
    """Return the parameters of the student that the kernel at the reference predicts for a teacher and inputs.

    The teacher and the student start from the reference. Evaluated on other inputs, the predicted student shows how
    distillation would generalize to them. `time`, `directions` and the errors are those of `kernel_student`.
    """
    targets = jax.lax.map(lambda row: apply(teacher, row[None])[0], inputs, batch_size=ROWS_AT_ONCE)
    displacement = kernel_student(
        apply,
        reference,
        inputs,
        targets,
        objective=objective,
        temperature=temperature,
        mask=mask,
        time=time,
        directions=directions,
    )
    return jax.tree.map(jnp.add, reference, displacement.parameters)


class FirstUpdate(NamedTuple):
    """The gradient of the mean objective at the base, and the first step of gradient descent along it; pytrees.

    The length of the step is optimal for the linearized network, and zero where the gradient is zero.
    """

    gradient: PyTree
    step: PyTree


def first_update(
    apply: Apply,
    base: PyTree,
    inputs: Inputs,
    targets: Float[Array, "sample logit"],
    *,
    objective: str,
    temperature: Scalar = 1.0,
    mask: Mask = None,
    rows: int = ROWS_AT_ONCE,
) -> FirstUpdate:
    """Return the first gradient step on the whole distillation set, with the optimal length for the linearized network.

    The direction of the step is the one of Theorem 1 of Cloud et al. 2025 (docs/theory.md, section 9). Its length
    minimizes the quadratic approximation of the objective along that direction.
    """
    flow = _Blocks(apply, base, inputs, targets, metric_root(targets, objective, temperature, mask), rows)
    outputs = flow.outputs()
    slope = descent(outputs, flow.targets, objective, temperature, mask)
    # Padded rows have a slope of their own, at zero inputs and zero targets, which the weights remove.
    gradient = flow.transpose(-slope * flow.weights[..., None] / inputs.shape[0])
    change, residual = flow.weigh(flow.push(gradient)), flow.weigh(flow.targets - outputs)
    square = jnp.vdot(change, change)
    # The inner `where` keeps 0 / 0 out of the branch that is not taken.
    # Least squares of the residual along the change; the length is negative where the step descends.
    length = jnp.where(square > 0, jnp.vdot(change, residual) / jnp.where(square > 0, square, 1), 0)
    return FirstUpdate(gradient, jax.tree.map(lambda leaf: length * leaf, gradient))


class _Blocks:
    """Products with J and its transpose over zero-padded blocks of rows; padded rows have weight zero throughout."""

    def __init__(self, apply: Apply, base: PyTree, inputs: Array, targets: Array, root: Array, rows: int) -> None:
        self._apply, self._base, self._n = apply, base, inputs.shape[0]
        padding = -inputs.shape[0] % rows

        def block(values: Array) -> Array:
            padded = jnp.pad(values, [(0, padding)] + [(0, 0)] * (values.ndim - 1))
            return padded.reshape(-1, rows, *values.shape[1:])

        self._inputs, self.targets = block(inputs), block(targets)
        self.weights = block(jnp.ones(inputs.shape[0], targets.dtype))
        # The padding of the root is zero, which is what gives padded rows weight zero in `weigh` and `pull`.
        self._root = block(root)

    def outputs(self) -> Array:
        """Return the network's outputs at the base."""
        return jax.lax.map(lambda x: self._apply(self._base, x), self._inputs)

    def push(self, change: PyTree) -> Array:
        """Return J times a displacement of the parameters."""
        return jax.lax.map(lambda x: jax.jvp(lambda p: self._apply(p, x), (self._base,), (change,))[1], self._inputs)

    def transpose(self, cotangents: Array) -> PyTree:
        """Return the transpose of J times a vector over samples and logits."""

        def add(total: PyTree, block: tuple[Array, Array]) -> tuple[PyTree, None]:
            x, cotangent = block
            _, pullback = jax.vjp(lambda p: self._apply(p, x), self._base)
            return jax.tree.map(jnp.add, total, pullback(cotangent)[0]), None

        return jax.lax.scan(add, jax.tree.map(jnp.zeros_like, self._base), (self._inputs, cotangents))[0]

    def weigh(self, logits: Array) -> Array:
        """Return B^T times a vector over samples and logits."""
        return jnp.einsum("bnji,bnj->bni", self._root, logits)

    def pull(self, u: Array) -> PyTree:
        """Return J^T B u / n."""
        return self.transpose(jnp.einsum("bnij,bnj->bni", self._root, u) / self._n)

    def kernel(self, u: Array) -> Array:
        """Return K u."""
        return self.weigh(self.push(self.pull(u)))
