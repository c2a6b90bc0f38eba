"""Optimizers against their rules written out in NumPy float64, with traced rates and decays."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.errors import UsageError
from sottovoce.parts import OPTIMIZERS
from sottovoce.training.optimizers import MOMENTUM, flow_time, optimizer

STEPS = 4
BETAS, EPSILON = (0.9, 0.999), 1e-8


def written_out(name, w, gradients, rate, decay):
    """The weights after all gradients, by the published rule."""
    m = v = np.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        if name in {"adam", "adamw"}:
            m, v = BETAS[0] * m + (1 - BETAS[0]) * g, BETAS[1] * v + (1 - BETAS[1]) * g**2
            step = m / (1 - BETAS[0] ** t) / (np.sqrt(v / (1 - BETAS[1] ** t)) + EPSILON)
        elif name == "momentum":
            step = m = MOMENTUM * m + g
        else:
            step = np.sign(g) if name == "sign" else g
        w = w - rate * (step + (0 if name == "adam" else decay) * w)
    return w


@jax.jit
def all_after(w, gradients, rate, decay):
    """The weights after all gradients, by optimizer; rate and decay are traced."""
    after = {}
    for name in OPTIMIZERS:
        chosen = optimizer(name, rate, decay)
        here, state = w, chosen.init(w)
        for gradient in gradients:
            updates, state = chosen.update(gradient, state, here)
            here = optax.apply_updates(here, updates)
        after[name] = here
    return after


@pytest.mark.parametrize(("rate", "decay"), [(0.1, 0.0), (0.1, 0.5), (0.02, 0.5)])
def test_every_optimizer_is_its_rule_written_out(rate, decay):
    rng = np.random.default_rng(0)
    w, gradients = rng.standard_normal(6), rng.standard_normal((STEPS, 6))
    gradients[:, 0] = 0
    after = all_after(jnp.float32(w), jnp.float32(gradients), jnp.float32(rate), jnp.float32(decay))
    for name, values in after.items():
        # Four steps on numbers below three, each rounded to 6e-8 of that a few times. Where no gradient comes adam's
        # rule divides zero by epsilon.
        np.testing.assert_allclose(values, written_out(name, w, gradients, rate, decay), atol=5e-6, err_msg=name)
        still = name == "adam" or decay == 0
        assert (values[0] == jnp.float32(w)[0]) == still, name


def test_adam_takes_no_decay_and_adamw_without_decay_is_adam():
    rng = np.random.default_rng(1)
    w, gradients = jnp.float32(rng.standard_normal(6)), jnp.float32(rng.standard_normal((STEPS, 6)))
    some, none = (all_after(w, gradients, jnp.float32(0.1), jnp.float32(decay)) for decay in (0.5, 0.0))
    np.testing.assert_array_equal(some["adam"], none["adam"])
    np.testing.assert_array_equal(none["adam"], none["adamw"])


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(UsageError, match=r"optimizer is 'adma'; allowed: .*; did you mean 'adam'"):
        optimizer("adma", 0.1, 0.0)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_the_time_of_flow_is_what_each_rule_says(decay):
    gradient = {"w": jnp.asarray([0.5, -2.0]), "unreached": jnp.zeros(3)}
    rate, steps, square, length = 0.01, 40, 0.5**2 + 2.0**2, 0.5 + 2.0
    gathered = sum((1 - MOMENTUM**t) / (1 - MOMENTUM) for t in range(1, steps + 1))
    expected = {
        "adam": rate * steps * length / square,
        "adamw": rate * steps * length / square,
        "sgd": rate * steps,
        "momentum": rate * gathered,
        "sign": rate * steps * length / square,
    }
    for name, time in expected.items():
        found = flow_time(optimizer(name, rate, decay), gradient, steps)
        # Float32 sums of 40 steps; Adam divides by |g| + 1e-8.
        np.testing.assert_allclose(found, time, rtol=1e-5, err_msg=name)


def test_without_a_gradient_no_time_passes():
    assert flow_time(optimizer("adam", 0.1, 0.0), jnp.zeros(2), 3) == 0
