"""The training loop against a plain Python loop over unpadded batches."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.training.loop import Training, batches, checkpoints, train, train_observed, weighted_mean

KEY = jax.random.key(0)


@pytest.mark.parametrize(("n_samples", "batch_size"), [(10, 4), (12, 4), (3, 3), (7, 1), (5, 8)])
def test_an_epoch_is_a_permutation_with_the_short_batch_kept(n_samples, batch_size):
    rows, weights = (np.asarray(values) for values in batches(KEY, n_samples, batch_size))
    assert rows.shape == weights.shape == (-(-n_samples // batch_size), batch_size)
    assert sorted(rows[weights == 1]) == list(range(n_samples))
    # Every batch but the last is full, and padding comes last.
    assert (weights.ravel() == (np.arange(weights.size) < n_samples)).all()
    assert rows.max() < n_samples


def test_every_order_is_equally_likely():
    keys = jax.random.split(KEY, 6000)
    orders = jax.vmap(lambda key: batches(key, 3, 3)[0][0])(keys)
    _, counts = np.unique(np.asarray(orders), axis=0, return_counts=True)
    # Counts of 6 orders in 6000 epochs are 1000 with standard deviation sqrt(6000 * 1/6 * 5/6) = 29; five of them.
    assert len(counts) == 6
    assert np.abs(counts - 1000).max() < 145


def regression():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((11, 3)).astype(np.float32)
    y = (x @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(11)).astype(np.float32)
    return (jnp.asarray(x), jnp.asarray(y)), {"w": jnp.zeros(3), "b": jnp.zeros(())}


def loss(parameters, batch, weights):
    x, y = batch
    errors = (x @ parameters["w"] + parameters["b"] - y) ** 2
    value = weighted_mean(errors, weights)
    return value, jnp.stack([value, 2 * value])


def test_transformed_batches_are_those_of_their_step():
    (x, y), start = regression()
    sets = jnp.stack([x, 2 * x, -x])

    def of_step(rows, step):
        return sets[step // 3, rows], y[rows]

    optimizer = optax.sgd(0.05)
    training = Training(loss, jnp.arange(11), optimizer, epochs=3, batch_size=4, transform_batch=of_step)
    trained, losses = train(start, training, KEY)

    @jax.jit
    def step(parameters, batch):
        gradient = jax.grad(lambda p: loss(p, batch, jnp.ones(len(batch[1])))[0])(parameters)
        return jax.tree.map(lambda p, g: p - 0.05 * g, parameters, gradient)

    parameters = start
    for number, key in enumerate(jax.random.split(KEY, 3)):
        for rows, weights in zip(*batches(key, 11, 4), strict=True):
            here = np.asarray(rows)[np.asarray(weights) == 1]
            parameters = step(parameters, (sets[number, here], y[here]))
    # Nine steps on values of order one.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained, parameters)
    assert losses.shape == (3, 2)


@pytest.mark.parametrize("steps", [None, 9, 8])
@pytest.mark.parametrize("optimizer", [optax.sgd(0.05), optax.adam(0.01)], ids=["sgd", "adam"])
def test_training_equals_a_plain_loop_over_unpadded_batches(optimizer, steps):
    (x, y), start = regression()
    training = Training(loss, (x, y), optimizer, epochs=3, batch_size=4, steps=steps)
    trained, losses = train(start, training, KEY)

    @jax.jit
    def step(parameters, state, x, y):
        mean_square, gradient = jax.value_and_grad(lambda p: jnp.mean((x @ p["w"] + p["b"] - y) ** 2))(parameters)
        updates, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state, mean_square

    parameters, state, expected, left = start, optimizer.init(start), [], steps or 9
    for key in jax.random.split(KEY, 3):
        rows, weights = (np.asarray(values) for values in batches(key, 11, 4))
        values = []
        for here in [batch[valid] for batch, valid in zip(rows, weights == 1, strict=True)][:left]:
            parameters, state, value = step(parameters, state, x[here], y[here])
            values.append(float(value))
        left -= len(values)
        expected.append(np.mean(values))
    # Nine steps on numbers of size one, each rounded to 6e-8 a few times.
    close = {"atol": 5e-6, "rtol": 0}
    np.testing.assert_allclose(trained["w"], parameters["w"], **close)
    np.testing.assert_allclose(trained["b"], parameters["b"], **close)
    np.testing.assert_allclose(losses, np.outer(expected, [1, 2]), rtol=5e-6)
    # The losses of some batches are no epoch's.
    assert steps == 8 or losses[-1, 0] < losses[0, 0]


def test_steps_within_the_first_epoch_are_its_first_batches():
    (x, y), start = regression()
    training = Training(loss, (x, y), optax.sgd(0.05), epochs=1, batch_size=4)
    trained, losses = train(start, replace(training, steps=1), KEY)
    rows = batches(jax.random.split(KEY, 1)[0], 11, 4)[0][:1]
    expected, _ = train(start, replace(training, data=(x[rows[0]], y[rows[0]])), KEY)
    assert losses.shape == (1, 2)
    np.testing.assert_allclose(trained["w"], expected["w"], atol=1e-6)


def test_epochs_see_different_orders():
    (x, y), start = regression()
    # At rate zero only the grouping into batches can change an epoch's recorded loss.
    _, losses = train(start, Training(loss, (x, y), optax.sgd(0.0), epochs=4, batch_size=4), KEY)
    assert len(np.unique(losses[:, 0])) == 4


@pytest.mark.parametrize(
    ("sizes", "steps", "expected"),
    [
        ((11, 4, 3), None, (0, 1, 2, 3, 6, 9)),
        ((11, 4, 3), 8, (0, 1, 2, 3, 6, 8)),
        ((11, 4, 1), 1, (0, 1)),
        ((60_000, 1024, 5), None, (0, 1, 2, 4, 8, 16, 32, 59, 118, 177, 236, 295)),
        ((16, 2, 2), None, (0, 1, 2, 4, 8, 16)),
    ],
)
def test_checkpoints_are_powers_of_two_in_the_first_epoch_and_the_ends_of_all(sizes, steps, expected):
    assert checkpoints(*sizes, steps) == expected


@pytest.mark.parametrize("steps", [None, 8])
def test_observed_training_is_the_same_training_with_its_checkpoints(steps):
    (x, y), start = regression()
    optimizer = optax.adam(0.01)
    training = Training(
        loss,
        jnp.arange(11),
        optimizer,
        epochs=3,
        batch_size=4,
        steps=steps,
        transform_batch=lambda rows, step: (x[rows], (1 + step) * y[rows]),
    )
    trained, seen = train_observed(start, training, KEY, lambda p, state: (p, state[0].count))
    expected, _ = train(start, training, KEY)
    # Nine steps on numbers of size one, each rounded to 6e-8 a few times.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-6), trained, expected)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[-1], b), seen[0], trained)
    ends = checkpoints(11, 4, 3, steps)
    np.testing.assert_array_equal(seen[1], ends)
    passed, parameters, state, number = [start], start, optimizer.init(start), 0
    for key in jax.random.split(KEY, 3):
        for rows, weights in zip(*batches(key, 11, 4), strict=True):
            here = np.asarray(rows)[np.asarray(weights) == 1]
            batch = (x[here], (1 + number) * y[here])
            gradient = jax.grad(lambda p, batch=batch: loss(p, batch, jnp.ones(len(batch[1])))[0])(parameters)
            updates, state = optimizer.update(gradient, state, parameters)
            parameters = optax.apply_updates(parameters, updates)
            passed.append(parameters)
            number += 1
    for i, end in enumerate(ends):
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, atol=5e-6), seen[0], passed[end])
