"""Training of a network that is linearized at a base, which may follow the network (docs/theory.md, section 10)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree


class Expansion(NamedTuple):
    """Parameters of a network that is replaced by its first-order expansion at other parameters, the base.

    Attributes:
        network: parameters that the optimizer moves.
        base: parameters at which the network is expanded, a pytree of the same structure.
    """

    network: PyTree
    base: PyTree


class _State(NamedTuple):
    inner: PyTree
    steps: Int[Array, ""]


def relinearizing(
    optimizer: optax.GradientTransformation, every: int | Int[Array, ""] | None
) -> optax.GradientTransformation:
    """Let an optimizer train the network of an `Expansion`, and move the base to the network every so many steps.

    If the base moves after each step, gradients, and with them the whole run, are those of ordinary training. If it
    never moves, the network is linear in its parameters.

    Args:
        optimizer: optimizer of the network; its state does not change when the base moves.
        every: number of steps between moves of the base, which may be traced; None: the base never moves.

    Returns:
        An optax transformation for parameters of the type `Expansion`.
    """

    def init(expansion: Expansion) -> _State:
        return _State(optimizer.init(expansion.network), jnp.zeros((), jnp.int32))

    def update(gradient: Expansion, state: _State, expansion: Expansion) -> tuple[Expansion, _State]:
        # The gradient with respect to the base is left out: the base is where the network is expanded, and not trained.
        changes, inner = optimizer.update(gradient.network, state.inner, expansion.network)
        steps = state.steps + 1
        base_moves = jnp.zeros((), bool) if every is None else steps % every == 0
        # optax adds updates to the parameters: this one makes the base equal to the updated network.
        base = jax.tree.map(
            lambda network, change, base: jnp.where(base_moves, network + change - base, 0),
            expansion.network,
            changes,
            expansion.base,
        )
        return Expansion(changes, base), _State(inner, steps)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]
