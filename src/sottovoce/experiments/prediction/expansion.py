"""Training a network that is linearized around a base, and moving the base along (docs/theory.md, section 10)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree


class Expansion(NamedTuple):
    """What is trained: a network as a first-order expansion around another.

    Attributes:
        network: the parameters that the optimizer moves.
        base: where the network is expanded.
    """

    network: PyTree
    base: PyTree


class _State(NamedTuple):
    inner: PyTree
    steps: Int[Array, ""]


def relinearizing(optimizer: optax.GradientTransformation, every: int | None) -> optax.GradientTransformation:
    """Let an optimizer train the network of an `Expansion`, and set the base to the network after every so many steps.

    With a base that is set after each step, gradients, and with them the whole run, are those of ordinary training.
    With a base that stays, the network is linear in its parameters.

    Args:
        optimizer: trains the network; its state does not change when the base is set.
        every: steps after which the base is set to the network, again and again; None: the base stays.

    Returns:
        A transformation for parameters of the type `Expansion`.
    """

    def init(expansion: Expansion) -> _State:
        return _State(optimizer.init(expansion.network), jnp.zeros((), jnp.int32))

    def update(gradient: Expansion, state: _State, expansion: Expansion) -> tuple[Expansion, _State]:
        changes, inner = optimizer.update(gradient.network, state.inner, expansion.network)
        steps = state.steps + 1
        moved = jnp.zeros((), bool) if every is None else steps % every == 0
        base = jax.tree.map(
            lambda network, change, base: jnp.where(moved, network + change - base, 0),
            expansion.network,
            changes,
            expansion.base,
        )
        return Expansion(changes, base), _State(inner, steps)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]
