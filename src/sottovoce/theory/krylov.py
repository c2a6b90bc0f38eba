"""A function of a symmetric operator applied to one vector, using products with the operator only (Lanczos)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Product = Callable[[Array], Array]


def flow(
    product: Product, start: Float[Array, "..."], time: float | Float[Array, "..."], directions: int
) -> tuple[Float[Array, "..."], Float[Array, " direction"]]:
    """Return ``phi_t(K) u`` with ``phi_t(x) = (1 - exp(-x t)) / x``, the integral of ``exp(-K s) u`` from 0 to t.

    `product` maps a vector u, of any shape, to K u, for K symmetric and positive semidefinite. The times t may have any
    shape and include infinity, the pseudo-inverse.

    In an orthonormal basis Q of the Krylov space of u, K is a tridiagonal matrix T, and ``phi_t(K) u`` is approximated
    by ``|u| Q phi_t(T) e_1``. The approximation is exact when the space is invariant under K. At infinite time it is
    the iterate of conjugate gradients on ``K a = u`` after as many steps as there are directions, which are 1 or more.

    Returns:
        The vectors, of shape `(*t.shape, *u.shape)`, and the eigenvalues of T (Ritz values) in ascending order, zero
        for the directions that are missing if the Krylov space has a smaller dimension.
    """
    basis, diagonal, off_diagonal = _lanczos(product, start, directions)
    above, below = jnp.diag(off_diagonal[:-1], 1), jnp.diag(off_diagonal[:-1], -1)
    values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + above + below)
    phi = _phi(values, jnp.asarray(time, start.dtype)[..., None])
    coefficients = (phi * vectors[0]) @ vectors.T * jnp.linalg.norm(start)
    return jnp.tensordot(coefficients, basis, axes=1), values


def _lanczos(product: Product, start: Array, n_steps: int) -> tuple[Array, Array, Array]:
    """Return an orthonormal Krylov basis, and the diagonal and off-diagonal of the operator in that basis."""
    # A remainder below this share of the largest diagonal entry is rounding of the products and no new direction.
    floor = 100 * jnp.finfo(start.dtype).eps

    def unit(vector: Array, length: Array, scale: Array) -> Array:
        # The inner `where` keeps 0 / 0 out of the branch that is not taken.
        return jnp.where(length > floor * scale, vector / jnp.where(length > 0, length, 1), 0)

    def step(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        basis, diagonal, off_diagonal = carry
        vector = product(basis[i])
        diagonal = diagonal.at[i].set(jnp.vdot(basis[i], vector))
        # Full reorthogonalization, without which the basis loses orthogonality as soon as a Ritz value has converged;
        # two passes make the basis orthogonal to rounding ("twice is enough").
        for _ in range(2):
            vector -= jnp.tensordot(jnp.tensordot(basis, vector, axes=start.ndim), basis, axes=1)
        length = jnp.linalg.norm(vector)
        following = unit(vector, length, jnp.max(diagonal))
        off_diagonal = off_diagonal.at[i].set(jnp.where(jnp.any(following != 0), length, 0))
        # The last step has no place for a further vector, which "drop" then leaves out.
        return basis.at[i + 1].set(following, mode="drop"), diagonal, off_diagonal

    length = jnp.linalg.norm(start)
    basis = jnp.zeros((n_steps, *start.shape), start.dtype).at[0].set(unit(start, length, jnp.zeros_like(length)))
    entries = jnp.zeros(n_steps, start.dtype)
    return jax.lax.fori_loop(0, n_steps, step, (basis, entries, entries))


def _phi(values: Array, time: Array) -> Array:
    """Return ``(1 - exp(-x t)) / x``; where x is zero up to rounding: t, or 0 at infinite time (the pseudo-inverse)."""
    positive = values > 100 * jnp.finfo(values.dtype).eps * jnp.max(values)
    x = jnp.where(positive, values, 1)
    at_zero = jnp.where(jnp.isinf(time), 0, time)
    return jnp.where(positive, -jnp.expm1(-x * time) / x, at_zero)
