"""Optimizers by name. Learning rates and weight decays may be traced values; the name must be static."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from sottovoce.parts import OPTIMIZERS

Scalar = float | Float[Array, ""]

MOMENTUM = 0.9


def _decayed(direction: optax.GradientTransformation, rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    decays = optax.add_decayed_weights(decay)  # pyright: ignore[reportArgumentType]
    return optax.chain(direction, decays, optax.scale_by_learning_rate(rate))


def adam(rate: Scalar, _decay: Scalar) -> optax.GradientTransformation:
    """Return Adam with betas 0.9 and 0.999, as in Cloud et al.; it takes no decay."""
    return optax.adam(rate)


def adamw(rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    """Return Adam with decoupled weight decay."""
    return optax.adamw(rate, weight_decay=decay)  # pyright: ignore[reportArgumentType] - traced


def sgd(rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    """Return gradient descent."""
    return _decayed(optax.identity(), rate, decay)


def momentum(rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    """Return gradient descent with heavy-ball momentum."""
    return _decayed(optax.trace(MOMENTUM), rate, decay)


def sign(rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    """Return descent along the sign of the gradient."""
    return _decayed(optax.scale_by_sign(), rate, decay)


def optimizer(name: str, rate: Scalar, decay: Scalar) -> optax.GradientTransformation:
    """Return an optimizer, whose updates are added to the parameters.

    Args:
        name: "adam" (betas 0.9 and 0.999, as in Cloud et al.; takes no decay), "adamw" (the same), "sgd" (the gradient
            itself), "momentum" (heavy ball: gradients summed with factor 0.9) or "sign" (the sign of the gradient).
        rate: learning rate.
        decay: decoupled weight decay: each step also shrinks every weight and bias by the factor 1 - rate * decay,
            including parameters that receive no gradient.

    Raises:
        UsageError: the name is unknown.
    """
    return OPTIMIZERS[name](rate, decay)


def flow_time(optimizer: optax.GradientTransformation, gradient: PyTree, steps: int) -> Float[Array, ""]:
    """Return the time of gradient flow that lowers a loss as much as an optimizer's steps, at the initial slope.

    At the initial gradient g, gradient flow lowers the loss by ``|g|^2`` per unit of time. The optimizer's steps u, if
    all of them are given the same gradient, lower the loss by ``-<g, u>`` in total. The time is the ratio of the two:
    rate times steps for "sgd", asymptotically ten times that for "momentum", and rate times steps times ``|g|_1 /
    |g|^2`` for "adam" and "sign". It is 0 if the gradient is zero. Weight decay is not part of the loss and has no
    effect here.
    """
    # Weight decay acts on parameters, so zeros switch it off.
    parameters = jax.tree.map(jnp.zeros_like, gradient)

    def step(state: PyTree, _: None) -> tuple[PyTree, Array]:
        updates, state = optimizer.update(gradient, state, parameters)
        return state, -jnp.asarray(optax.tree.vdot(gradient, updates))

    _, lowered = jax.lax.scan(step, optimizer.init(parameters), length=steps)
    square = jnp.asarray(optax.tree.vdot(gradient, gradient))
    return jnp.where(square > 0, jnp.sum(lowered) / jnp.where(square > 0, square, 1), 0)
