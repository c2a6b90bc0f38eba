"""examples/minimal.py, which imports nothing of the package, held against the package."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sottovoce.theory import capture, linear

SOURCE = Path(__file__).parents[1] / "examples" / "minimal.py"


@pytest.fixture(scope="module")
def minimal():
    spec = importlib.util.spec_from_file_location("minimal", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_stands_alone_and_stays_short():
    text = SOURCE.read_text(encoding="utf-8")
    assert "sottovoce" not in text
    assert len(text.splitlines()) <= 140


@pytest.mark.parametrize("n_aux", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_toy_student_agrees_with_the_closed_form(minimal, n_aux, seed):
    rng = np.random.default_rng(seed)
    W1, W2 = minimal.toy_teacher(rng, n_aux)
    np.testing.assert_allclose(np.abs(W1).sum(), np.abs(W2).sum(), rtol=1e-12)
    student, expected = minimal.toy_student(rng, W1, W2, n_aux), linear.student(W1, W2, n_aux)
    np.testing.assert_allclose(student, expected, atol=1e-10)
    A, B = W1 @ W2, student @ W2
    cosines = [minimal.cosine(a, b) for a, b in zip(A.T, B.T, strict=True)]
    np.testing.assert_allclose(cosines, capture.column_cosine(A, linear.end_to_end(expected, W2)), atol=1e-10)


def test_gradients_are_those_of_finite_differences(minimal):
    rng = np.random.default_rng(0)
    # Biases away from zero: a unit fed by dead units only would sit on the kink of the ReLU.
    params = [(W, b + rng.uniform(0.1, 0.5, b.shape)) for W, b in minimal.init(rng, (4, 6, 5, 5))]
    x, target = rng.standard_normal((7, 4)), minimal.softmax(rng.standard_normal((7, 2)))
    logits, step = slice(3, None), 1e-6
    _, gradients = minimal.loss_gradients(params, x, target, logits)
    for pair, slopes in zip(params, gradients, strict=True):
        for array, slope in zip(pair, slopes, strict=True):
            for index in np.ndindex(array.shape):
                kept, values = array[index], []
                for sign in (1, -1):
                    array[index] = kept + sign * step
                    values.append(minimal.loss_gradients(params, x, target, logits)[0])
                array[index] = kept
                # Central differences err by step^2 and by rounding / step: about 1e-12 and 1e-10.
                assert slope[index] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-8)


def test_training_moves_a_copy_toward_the_target(minimal):
    rng = np.random.default_rng(1)
    params = minimal.init(rng, (4, 8, 5))
    before = [array.copy() for pair in params for array in pair]
    x, target = rng.standard_normal((200, 4)), np.tile([0.7, 0.3], (200, 1))
    trained = minimal.train(rng, params, x, target, slice(3, None), epochs=5)
    for array, kept in zip([array for pair in params for array in pair], before, strict=True):
        np.testing.assert_array_equal(array, kept)
    losses = [minimal.loss_gradients(p, x, target, slice(3, None))[0] for p in (params, trained)]
    assert losses[1] < losses[0]


def test_network_and_gradients_agree_with_the_package(minimal):
    import jax
    import jax.numpy as jnp

    from sottovoce.networks.mlp import MLP, Linear
    from sottovoce.training.objectives import kl

    rng = np.random.default_rng(1)
    params = [(W, b + rng.uniform(-0.3, 0.3, b.shape)) for W, b in minimal.init(rng, (64, 32, 32, 13))]
    x, teacher_logits = rng.uniform(-1, 1, (50, 64)), rng.standard_normal((50, 13))
    *trunk, (W, b) = [(jnp.asarray(W, jnp.float32), jnp.asarray(b, jnp.float32)) for W, b in params]
    network = MLP(tuple(Linear(*pair) for pair in trunk), Linear(W[:, :10], b[:10]), Linear(W[:, 10:], b[10:]), "relu")
    inputs, mask = jnp.asarray(x, jnp.float32), jnp.arange(13) >= 10
    # Float32 rounding of sums of at most 64 terms of order one: about 64 eps = 8e-6.
    np.testing.assert_allclose(network(inputs), minimal.forward(params, x)[-1], atol=2e-5)

    def loss(network: MLP) -> jax.Array:
        distances = kl(network(inputs), jnp.asarray(teacher_logits, jnp.float32), mask, jnp.asarray(1.0))
        return distances.mean()

    value, gradient = jax.value_and_grad(loss)(network)
    target = minimal.softmax(teacher_logits[:, 10:])
    expected_value, expected = minimal.loss_gradients(params, x, target, slice(10, None))
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    for layer, (slope_W, slope_b) in zip(gradient.trunk, expected[:-1], strict=True):
        np.testing.assert_allclose(layer.weight, slope_W, atol=1e-6)
        np.testing.assert_allclose(layer.bias, slope_b, atol=1e-6)
    np.testing.assert_allclose(gradient.aux_head.weight, expected[-1][0][:, 10:], atol=1e-6)
    np.testing.assert_allclose(gradient.class_head.weight, 0.0, atol=0)
