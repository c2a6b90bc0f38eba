"""The head-Gram predictor where it is exact: a linear network whose trunk alone moves, by gradient descent."""

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.theory import linear, predictors

D_IN, HIDDEN, N_CLASS = 5, 7, 3


def toy(seed, n_aux):
    rng = np.random.default_rng(seed)
    W1_0, W2 = rng.standard_normal((D_IN, HIDDEN)), 0.3 * rng.standard_normal((HIDDEN, N_CLASS + n_aux))
    return rng, W1_0, W2[:, :N_CLASS], W2[:, N_CLASS:]


def descend(W1, head, x, targets, objective, steps=20_000):
    """Gradient descent on the trunk alone; "kl" by its own gradient, not by centered columns."""

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    for _ in range(steps):
        z = x @ W1 @ head
        error = z - targets if objective == "mse" else softmax(z) - softmax(targets)
        W1 = W1 - 0.4 * x.T @ error @ head.T / len(x)
    return W1


@pytest.mark.parametrize(("objective", "n_aux"), [("mse", 1), ("mse", 3), ("kl", 2), ("kl", 4)])
def test_exact_for_a_linear_network_whose_trunk_alone_moves(objective, n_aux):
    rng, W1_0, C, Z = toy(n_aux, n_aux)
    x = rng.standard_normal((40, D_IN))
    # The teacher need not have converged: any number of label steps moves it within span(C).
    teacher = descend(W1_0, C, x, rng.standard_normal((40, N_CLASS)), "mse", steps=30)
    noise = rng.standard_normal((60, D_IN))
    student = descend(W1_0, Z, noise, noise @ teacher @ Z, objective)
    new = rng.standard_normal((10, D_IN))
    predicted = predictors.head_gram(new @ W1_0 @ C, new @ teacher @ C, C, Z, objective)
    # Descent has converged to rounding.
    np.testing.assert_allclose(predicted, new @ student @ C, atol=1e-9)
    closed = linear.student(teacher, np.concatenate([C, Z], axis=1), n_aux, objective, W1_0)
    np.testing.assert_allclose(predicted, new @ closed @ C, atol=1e-12)


def test_limits():
    rng, _, C, Z = toy(5, HIDDEN)
    z_0, z_T = rng.standard_normal((2, 10, N_CLASS))
    np.testing.assert_array_equal(predictors.head_gram(z_0, z_T, C, Z[:, :0]), z_0)
    np.testing.assert_array_equal(predictors.head_gram(z_0, z_T, C, Z[:, :1], "kl"), z_0)
    np.testing.assert_allclose(predictors.head_gram(z_0, z_T, C, Z), z_T, atol=1e-12)
    # Auxiliary columns that are the class columns tell everything that labels taught.
    np.testing.assert_allclose(predictors.head_gram(z_0, z_T, C, C[:, ::-1]), z_T, atol=1e-12)


def test_logits_of_float32_are_computed_in_float64():
    rng, _, C, Z = toy(6, 2)
    logits = rng.standard_normal((2, 10, N_CLASS)).astype(np.float32)
    predicted = predictors.head_gram(*logits, C, Z)
    assert predicted.dtype == np.float64
    np.testing.assert_array_equal(predicted, predictors.head_gram(*logits.astype(np.float64), C, Z))


def test_refuses_an_unknown_objective():
    _, _, C, Z = toy(0, 2)
    with pytest.raises(UsageError, match="objective is 'l2'"):
        predictors.head_gram(np.zeros((1, N_CLASS)), np.zeros((1, N_CLASS)), C, Z, "l2")


def test_the_self_consistent_share_recovers_itself():
    rng = np.random.default_rng(0)
    a_0, a_T = 0.1, 0.95
    a_r = rng.uniform(a_0, 0.5, 50)
    a_t = a_r + rng.uniform(0, 0.4, 50)
    share = predictors.self_consistent_share(a_r, a_t, a_0, a_T)
    predicted = a_r + share * (a_t - a_r)
    inside = share < 1
    assert inside.sum() > 10
    np.testing.assert_allclose(((predicted - a_0) / (a_T - a_0))[inside], share[inside], atol=1e-12)


@pytest.mark.parametrize(
    ("a_r", "a_t", "share"),
    [(0.1, 0.6, 0.0), (0.05, 0.6, 0.0), (0.3, 0.95, 1.0), (0.4, 0.4, 0.3 / 0.85), (0.2, 1.2, 1.0)],
)
def test_the_self_consistent_share_at_its_limits(a_r, a_t, share):
    # Nothing learned at the reference; less than nothing; all at the teacher; equal kernels; kernels too far apart.
    assert predictors.self_consistent_share(np.array([a_r]), np.array([a_t]), 0.1, 0.95) == pytest.approx(share)
