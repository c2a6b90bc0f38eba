"""How a gradient becomes a step, by name. Rates and decays may be traced; the name may not."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from sottovoce.errors import not_among

Scalar = float | Float[Array, ""]

MOMENTUM = 0.9


def _decayed(direction: optax.GradientTransformation, rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    decays = optax.add_decayed_weights(decay)  # pyright: ignore[reportArgumentType]
    return optax.chain(direction, decays, optax.scale_by_learning_rate(rate))


OPTIMIZERS: dict[str, Callable[[Scalar, Scalar], optax.GradientTransformation]] = {
    "adam": lambda rate, _decay: optax.adam(rate),
    "adamw": lambda rate, decay: optax.adamw(rate, weight_decay=decay),  # pyright: ignore[reportArgumentType] - traced
    "sgd": lambda rate, decay: _decayed(optax.identity(), rate, decay),
    "momentum": lambda rate, decay: _decayed(optax.trace(MOMENTUM), rate, decay),
    "sign": lambda rate, decay: _decayed(optax.scale_by_sign(), rate, decay),
}


def optimizer(name: str, rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    """Return an optimizer.

    Args:
        name: "adam" (betas 0.9 and 0.999, as in Cloud et al.; takes no decay), "adamw" (the same), "sgd" (the gradient
            itself), "momentum" (heavy ball: gradients summed with factor 0.9) or "sign" (the sign of the gradient).
        rate: learning rate.
        decay: weight decay apart from the gradient: each step also takes rate times decay of every weight and bias,
            those too that no gradient reaches.

    Returns:
        An optax transformation; its updates are to be added to the parameters.

    Raises:
        UsageError: the name is unknown.
    """
    if name not in OPTIMIZERS:
        raise not_among("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name](rate, decay)


def flow_time(optimizer: optax.GradientTransformation, gradient: PyTree, steps: int) -> Float[Array, ""]:
    """Return how long gradient flow takes to lower a loss, at its first slope, as far as an optimizer's steps do.

    Flow lowers the loss by ``|g|^2`` per unit of time and the steps u, fed the same gradient throughout, by ``-<g, u>``
    in all: t is the ratio. It is rate times steps for "sgd", ten times that in the long run for "momentum", and rate
    times steps times ``|g|_1 / |g|^2`` for "adam" and "sign".

    Args:
        optimizer: its weight decay does not count, being no part of the loss.
        gradient: g, at the start.
        steps: how many.

    Returns:
        The time; 0 where the gradient is zero.
    """
    parameters = jax.tree.map(jnp.zeros_like, gradient)

    def step(state: PyTree, _: None) -> tuple[PyTree, Array]:
        updates, state = optimizer.update(gradient, state, parameters)
        return state, -jnp.asarray(optax.tree.vdot(gradient, updates))

    _, lowered = jax.lax.scan(step, optimizer.init(parameters), length=steps)
    square = jnp.asarray(optax.tree.vdot(gradient, gradient))
    return jnp.where(square > 0, jnp.sum(lowered) / jnp.where(square > 0, square, 1), 0)
