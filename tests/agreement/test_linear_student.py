"""The closed-form student against the training loop: gradient descent on the trunk alone ends where algebra says."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.networks.initialization import Architecture, initialize
from sottovoce.parts import OBJECTIVES
from sottovoce.theory import linear
from sottovoce.training.loop import Training, train, weighted_mean
from sottovoce.training.students import Student, arrays_of

D_IN, HIDDEN, N_CLASS, N_SAMPLES, BATCH = 4, 6, 3, 96, 32
RATE, EPOCHS = 0.5, 400


@pytest.mark.parametrize(("objective", "n_aux"), [("mse", 1), ("mse", 3), ("kl", 3)])
def test_gradient_descent_on_the_trunk_ends_at_the_closed_form(objective, n_aux):
    architecture = Architecture(D_IN, (HIDDEN,), N_CLASS, n_aux, activation="linear")
    reference, other = (jax.jit(initialize, static_argnums=0)(architecture, jax.random.key(seed)) for seed in (0, 1))

    def with_trunk(weight):
        return eqx.tree_at(lambda network: network.trunk[0].weight, reference, weight)

    W1_0, W1 = reference.trunk[0].weight, other.trunk[0].weight
    (mask,) = arrays_of(architecture, (Student("student", objective, n_aux),)).masks
    x = jax.random.normal(jax.random.key(2), (N_SAMPLES, D_IN))
    targets = with_trunk(W1)(x)

    def loss(weight, batch, weights):
        samples, wanted = batch
        distances = OBJECTIVES[objective](with_trunk(weight)(samples), wanted, mask, jnp.asarray(1.0))
        value = weighted_mean(distances, weights)
        return value, value

    training = Training(loss, (x, targets), optax.sgd(RATE), epochs=EPOCHS, batch_size=BATCH)
    student, losses = train(W1_0, training, jax.random.key(3))
    expected = linear.student(np.asarray(W1), np.asarray(reference.heads().weight), n_aux, objective, np.asarray(W1_0))
    # The distance left after descent, from the smallest curvature that the objective has at the teacher.
    curvature = smallest_curvature(objective, np.asarray(x, np.float64), np.asarray(targets, np.float64), reference)
    left = (1 - RATE * curvature) ** (EPOCHS * N_SAMPLES / BATCH)
    assert left < 1e-4, "descent is not long enough to tell"
    # Rounding of 6e-8 in logits of size one moves the end by that over the smallest curvature.
    tolerance = left * np.abs(W1 - W1_0).max() + 6e-7 / curvature
    np.testing.assert_allclose(student, expected, atol=tolerance)
    # Which is far from both where it began and where the teacher is.
    assert np.abs(expected - W1_0).max() > 100 * tolerance
    assert np.abs(expected - W1).max() > 100 * tolerance
    assert losses[-1] < 1e-8


def smallest_curvature(objective, x, targets, reference):
    """Smallest non-zero eigenvalue of the mean squared-error or Fisher curvature of the trunk at the teacher."""
    Z = np.asarray(reference.aux_head.weight, np.float64)
    n_aux = Z.shape[1]
    z = targets[:, N_CLASS:]
    if objective == "mse":
        inner = np.broadcast_to(2 / n_aux * np.eye(n_aux), (len(x), n_aux, n_aux))
    else:
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        inner = np.einsum("sa,ab->sab", p, np.eye(n_aux)) - np.einsum("sa,sb->sab", p, p)
    curvature = np.einsum("si,sj,ha,sab,gb->ihjg", x, x, Z, inner, Z, optimize=True) / len(x)
    values = np.linalg.eigvalsh(curvature.reshape(D_IN * HIDDEN, -1))
    return values[values > 1e-9 * values.max()].min()
