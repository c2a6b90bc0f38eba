"""One pure training run: a scan over epochs of a scan over batches."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

Loss = Callable[[PyTree, PyTree, Float[Array, " sample"]], tuple[Float[Array, ""], Array]]


def train(
    parameters: PyTree,
    loss: Loss,
    data: PyTree,
    key: Key[Array, ""],
    *,
    optimizer: optax.GradientTransformation,
    epochs: int,
    batch_size: int,
    steps: int | None = None,
    renewed: Callable[[PyTree, Int[Array, ""]], PyTree] | None = None,
) -> tuple[PyTree, Float[Array, "epoch ..."]]:
    """Train by minibatches, reshuffled every epoch, the last short batch kept.

    Args:
        parameters: pytree of arrays to train.
        loss: maps (parameters, batch, weights) to the loss to differentiate and the losses to record; weights are 1
            for the batch's samples and 0 for the padding of the last, short batch.
        data: pytree of arrays whose leading axis is the sample.
        key: gives the order of the samples in each epoch.
        optimizer: an optax transformation.
        epochs: passes over the data.
        batch_size: samples in a batch.
        steps: batches in all, fewer than the epochs hold by less than one epoch: the last is cut short; None: by none.
        renewed: what a batch of the data becomes in an epoch, given its number; None: itself.

    Returns:
        The trained parameters, and the recorded losses averaged over the batches of each epoch.
    """
    n_samples = jax.tree.leaves(data)[0].shape[0]
    n_batches = -(-n_samples // batch_size)
    last = n_batches if steps is None else steps - (epochs - 1) * n_batches

    def epoch(
        carry: tuple[PyTree, PyTree], now: tuple[Array, Array], n_steps: int
    ) -> tuple[tuple[PyTree, PyTree], Array]:
        key, number = now

        def step(carry: tuple[PyTree, PyTree], batch: tuple[Array, Array]) -> tuple[tuple[PyTree, PyTree], Array]:
            parameters, state = carry
            rows, weights = batch
            samples = jax.tree.map(lambda values: values[rows], data)
            if renewed is not None:
                samples = renewed(samples, number)
            gradient, losses = jax.grad(loss, has_aux=True)(parameters, samples, weights)
            updates, state = optimizer.update(gradient, state, parameters)
            return (optax.apply_updates(parameters, updates), state), losses

        rows, weights = batches(key, n_samples, batch_size)
        carry, losses = jax.lax.scan(step, carry, (rows[:n_steps], weights[:n_steps]))
        return carry, jnp.mean(losses, axis=0)

    keys, carry = jax.random.split(key, epochs), (parameters, optimizer.init(parameters))
    whole = partial(epoch, n_steps=n_batches)
    if last == n_batches:
        carry, losses = jax.lax.scan(whole, carry, (keys, jnp.arange(epochs)))
    else:
        carry, losses = jax.lax.scan(whole, carry, (keys[:-1], jnp.arange(epochs - 1)))
        carry, cut_short = epoch(carry, (keys[-1], jnp.asarray(epochs - 1)), last)
        losses = jnp.concatenate([losses, cut_short[None]])
    return carry[0], losses


def batches(
    key: Key[Array, ""], n_samples: int, batch_size: int
) -> tuple[Int[Array, "batch row"], Float[Array, "batch row"]]:
    """Return the rows of each batch of one epoch and their weights (0 where the last batch is padded).

    The order is that of independent 32-bit keys: one sort, where a library permutation sorts twice. Equal keys keep
    their original order, which for n samples touches about n^2 / 2^33 pairs (0.4 of 60 000).
    """
    n_batches = -(-n_samples // batch_size)
    order = jnp.argsort(jax.random.bits(key, (n_samples,)))
    rows = jnp.pad(order, (0, n_batches * batch_size - n_samples))
    weights = (jnp.arange(n_batches * batch_size) < n_samples).astype(jnp.float32)
    return rows.reshape(n_batches, batch_size), weights.reshape(n_batches, batch_size)


def weighted_mean(values: Float[Array, " sample"], weights: Float[Array, " sample"]) -> Float[Array, ""]:
    """Return the mean of a batch's values without its padding."""
    return jnp.sum(values * weights) / jnp.sum(weights)
