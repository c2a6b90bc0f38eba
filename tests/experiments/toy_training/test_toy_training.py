"""The toy trained step by step: ends that algebra knows, gradients by another route, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.toy_training import experiment as toy_training
from sottovoce.experiments.toy_training import students
from sottovoce.experiments.toy_training.draws import draw
from sottovoce.experiments.toy_training.frozen_heads import compare, relu_recovered
from sottovoce.experiments.toy_training.simulate import simulate
from sottovoce.experiments.toy_training.trained_heads import drift
from sottovoce.theory import chains, dynamics, linear


@pytest.fixture(scope="module")
def trained():
    """Return a configuration a little smaller than the preset, and its result."""
    config = toy_training.Config(head_rates=(0.0, 0.3, 1.0), draws=4, members=3).resolve()
    return config, simulate(config, range(3))


@pytest.mark.parametrize("student", ["gd", "gd from zero", "sgd", "gd, kl"])
def test_with_the_heads_kept_the_end_is_the_closed_form(trained, student):
    _, result = trained
    # What 1000 steps leave at the smallest curvature of twelve draws; 1e-13 and 2e-9 over the 64 of the preset.
    assert result["projector_distance"].sel(student=student).max() < 1e-3
    assert result["misfit"].sel(student=student).max() < 1e-6


def test_what_is_left_of_descent_is_what_theory_says():
    config = toy_training.Config(steps=40, draws=4, members=2).resolve()
    draws = draw(config, range(2))
    result = compare(config, range(2), draws, students.RECIPES["gd"])
    for member, i in np.ndindex(2, 4):
        x, W1_0, W1, W2 = (array[member, i] for array in (draws.x[:, [0] * 4], draws.start, draws.trunk, draws.head))
        S = x.T @ x / len(x)
        rate = config.rate / 2 * float(dynamics.largest_rate(W2, config.n_aux, S))
        end = linear.student(W1, W2, config.n_aux, "mse", W1_0)
        left = dynamics.gradient_descent(W1, W2, config.n_aux, config.steps, rate, W1_0, S) - end
        expected = np.linalg.norm(left) / np.linalg.norm(end - W1_0)
        # Forty steps of rounding on numbers of size one, over a distance of about one.
        assert result["projector_distance"][member, i] == pytest.approx(expected, abs=1e-12)
        assert expected > 1e-6


def test_adam_ends_elsewhere_and_for_one_logit_where_theory_says(trained):
    _, result = trained
    assert result["projector_distance"].sel(student=["adam", "adam, one logit"]).min() > 0.05
    # Adam's epsilon of 1e-8 against gradients that shrink as the student converges.
    assert result["oblique_distance"].max() < 1e-3
    assert result["misfit"].sel(student=["adam", "adam, one logit"]).max() < 1e-6


def test_expected_energies_are_met_by_many_draws():
    config = toy_training.Config(draws=400, members=4, steps=1).resolve()
    draws = draw(config, range(4))
    P = {
        "gd": linear.aux_projector(draws.head, 3),
        "gd, kl": linear.aux_projector(draws.head, 3, "kl"),
        "adam, one logit": np.einsum("...h,...g->...hg", draws.head[..., -1], np.sign(draws.head[..., -1]))
        / np.abs(draws.head[..., -1]).sum(axis=-1)[..., None, None],
    }
    for name, projector in P.items():
        law = compare(config, range(4), draws, students.RECIPES[name])["recovered_law"]
        change = draws.trunk - draws.start
        C = draws.head[..., : config.n_class]
        missed = np.square(change @ projector @ C - change @ C).sum(axis=(1, 2, 3))
        recovered = 1 - missed / np.square(change @ C).sum(axis=(1, 2, 3))
        # A member's energy averages 400 draws of 3 columns that share a projector: a spread of about 0.01.
        spread = recovered.std(ddof=1) / 2
        assert spread < 0.02
        assert recovered.mean() == pytest.approx(law.mean(), abs=max(4 * spread, 0.01)), name


def test_kept_heads_of_trained_teachers_follow_first_order_exactly(trained):
    _, result = trained
    kept = result.sel(head_rate=0.0)
    np.testing.assert_allclose(kept["moving_recovered"], kept["lazy_recovered"], atol=1e-6)
    assert (kept["head_mismatch"] == 0).all()
    for name in ("moving_recovered", "signal", "noise"):
        np.testing.assert_array_equal(*kept[name].sel(moving=["both", "teacher"]).transpose("moving", "member").values)


def test_signal_and_noise_make_up_the_error(trained):
    _, result = trained
    # Pythagoras: the student's change minus the teacher's, along it and across it.
    error = (1 - result["signal"]) ** 2 + result["noise"] ** 2
    np.testing.assert_allclose(1 - result["moving_recovered"], error, rtol=1e-10)


def test_only_the_heads_that_move_drift(trained):
    _, result = trained
    assert (result["student_drift"].sel(moving="teacher") == 0).all()
    assert (result["teacher_drift"].sel(moving="student") == 0).all()
    moved = result.sel(moving="both", head_rate=1.0)
    assert (moved["student_drift"] > 0.01).all()
    assert (moved["teacher_drift"] > 0.01).all()


def test_a_teacher_close_to_its_reference_makes_first_order_exact():
    config = toy_training.Config(head_rates=(0.0, 1.0), draws=4, members=2, steps=500).resolve()
    draws = draw(config, range(2))
    near = draws.start @ draws.head[..., : config.n_class]

    def gap(distance):
        moved = drift(config, draws._replace(task=near + distance * draws.task))
        return np.abs(moved["moving_recovered"] - moved["lazy_recovered"])[:, 0, 1].max()

    # An error of second order in the teacher's change, relative to a change of first order: ten times less for a tenth.
    assert gap(0.003) < 0.2 * gap(0.03)
    assert gap(0.003) < 1e-3


@pytest.mark.parametrize("objective", ["mse", "kl"])
def test_gradients_are_those_of_jax(objective):
    config = toy_training.Config(draws=2, members=2).resolve()
    draws = draw(config, range(2))
    Z, target = draws.head[..., -3:], draws.trunk @ draws.head[..., -3:]
    found = students.linear_gradient(draws.x, target, objective)([draws.start, Z], 0)

    def loss(weights, x, wanted):
        logits = x @ weights[0] @ weights[1]
        if objective == "mse":
            return 0.5 * jnp.square(logits - x @ wanted).sum(-1).mean()
        p = jax.nn.softmax(x @ wanted)
        return (p * (jnp.log(p) - jax.nn.log_softmax(logits))).sum(-1).mean()

    for member, i in np.ndindex(2, 2):
        expected = jax.grad(loss)((draws.start[member, i], Z[member, i]), draws.x[member, 0], target[member, i])
        for layer, gradient in zip(found, expected, strict=True):
            # jax computes in float32: 6e-8 times sums of some tens of numbers of size one.
            np.testing.assert_allclose(layer[member, i], gradient, atol=2e-5)


def test_relu_gradient_is_that_of_jax():
    config = toy_training.Config(draws=1, members=1).resolve()
    draws = draw(config, [0])
    Z = draws.head[..., -3:]
    wanted = students.class_logits([draws.trunk], Z, draws.x, "relu")
    found = students.relu_gradient(draws.x, wanted)([draws.start, Z], 0)

    def loss(weights):
        return 0.5 * jnp.square(jax.nn.relu(draws.x[0, 0] @ weights[0]) @ weights[1] - wanted[0, 0]).sum(-1).mean()

    for layer, gradient in zip(found, jax.grad(loss)((draws.start[0, 0], Z[0, 0])), strict=True):
        np.testing.assert_allclose(layer[0, 0], gradient, atol=2e-5)


def test_a_relu_that_never_closes_is_linear():
    config = toy_training.Config(draws=2, members=1).resolve()
    draws = draw(config, [0])
    x, positive = np.abs(draws.x), [np.abs(draws.start), draws.head[..., -3:]]
    target = np.abs(draws.trunk) @ positive[1]
    linear_step = students.linear_gradient(x, target)(positive, 0)
    for found, expected in zip(students.relu_gradient(x, x @ target)(positive, 0), linear_step, strict=True):
        # Sums of 32 products of numbers of size up to some tens, in another order.
        np.testing.assert_allclose(found, expected, atol=1e-11)


def test_adam_is_that_of_optax():
    config = toy_training.Config(draws=2, members=1).resolve()
    draws = draw(config, [0])
    start, steps = [draws.start, draws.head[..., -3:]], 50
    gradient = students.linear_gradient(draws.x, draws.trunk @ start[1])
    optimizer = optax.adam(optax.linear_schedule(0.01, 0.0, steps))
    layers, state = start, optimizer.init(start)
    for step in range(steps):
        updates, state = optimizer.update(gradient([np.asarray(layer) for layer in layers], step), state)
        layers = optax.apply_updates(layers, updates)
    for found, expected, first in zip(students.adam(start, gradient, [0.01, 0.01], steps), layers, start, strict=True):
        # optax computes in float32: fifty steps of 6e-8 on weights of size one, over gradients that may be small.
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.abs(found - first).max() > 0.1
    (_, kept) = students.adam(start, gradient, [0.01, 0.0], 3)
    np.testing.assert_array_equal(kept, start[1])


def test_from_zero_a_moving_head_shortens_the_student_of_one_logit():
    config = toy_training.Config(draws=4, members=2, rate=0.02, steps=6000).resolve()
    draws = draw(config, range(2))
    recipe = students.Recipe(start="zero", moves_head=True, one_logit=True)
    result = compare(config, range(2), draws, recipe)
    shrinkage = chains.one_logit_shrinkage(draws.trunk, draws.head[..., -1:])
    # The flow's end; descent misses it by order one in the step size, which is half the rate.
    np.testing.assert_allclose(result["projector_distance"], 1 - shrinkage, atol=config.rate)
    assert (shrinkage < 0.9).any()


def test_batches_of_all_samples_are_all_samples():
    config = toy_training.Config(draws=2, members=2, batch_size=32).resolve()
    draws = draw(config, range(2))
    Z = draws.head[..., -3:]
    target, rngs = draws.trunk @ Z, [np.random.default_rng(i) for i in range(2)]
    batches = students.batch_gradient(draws.x, target, rngs, 32, 3)
    for step in range(3):
        for found, expected in zip(
            batches([draws.start, Z], step),
            students.linear_gradient(draws.x, target)([draws.start, Z], step),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_kept_layer_does_not_move():
    start = [np.ones((1, 1, 2, 3)), np.ones((1, 1, 3, 1))]
    moved = students.descend(start, lambda layers, _: [np.ones_like(w) for w in layers], [0.5, 0.0], 2)
    np.testing.assert_array_equal(moved[0], 0.0)
    np.testing.assert_array_equal(moved[1], start[1])


def test_more_inputs_bring_a_relu_student_closer_to_its_teacher():
    config = toy_training.Config(steps=300, draws=4, members=2).resolve()
    recovered = relu_recovered(config, range(2), draw(config, range(2)))
    # -0.05 against 0.34 in the preset, with intervals of a tenth.
    assert recovered[:, 0].mean() < recovered[:, 2].mean()


def test_descent_starts_below_the_edge_of_stability():
    config = toy_training.Config(draws=4, members=1).resolve()
    draws = draw(config, [0])
    Z = draws.head[..., -3:]
    S = draws.x[0, 0].T @ draws.x[0, 0] / config.n_samples
    edge = dynamics.largest_rate(draws.head, config.n_aux, S)
    np.testing.assert_allclose(2 / chains.curvature_bound([draws.start, Z], (1.0, 0.0), S), edge, rtol=1e-12)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_aux": 1}, "gradient is exactly zero"),
        ({"hidden": 0}, "hidden is 0; allowed: 1 or more"),
        ({"n_samples": 3}, "n_samples is 3; allowed: no fewer than d_in = 4 and batch_size = 8"),
        ({"batch_size": 33}, "n_samples is 32"),
        ({"rate": 1.5}, "rate is 1.5; allowed: above 0, at most 1"),
        ({"adam_rate": 0.0}, "adam_rate is 0.0"),
        ({"head_rates": (0.0, 0.5)}, "allowed: 0, 1 and any other"),
        ({"head_rates": (0.0, 1.0, 1.0)}, "each once"),
        ({"head_rates": (0.0, 1.0, -1.0)}, "head_rates"),
        ({"head_rates": ()}, "head_rates"),
    ],
)
def test_refuses(fields, words):
    with pytest.raises(UsageError, match=words):
        toy_training.Config(**fields).resolve()


def seen_by_logits(trunk, head, x, activation):
    """Rank of the derivative of the logits at all inputs in the entries of the trunk."""
    gates = x @ trunk > 0 if activation == "relu" else np.ones((len(x), trunk.shape[1]))
    derivative = np.einsum("ni,nh,ha->naih", x, gates, head).reshape(len(x) * head.shape[1], -1)
    return np.linalg.matrix_rank(derivative)


@pytest.mark.parametrize("n", [2, 6, 64])
def test_a_relu_lets_few_logits_see_more_than_their_span(n):
    d_in, hidden, k = 4, 5, 2
    rng = np.random.default_rng(0)
    x, trunk, head = (rng.standard_normal(shape) for shape in ((n, d_in), (d_in, hidden), (hidden, k)))
    assert seen_by_logits(trunk, head, x, "linear") == min(n, d_in) * k
    assert seen_by_logits(trunk, head, x, "relu") == min(n * k, d_in * hidden)


def test_with_enough_inputs_a_relu_student_that_starts_close_ends_at_its_teacher():
    config = toy_training.Config(
        d_in=3, hidden=4, n_aux=2, n_samples=128, steps=4000, rate=1.0, draws=4, members=2
    ).resolve()
    draws = draw(config, range(2))
    near = draws._replace(start=draws.trunk + 0.05 * draws.start)
    recovered = {
        name: compare(config, range(2), near, students.RECIPES[name])["recovered"] for name in ("gd", "gd, relu")
    }
    # The linear student keeps what Z does not span, half of the units, however long it is trained; the other closes on
    # its teacher, slowly along the worst of its directions.
    assert (recovered["gd"] < 0.9).all()
    assert (1 - recovered["gd, relu"] < (1 - recovered["gd"]) / 3).all()
