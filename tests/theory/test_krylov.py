"""Functions of an operator through its products, against its eigenvectors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.theory import krylov


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def operator(values, seed=0):
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values),) * 2))[0]
    return vectors, vectors * values @ vectors.T


def expected(vectors, values, start, time):
    phi = np.array([time if x == 0 else -np.expm1(-x * time) / x for x in values])
    return vectors @ (phi * (vectors.T @ start))


@pytest.mark.parametrize("time", [0.0, 0.3, 20.0])
def test_a_complete_space_is_exact(time):
    values = np.array([0.0, 0.1, 0.5, 1.0, 2.0, 5.0])
    vectors, K = operator(values)
    start = np.random.default_rng(1).standard_normal(6)
    found, ritz = krylov.flow(lambda u: K @ u, jnp.asarray(start), time, 6)
    np.testing.assert_allclose(found, expected(vectors, values, start, time), atol=1e-12)
    np.testing.assert_allclose(ritz, values, atol=1e-12)


def test_a_space_that_ends_early_leaves_zeros():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    vectors, K = operator(values)
    start = vectors[:, 1] - 2 * vectors[:, 3]
    found, ritz = krylov.flow(lambda u: K @ u, jnp.asarray(start), float("inf"), 4)
    np.testing.assert_allclose(found, np.linalg.solve(K, start), atol=1e-12)
    np.testing.assert_allclose(ritz, [0, 0, 2, 4], atol=1e-12)


def test_nothing_to_learn_is_nothing_learned():
    found, ritz = krylov.flow(lambda u: 2 * u, jnp.zeros((3, 2)), 1.0, 2)
    np.testing.assert_array_equal(found, 0)
    np.testing.assert_array_equal(ritz, 0)


def test_the_basis_stays_orthogonal_where_eigenvalues_converge_one_by_one():
    # Eigenvalues over six decades: without reorthogonalization converged ones come back as copies.
    values = np.logspace(-4, 2, 40)
    vectors, K = operator(values)
    start = vectors @ np.ones(40)
    found, ritz = krylov.flow(lambda u: K @ u, jnp.asarray(start), 1.0, 40)
    np.testing.assert_allclose(found, expected(vectors, values, start, 1.0), atol=1e-9)
    assert (np.diff(ritz) > 0).all()
