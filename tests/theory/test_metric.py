"""Slope and curvature of the objectives, against automatic derivatives of the objectives that students minimize."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.parts import OBJECTIVES
from sottovoce.theory import metric

MASKS = ([1, 1, 1, 1], [0, 1, 1, 0], [0, 1, 1, 1])


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def logits(seed):
    return jnp.asarray(np.random.default_rng(seed).standard_normal((7, 4)))


def distance(objective, student, teacher, mask, temperature):
    return OBJECTIVES[objective](student[None], teacher[None], mask, jnp.asarray(temperature))[0]


@pytest.mark.parametrize("objective", ["mse", "kl"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_derivatives_are_those_of_the_objective(objective, mask, temperature):
    mask, student, teacher = jnp.asarray(mask, bool), logits(0), logits(1)

    def of(s, t):
        return distance(objective, s, t, mask, temperature)

    root = metric.metric_root(teacher, objective, temperature, mask)
    np.testing.assert_allclose(root @ np.swapaxes(root, 1, 2), jax.vmap(jax.hessian(of))(teacher, teacher), atol=1e-14)
    slope = metric.descent(student, teacher, objective, temperature, mask)
    np.testing.assert_allclose(slope, -jax.vmap(jax.grad(of))(student, teacher), atol=1e-14)


@pytest.mark.parametrize("objective", ["mse", "kl"])
def test_the_quadratic_form_is_the_first_gradients_inner_product_with_a_small_change(objective):
    rng = np.random.default_rng(2)
    base, change = jnp.asarray(rng.standard_normal((3, 4))), jnp.asarray(rng.standard_normal((3, 4)))
    inputs, mask = jnp.asarray(rng.standard_normal((9, 3))), jnp.asarray([1, 0, 1, 1], bool)

    def apply(parameters, x):
        return jnp.tanh(x) @ parameters

    def inner(size):
        targets = apply(base + size * change, inputs)

        def loss(parameters):
            outputs = apply(parameters, inputs)
            return jnp.mean(jax.vmap(lambda s, t: distance(objective, s, t, mask, 1.0))(outputs, targets))

        return -jnp.vdot(jax.grad(loss)(base), size * change) / size**2

    form = metric.quadratic_form(apply, base, change, inputs, objective=objective, mask=mask)
    assert form > 0
    # The next order is of the size of the step: 1e-5 of numbers of order one.
    np.testing.assert_allclose(inner(1e-5), form, rtol=1e-4)


def test_refuses_an_unknown_objective():
    for function in (lambda: metric.metric_root(logits(0), "l1"), lambda: metric.descent(logits(0), logits(1), "l1")):
        with pytest.raises(UsageError, match="objective is 'l1'"):
            function()
