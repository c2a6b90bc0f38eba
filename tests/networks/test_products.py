"""Products of rows with weights: what the rule for a CPU's gradients may not change, by formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.networks.products import NARROW, float32

product = float32
# Of sums over 30 products of order one in float32.
ROUNDING = 30 * 2**-23 * 10
WIDTHS = [1, NARROW, NARROW + 1]


def draw(n_out: int, n_rows: int = 30, n_in: int = 20):
    rng = np.random.default_rng(n_out)
    shapes = (n_rows, n_in), (n_in, n_out), (n_rows, n_out), (n_rows, n_in), (n_in, n_out)
    return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]


@pytest.mark.parametrize("n_out", WIDTHS)
def test_gradients_are_those_of_a_product(n_out: int):
    x, w, g, _, _ = draw(n_out)
    value, pull = jax.vjp(product, x, w)
    of_x, of_w = pull(jnp.asarray(g))
    np.testing.assert_allclose(value, np.float64(x) @ w, atol=ROUNDING)
    np.testing.assert_allclose(of_x, np.float64(g) @ w.T, atol=ROUNDING * n_out)
    np.testing.assert_allclose(of_w, np.float64(x.T) @ g, atol=ROUNDING)


@pytest.mark.parametrize("n_out", WIDTHS)
@pytest.mark.parametrize("moved", [(0,), (1,), (0, 1)])
def test_tangents_are_those_of_a_product(n_out: int, moved: tuple[int, ...]):
    x, w, _, dx, dw = draw(n_out)

    def along(t):
        return product(x + t * dx if 0 in moved else x, w + t * dw if 1 in moved else w)

    _, tangent = jax.jvp(along, (0.0,), (1.0,))
    expected = (0 in moved) * (np.float64(dx) @ w) + (1 in moved) * (np.float64(x) @ dw)
    np.testing.assert_allclose(tangent, expected, atol=2 * ROUNDING)


@pytest.mark.parametrize("n_out", WIDTHS)
def test_second_derivatives_and_batches(n_out: int):
    x, w, g, dx, dw = draw(n_out)

    def scalar(t, s):
        return jnp.sum(g * product(x + t * dx, w + s * dw))

    # The mixed derivative is the sum of g * (dx @ dw), whichever comes first and whichever way it is taken.
    expected = np.sum(np.float64(g) * (np.float64(dx) @ dw))
    for mixed in (jax.grad(lambda t: jax.grad(scalar, 1)(t, 0.0)), jax.jacfwd(lambda s: jax.grad(scalar)(0.0, s))):
        assert mixed(0.0) == pytest.approx(expected, abs=g.size * ROUNDING)
    stacked = jax.vmap(jax.grad(lambda w, x: jnp.sum(product(x, w) ** 2)), in_axes=(None, 0))(w, jnp.stack([x, dx]))
    for one, rows in zip(stacked, (x, dx), strict=True):
        np.testing.assert_allclose(one, 2 * np.float64(rows.T) @ (np.float64(rows) @ w), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_products_and_gradients_are_taken_in_full_precision_on_every_device(monkeypatch, backend: str):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    x, w, g, _, _ = draw(NARROW + 1)
    found = str(jax.make_jaxpr(lambda x, w: jax.vjp(product, x, w)[1](jnp.asarray(g)))(x, w))
    assert ("optimization_barrier" in found) == (backend == "cpu")
    assert found.count("dot_general") == found.count("=(Precision.HIGHEST, Precision.HIGHEST)") == 3


def test_one_turned_copy_serves_all_that_read_a_batch():
    x, w, _, _, dw = draw(NARROW + 1)

    def loss(x, weights):
        return sum(jnp.sum(product(x, one) ** 2) for one in weights)

    compiled = jax.jit(jax.grad(loss, 1)).lower(x, (w, dw)).compile().as_text()
    assert compiled is not None
    assert sum(" transpose(" in line for line in compiled.splitlines()) == 1
