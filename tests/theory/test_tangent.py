"""The linearized student: a dense twin of every matrix-free product, limits in time, and the linear closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from sottovoce.errors import UsageError
from sottovoce.theory import linear, metric, tangent

OBJECTIVES = ("mse", "kl")
N, D_IN, HIDDEN, K = 13, 4, 6, 3
# Float64 through some hundred products, and a Krylov space that is the whole space: conditioning costs some digits.
ROUNDING = 1e-9


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def apply(parameters, x):
    W1, b, W2 = parameters
    return jnp.tanh(x @ W1 + b) @ W2


def problem(n=N, size=1.0):
    rng = np.random.default_rng(0)
    base = tuple(jnp.asarray(size * rng.standard_normal(s)) for s in ((D_IN, HIDDEN), (HIDDEN,), (HIDDEN, K)))
    inputs = jnp.asarray(rng.standard_normal((n, D_IN)))
    moved = jax.tree.map(lambda leaf: leaf + 0.3 * rng.standard_normal(leaf.shape), base)
    return base, inputs, apply(moved, inputs)


def flat(parameters):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(parameters)])


def dense(base, inputs, targets, objective):
    """The Jacobian (n k, parameters), the weighted kernel (n k, n k) and the weighted residual, all formed."""
    outputs = apply(base, inputs)
    leaves = jax.jacrev(lambda p: apply(p, inputs).ravel())(base)
    J = np.concatenate([np.reshape(leaf, (outputs.size, -1)) for leaf in leaves], axis=1)
    p = np.exp(targets) / np.exp(targets).sum(axis=1, keepdims=True)
    B = np.zeros((outputs.size, outputs.size))
    for i in range(len(inputs)):
        H = np.eye(K) * 2 / K if objective == "mse" else np.diag(p[i]) - np.outer(p[i], p[i])
        values, vectors = np.linalg.eigh(H)
        # The symmetric root; the package's own differs by a rotation, which no answer sees.
        B[i * K : (i + 1) * K, i * K : (i + 1) * K] = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    kernel = B.T @ J @ J.T @ B / len(inputs)
    return J, B, kernel, B.T @ np.ravel(targets - outputs)


def integral(kernel, time):
    """phi_t(K): the integral of exp(-K s) from 0 to t, as a corner of one matrix exponential (Van Loan 1978)."""
    n = len(kernel)
    augmented = np.block([[-kernel, np.eye(n)], [np.zeros((n, 2 * n))]])
    return expm(augmented * time)[:n, n:]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("rows", "time"), [(5, 0.1), (50, 3.0)])
def test_flow_is_its_dense_twin(objective, rows, time):
    base, inputs, targets = problem()
    J, B, kernel, residual = dense(base, inputs, targets, objective)
    expected = J.T @ B @ integral(kernel, time) @ residual / N
    found = tangent.kernel_student(
        apply, base, inputs, targets, objective=objective, time=time, directions=N * K, rows=rows
    )
    np.testing.assert_allclose(flat(found.parameters), expected, atol=ROUNDING)
    np.testing.assert_allclose(found.ritz_values[-1], np.linalg.eigvalsh(kernel)[-1], rtol=1e-12)


def test_several_times_are_each_one_alone():
    base, inputs, targets = problem()
    times = jnp.asarray([0.0, 0.4, jnp.inf])
    together = tangent.kernel_student(apply, base, inputs, targets, objective="mse", time=times, rows=5).parameters
    for i, time in enumerate(times.tolist()):
        alone = tangent.kernel_student(apply, base, inputs, targets, objective="mse", time=time, rows=5).parameters
        np.testing.assert_allclose(flat(jax.tree.map(lambda leaf: leaf[i], together)), flat(alone), atol=ROUNDING)  # noqa: B023


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_infinite_time_is_kernel_regression(objective):
    # Six inputs: 18 (mse) or 12 (kl) conditions on 48 parameters can all be met. Softmaxes far from saturation keep
    # every direction that kl sees within reach of float64.
    base, inputs, targets = problem(n=6, size=0.5)
    J, B, _, residual = dense(base, inputs, targets, objective)
    # The root of a zero eigenvalue is rounded to 1e-8.
    expected = np.linalg.lstsq(B.T @ J, residual, rcond=1e-6)[0]
    found = tangent.kernel_student(apply, base, inputs, targets, objective=objective, directions=6 * K).parameters
    # The kernel squares the condition number of J.
    np.testing.assert_allclose(flat(found), expected, atol=1e-6)
    moved = jax.tree.map(jnp.add, base, found)
    missed = targets - tangent.linearized(apply, base)(moved, inputs)
    missed = missed - missed.mean(axis=1, keepdims=True) if objective == "kl" else missed
    np.testing.assert_allclose(missed, 0, atol=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_time_leaves_the_base_and_a_short_time_is_one_gradient_step(objective):
    base, inputs, targets = problem()
    still = tangent.kernel_student(apply, base, inputs, targets, objective=objective, time=0.0).parameters
    np.testing.assert_array_equal(flat(still), 0)
    J, B, _, residual = dense(base, inputs, targets, objective)
    step = J.T @ B @ residual / N
    for time in (1e-3, 1e-4):
        found = tangent.kernel_student(apply, base, inputs, targets, objective=objective, time=time).parameters
        # The next term of the flow is K u_0 t^2 / 2.
        assert np.abs(flat(found) / time - step).max() < 50 * time * np.abs(step).max()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("directions", [2, 5])
def test_few_directions_are_as_many_steps_of_conjugate_gradients(objective, directions):
    base, inputs, targets = problem()
    J, B, kernel, residual = dense(base, inputs, targets, objective)
    # Conjugate gradients on K a = u_0, written out.
    a, r = np.zeros_like(residual), residual.copy()
    p = r
    for _ in range(directions):
        step = r @ r / (p @ kernel @ p)
        a, following = a + step * p, r - step * kernel @ p
        p, r = following + (following @ following) / (r @ r) * p, following
    found = tangent.kernel_student(apply, base, inputs, targets, objective=objective, directions=directions, rows=4)
    np.testing.assert_allclose(flat(found.parameters), J.T @ B @ a / N, atol=ROUNDING)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("n_aux", [2, 3])
def test_a_linear_trunk_ends_as_the_closed_form_says(objective, n_aux):
    """With only the trunk moving the network is its own linearization: kernel regression is theory.linear's student."""
    rng = np.random.default_rng(1)
    W1_0, W1_T = rng.standard_normal((2, D_IN, HIDDEN))
    W2 = rng.standard_normal((HIDDEN, 2 + n_aux))
    inputs = jnp.asarray(rng.standard_normal((20, D_IN)))
    found = tangent.predicted_student(
        lambda W1, x: x @ W1 @ jnp.asarray(W2),
        jnp.asarray(W1_0),
        jnp.asarray(W1_T),
        inputs,
        objective=objective,
        mask=jnp.arange(2 + n_aux) >= 2,
        directions=24,
    )
    np.testing.assert_allclose(found, linear.student(W1_T, W2, n_aux, objective, W1_0), atol=1e-7)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_first_update_points_down_the_gradient_and_goes_to_the_lowest_point(objective):
    base, inputs, targets = problem()
    first = tangent.first_update(apply, base, inputs, targets, objective=objective, temperature=2.0, rows=5)
    found = flat(first.step)

    def loss(parameters):
        student, teacher = apply(parameters, inputs), targets
        if objective == "mse":
            return jnp.mean((student - teacher) ** 2)
        log_p, log_q = jax.nn.log_softmax(teacher / 2), jax.nn.log_softmax(student / 2)
        return jnp.mean(jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=1))

    gradient = flat(jax.grad(loss)(base))
    np.testing.assert_allclose(flat(first.gradient), gradient, atol=1e-12)
    np.testing.assert_allclose(found / np.linalg.norm(found), -gradient / np.linalg.norm(gradient), atol=1e-12)
    root = np.asarray(metric.metric_root(targets, objective, 2.0))
    J = dense(base, inputs, targets, "mse")[0].reshape(N, K, -1)
    residual = np.asarray(targets - apply(base, inputs))

    def quadratic(scale):
        weighed = np.einsum("nji,nj->ni", root, residual - scale * J @ found)
        return np.sum(weighed**2)

    assert quadratic(1.0) < min(quadratic(0.99), quadratic(1.01))


def test_one_logit_under_kl_teaches_nothing():
    base, inputs, targets = problem()
    one = lambda parameters, x: apply(parameters, x)[:, :1]  # noqa: E731
    for displacement in (
        tangent.kernel_student(one, base, inputs, targets[:, :1], objective="kl").parameters,
        tangent.first_update(one, base, inputs, targets[:, :1], objective="kl").step,
    ):
        np.testing.assert_allclose(flat(displacement), 0, atol=1e-15)


def test_a_linearized_network_is_a_taylor_expansion():
    base, inputs, _ = problem()
    direction = jax.tree.map(lambda leaf: jnp.ones_like(leaf), base)
    errors = []
    for size in (1e-2, 1e-3):
        moved = jax.tree.map(lambda leaf, d: leaf + size * d, base, direction)  # noqa: B023
        errors.append(np.abs(tangent.linearized(apply, base)(moved, inputs) - apply(moved, inputs)).max())
    # Second order: ten times closer is a hundred times more exact, up to the third order's share of 1e-2.
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"objective": "mae"}, "objective is 'mae'; allowed: mse, kl"), ({"directions": 0}, "directions is 0")],
)
def test_refuses(fields, message):
    base, inputs, targets = problem()
    with pytest.raises(UsageError, match=message):
        tangent.kernel_student(apply, base, inputs, targets, **{"objective": "mse"} | fields)
