"""A training run as a pure function: a scan over epochs of scans over batches, or a scan over checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

Loss = Callable[[PyTree, PyTree, Float[Array, " sample"]], tuple[Float[Array, ""], Array]]
TransformBatch = Callable[[PyTree, Int[Array, ""]], PyTree]
# A carry is (parameters, optimizer state); a batch is (rows, weights, number of the step).
Carry = tuple[PyTree, PyTree]
Batch = tuple[Int[Array, " row"], Float[Array, " row"], Int[Array, ""]]


@dataclass(frozen=True, eq=False)
class Training:
    """The loss, samples, optimizer and length of a training run.

    Attributes:
        loss: maps (parameters, batch, weights) to the loss to differentiate and the losses to record; weights are 1
            for the batch's samples and 0 for the padding of the last, short batch.
        data: pytree of arrays whose leading axis is the sample.
        epochs: passes over the data.
        steps: total number of batches, if the last epoch is cut short; it must end within that epoch.
        transform_batch: maps the rows of the data and the number of the step, counted from zero, to the batch that is
            passed to the loss; None: the rows are the batch.
    """

    loss: Loss
    data: PyTree
    optimizer: optax.GradientTransformation
    epochs: int
    batch_size: int
    steps: int | None = None
    transform_batch: TransformBatch | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples in the data."""
        return jax.tree.leaves(self.data)[0].shape[0]

    def start(self, parameters: PyTree) -> Carry:
        """Return the parameters with the optimizer's initial state."""
        return parameters, self.optimizer.init(parameters)

    def step(self, carry: Carry, batch: Batch) -> tuple[Carry, Array]:
        """Update parameters and optimizer state by one batch, and return the losses to record."""
        parameters, state = carry
        rows, weights, number = batch
        samples = jax.tree.map(lambda values: values[rows], self.data)
        if self.transform_batch is not None:
            samples = self.transform_batch(samples, number)
        gradient, losses = jax.grad(self.loss, has_aux=True)(parameters, samples, weights)
        updates, state = self.optimizer.update(gradient, state, parameters)
        return (optax.apply_updates(parameters, updates), state), losses


def train(parameters: PyTree, training: Training, key: Key[Array, ""]) -> tuple[PyTree, Float[Array, "epoch ..."]]:
    """Train on minibatches that are reshuffled every epoch; the last batch of an epoch may be short.

    Returns:
        The trained parameters, and the recorded losses averaged over the batches of each epoch.
    """
    n_samples, batch_size, epochs = training.n_samples, training.batch_size, training.epochs
    n_batches = -(-n_samples // batch_size)
    last = n_batches if training.steps is None else training.steps - (epochs - 1) * n_batches

    def epoch(carry: Carry, number: Array, n_steps: int) -> tuple[Carry, Array]:
        rows, weights = batches(jax.random.fold_in(key, number), n_samples, batch_size)
        numbers = number * n_batches + jnp.arange(n_steps)
        carry, losses = jax.lax.scan(training.step, carry, (rows[:n_steps], weights[:n_steps], numbers))
        return carry, jnp.mean(losses, axis=0)

    carry, complete = training.start(parameters), partial(epoch, n_steps=n_batches)
    if last == n_batches:
        carry, losses = jax.lax.scan(complete, carry, jnp.arange(epochs))
    else:
        # A scan needs epochs of one length, so the short last epoch follows it.
        carry, losses = jax.lax.scan(complete, carry, jnp.arange(epochs - 1))
        carry, last_losses = epoch(carry, jnp.asarray(epochs - 1), last)
        losses = jnp.concatenate([losses, last_losses[None]])
    return carry[0], losses


def train_observed(
    parameters: PyTree, training: Training, key: Key[Array, ""], observe: Callable[[PyTree, PyTree], PyTree]
) -> tuple[PyTree, PyTree]:
    """Train through the same steps as `train`, and return the observations at all `checkpoints` on a leading axis.

    `observe` is given the parameters and the optimizer's state.
    """
    n_samples, batch_size, epochs = training.n_samples, training.batch_size, training.epochs
    draw = jax.vmap(lambda number: batches(jax.random.fold_in(key, number), n_samples, batch_size))
    rows, weights = (values.reshape(-1, batch_size) for values in draw(jnp.arange(epochs)))
    ends = jnp.asarray(checkpoints(n_samples, batch_size, epochs, training.steps))

    # The trip count is traced, so that step and observe are compiled once however many checkpoints there are.
    def segment(carry: Carry, bounds: tuple[Array, Array]) -> tuple[Carry, PyTree]:
        def step(i: Array, carry: Carry) -> Carry:
            return training.step(carry, (rows[i], weights[i], i))[0]

        carry = jax.lax.fori_loop(*bounds, step, carry)
        return carry, observe(*carry)

    bounds = jnp.concatenate([ends[:1], ends[:-1]]), ends
    (trained, _), observed = jax.lax.scan(segment, training.start(parameters), bounds)
    return trained, observed


def checkpoints(n_samples: int, batch_size: int, epochs: int, steps: int | None = None) -> tuple[int, ...]:
    """Return the steps after which `train_observed` observes: 0, powers of two in the first epoch, each epoch's end.

    The arguments are the fields of `Training`.
    """
    n_batches = -(-n_samples // batch_size)
    last = epochs * n_batches if steps is None else steps
    powers = {2**i for i in range(n_batches.bit_length()) if 2**i < last}
    return tuple(sorted({0, *powers, *range(n_batches, last, n_batches), last}))


def batches(
    key: Key[Array, ""], n_samples: int, batch_size: int
) -> tuple[Int[Array, "batch row"], Float[Array, "batch row"]]:
    """Return the rows of each batch of one epoch and their weights (0 where the last batch is padded).

    The rows are sorted by independent random 32-bit numbers. This takes one sort, where `jax.random.permutation` takes
    two. Rows with equal numbers keep their original order, which concerns about n^2 / 2^33 pairs of n samples (0.4
    pairs for 60 000 samples).
    """
    n_batches = -(-n_samples // batch_size)
    order = jnp.argsort(jax.random.bits(key, (n_samples,)))
    rows = jnp.pad(order, (0, n_batches * batch_size - n_samples))
    weights = (jnp.arange(n_batches * batch_size) < n_samples).astype(jnp.float32)
    return rows.reshape(n_batches, batch_size), weights.reshape(n_batches, batch_size)


def weighted_mean(values: Float[Array, " sample"], weights: Float[Array, " sample"]) -> Float[Array, ""]:
    """Return the mean of a batch's values, not counting its padding."""
    return jnp.sum(values * weights) / jnp.sum(weights)
