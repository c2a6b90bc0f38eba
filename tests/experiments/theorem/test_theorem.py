"""Theorem 1 on small networks: signs, the order of the error, and the steps written out once more."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from sottovoce.errors import UsageError
from sottovoce.experiments.theorem import experiment as theorem
from sottovoce.experiments.theorem import findings as analysis
from sottovoce.experiments.theorem.simulate import simulate


@pytest.fixture(scope="module")
def result(smoke):
    return smoke("theorem")


def test_a_shared_start_never_points_backward_and_another_start_does_both(result):
    assert (result["cosine"] > 0).all()
    assert (result["sign"].sel(initial="shared") == 1).all()
    assert set(np.unique(result["sign"].sel(initial="independent"))) == {-1.0, 1.0}


def test_errors_are_of_first_order(result):
    errors = analysis.relative_errors(result)
    for name in ("inner_error", "drop_error"):
        # The next order is smaller by the size of the step, 0.01, up to a factor of a few.
        np.testing.assert_allclose(analysis.order(errors[name]), 1, atol=0.05)


def test_the_inner_product_is_the_quadratic_form_of_a_jacobian_written_out():
    """One member, squared error on all logits of uniform inputs, with the Jacobian formed."""
    from sottovoce.data import load_dataset
    from sottovoce.data.inputs import distillation_inputs
    from sottovoce.networks.initialization import Architecture, initialize
    from sottovoce.streams import Stream, member_key

    config = theorem.Config.smoke().resolve()
    with jax.enable_x64(True):
        architecture = Architecture(n_inputs=64, widths=(8, 8), n_class=10, n_aux=3, activation="tanh")
        network = initialize(architecture, member_key(config.seed, Stream.INITIALIZATION, 0))
        network = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), network)
        images = load_dataset("digits")
        pixels = jnp.asarray(images.train_images[:64], jnp.float64)
        labels = jnp.asarray(images.train_labels[:64])
        flat, unflatten = ravel_pytree(network)

        def loss(parameters):
            logits = unflatten(parameters).class_logits(pixels)
            return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(64), labels])

        key = member_key(config.seed, Stream.DISTILLATION_INPUTS, 0)
        inputs = jnp.asarray(distillation_inputs("uniform", key, (32, 64), pixels.astype(jnp.float32)), jnp.float64)
        slope = jax.grad(loss)(flat)
        taught = -0.01 * slope / jnp.linalg.norm(slope)
        J = jax.jacrev(lambda p: unflatten(p)(inputs).ravel())(flat)
        targets = unflatten(flat + taught)(inputs)
        learned = config.rate * J.T @ (targets - unflatten(flat)(inputs)).ravel() * 2 / 13 / 32
        form = config.rate * float(jnp.sum((J @ taught) ** 2)) * 2 / 13 / 32
        cosine = float(taught @ learned / jnp.linalg.norm(taught) / jnp.linalg.norm(learned))
        error = float(taught @ learned / form - 1)
    found = simulate(config, [0]).sel(
        member=0, activation="tanh", objective="mse", subset="all", inputs="uniform", size=0.01
    )
    assert float(found["cosine"]) == pytest.approx(cosine, rel=1e-6)
    assert float(found["inner_error"]) == pytest.approx(error, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_images": 0}, "n_images is 0; allowed: 1 to 1442"),
        ({"n_inputs": 2000}, "n_inputs is 2000; allowed: 1 to 1442"),
        ({"n_aux": 1}, "n_aux is 1; allowed: 2 or more"),
        ({"sizes": (0.1,)}, "sizes is"),
        ({"sizes": (0.01, 0.1)}, "sizes is"),
        ({"activations": ("sine",)}, "allowed: relu, gelu, tanh, linear"),
        ({"activations": ()}, "activations is"),
        ({"rate": 0.0}, "rate is 0.0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_refuses_impossible_fields(fields, message):
    with pytest.raises(UsageError, match=message):
        theorem.Config(dataset="digits", **fields).resolve()
