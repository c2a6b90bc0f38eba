"""Pytrees whose arrays share a leading axis, such as an axis of members, of students or of networks."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import PyTree


def map_over_leading_axis(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Return a function that applies `function` to every entry of the leading axis of its arguments.

    On a CPU the entries are computed one after another, because the training of one network fills the caches of a core.
    On an accelerator they are vectorized.
    """
    if jax.default_backend() == "cpu":
        return lambda *arguments: jax.lax.map(lambda entries: function(*entries), arguments)
    return jax.vmap(function)


def stack(trees: Sequence[PyTree]) -> PyTree:
    """Return one pytree with the arrays of several pytrees stacked along a new leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def unstack(tree: PyTree) -> list[PyTree]:
    """Return the entries along the leading axis, each as a pytree without that axis."""
    return [jax.tree.map(lambda leaf, i=i: leaf[i], tree) for i in range(len(jax.tree.leaves(tree)[0]))]


def repeat(tree: PyTree, times: int) -> PyTree:
    """Return a pytree with every array repeated along a new leading axis."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (times, *leaf.shape)), tree)
