"""A function of a symmetric operator, applied to one vector through products alone (Lanczos)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Product = Callable[[Array], Array]


def flow(
    product: Product, start: Float[Array, "..."], time: float | Float[Array, "..."], directions: int
) -> tuple[Float[Array, "..."], Float[Array, " direction"]]:
    """Return ``phi_t(K) u`` with ``phi_t(x) = (1 - exp(-x t)) / x``, the integral of ``exp(-K s) u`` from 0 to t.

    In the Krylov space of u, K is a tridiagonal matrix T with ``phi_t(K) u = |u| Q phi_t(T) e_1``: exact when the space
    is complete; at infinite time the point that as many steps of conjugate gradients on ``K a = u`` reach.

    Args:
        product: maps a vector u to K u, for K symmetric with no negative eigenvalue.
        start: u, of any shape.
        time: t, one or an array of any shape; infinity gives the pseudo-inverse.
        directions: dimension of the Krylov space, at least 1.

    Returns:
        The vectors, of the shape of t followed by that of u, and the eigenvalues of T, ascending; zero where the space
        ended early.
    """
    basis, diagonal, beside = _lanczos(product, start, directions)
    values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1))
    phi = _phi(values, jnp.asarray(time, start.dtype)[..., None])
    coefficients = (phi * vectors[0]) @ vectors.T * jnp.linalg.norm(start)
    return jnp.tensordot(coefficients, basis, axes=1), values


def _lanczos(product: Product, start: Array, n_steps: int) -> tuple[Array, Array, Array]:
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


def _phi(values: Array, time: Array) -> Array:
    """Return ``(1 - exp(-x t)) / x``; where x is rounding, t, or at infinite time nothing (the pseudo-inverse)."""
    seen = values > 100 * jnp.finfo(values.dtype).eps * jnp.max(values)
    x = jnp.where(seen, values, 1)
    unseen = jnp.where(jnp.isinf(time), 0, time)
    return jnp.where(seen, -jnp.expm1(-x * time) / x, unseen)
