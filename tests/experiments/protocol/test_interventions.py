"""Interventions: what each leaves, that none at zero strength does anything, and the limits of the others."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from sottovoce.experiments.protocol import interventions
from sottovoce.experiments.protocol.interventions import Strengths, Targets, cosine, inner, without_aligned
from sottovoce.networks.initialization import initialize
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream, member_key
from sottovoce.training import axes
from sottovoce.training.distillation import distill, distillation_set, student_loss, student_optimizer
from sottovoce.training.loop import Training, train
from sottovoce.training.program import DistillationSet, MemberProgram
from sottovoce.training.protocol import logits_of
from sottovoce.training.students import Student, Students

KEY = jax.random.key(0)
# Six steps of at most 1e-3, as in test_protocol.py: rounding that Adam magnifies, where a wrong step is 1e-3.
ROUNDING = 2e-5
TREATED = {
    "none": Strengths(),
    "other teacher": Strengths(mix=0.0),
    "unrelated teacher": Strengths(unrelated=1.0),
    "decay": Strengths(decay=50.0),
    "noise": Strengths(target_noise=1.0),
    "penalty": Strengths(penalty=1e3),
    "released": Strengths(penalty=1e3, penalty_until=0.0),
    "projection": Strengths(projection=1.0),
    "step": Strengths(step_projection=1.0),
    "control": Strengths(projection=1.0, shuffled=1.0),
}


class Given(NamedTuple):
    """One student: its program, its arrays, its start, a teacher, inputs, and all teachers' logits on them."""

    program: MemberProgram
    student: Students
    start: MLP
    teacher: MLP
    inputs: Any
    logits: Any


def vectors(seed):
    rng = np.random.default_rng(seed)
    return {"a": jnp.asarray(rng.standard_normal((4, 5)), jnp.float32), "b": jnp.asarray(rng.standard_normal(3))}


@pytest.mark.parametrize("seed", range(8))
def test_nothing_aligned_is_left_and_nothing_else_is_taken(seed):
    vector, along = vectors(seed), vectors(seed + 100)
    before, left = float(inner(vector, along)), without_aligned(vector, along)
    assert float(inner(left, along)) == pytest.approx(min(before, 0), abs=1e-5)
    half = without_aligned(vector, along, 0.5)
    assert float(inner(half, along)) == pytest.approx(min(before, before / 2), abs=1e-5)
    moved = ravel_pytree(jax.tree.map(jnp.subtract, vector, left))[0]
    if before <= 0:
        assert not moved.any()
    else:
        assert float(cosine(along, jax.tree.map(jnp.subtract, vector, left))) == pytest.approx(1, abs=1e-5)
    again = without_aligned(left, along)
    np.testing.assert_allclose(ravel_pytree(again)[0], ravel_pytree(left)[0], atol=1e-5)
    for same in (without_aligned(vector, along, 0.0), without_aligned(vector, jax.tree.map(jnp.zeros_like, along))):
        np.testing.assert_array_equal(ravel_pytree(same)[0], ravel_pytree(vector)[0])


@pytest.fixture(scope="module")
def given(program):
    """One student's program, its start, three teachers (draws of their own) and its distillation set."""
    own = program((Student("student", "kl", 3),))
    draw = jax.jit(partial(initialize, own.protocol.architecture))
    start, *teachers = (draw(member_key(0, Stream.INITIALIZATION, i)) for i in range(4))
    key = member_key(0, Stream.DISTILLATION_INPUTS, 0)
    inputs, logits = jax.jit(lambda: distillation_set(own, logits_of(teachers), key).samples)()
    return Given(own, jax.tree.map(lambda leaf: leaf[0], own.traced.students), start, teachers[0], inputs, logits)


@pytest.fixture(scope="module")
def treated(given, digits):
    """The student under each of `TREATED`, after six steps, in one program."""
    program, start, traced = given.program, given.start, given.program.traced
    plain_loss = student_loss(program, given.student)
    targets = Targets(jnp.std(given.logits[:, 0], axis=0), jax.random.key(1), 6)

    def one(strengths):
        training = Training(
            interventions.treated_loss(plain_loss, strengths, start, targets, traced.temperature),
            (given.inputs, given.logits),
            interventions.treated_optimizer(
                student_optimizer(program, given.student),
                strengths,
                traced.student_rate,
                interventions.labeled_batches(digits, 64, strengths.shuffled, jax.random.key(2)),
            ),
            epochs=2,
            batch_size=64,
            transform_batch=lambda batch, step: (*batch, step),
        )
        return train(start, training, KEY)[0]

    stacked = jax.tree.map(lambda *values: jnp.asarray(values, jnp.float32), *TREATED.values())
    trained = jax.jit(axes.map_over_leading_axis(one))(stacked)
    return dict(zip(TREATED, axes.unstack(trained), strict=True))


def plainly(given, teacher):
    data = DistillationSet((given.inputs, given.logits[:, teacher]))
    one = axes.repeat(given.start, 1)
    student = jax.jit(lambda: distill(given.program, data, one, KEY)[0])()
    return jax.tree.map(lambda leaf: leaf[0], student)


def distance(a, b):
    return float(np.abs(ravel_pytree(a)[0] - ravel_pytree(b)[0]).max())


@pytest.mark.parametrize(("name", "teacher"), [("none", 0), ("other teacher", 1), ("unrelated teacher", 2)])
def test_without_interventions_and_with_another_teacher_alone_it_is_plain_distillation(given, treated, name, teacher):
    expected = plainly(given, teacher)
    assert distance(expected, treated[name]) < ROUNDING
    assert distance(expected, given.start) > 1e-3


def test_every_intervention_changes_the_student_and_none_moves_the_class_head_but_decay(given, treated):
    start = given.start
    for name, student in treated.items():
        assert (name == "none") == (distance(student, treated["none"]) < ROUNDING), name
        if name not in ("decay", "penalty", "released"):
            np.testing.assert_array_equal(student.class_head.weight, start.class_head.weight)
    # Six steps of rate 1e-3 times 50.
    np.testing.assert_allclose(treated["decay"].class_head.weight, 0.95**6 * start.class_head.weight, atol=1e-6)


def test_the_noise_is_fresh_at_every_step_and_as_large_as_it_says(given):
    inputs, logits, start = given.inputs, given.logits, given.start
    spread = jnp.arange(1.0, 14.0)
    seen = []

    def plain(_network, batch, _weights):
        seen.append(batch[1])
        return jnp.zeros(()), jnp.zeros(())

    loss = interventions.treated_loss(
        plain, Strengths(target_noise=2.0), start, Targets(spread, KEY, 6), given.program.traced.temperature
    )
    for step in (0, 1, 1):
        loss(start, (inputs, logits, jnp.asarray(step)), jnp.ones(150))
    noise = [np.asarray((values - logits[:, 0]) / (2 * spread)) for values in seen]
    np.testing.assert_array_equal(noise[1], noise[2])
    # 150 x 13 standard normals: mean and standard deviation to 1 / sqrt(1950) = 0.023, five of them; so correlation.
    assert abs(np.mean(noise[0])) < 0.12
    assert abs(np.std(noise[0]) - 1) < 0.12
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.12


def test_the_penalty_is_full_then_falls_in_a_line():
    weights = [float(interventions.penalty_weight(Strengths(penalty=4.0, penalty_until=0.5), jnp.asarray(s), 8))
               for s in range(9)]  # fmt: skip
    np.testing.assert_allclose(weights, [4, 4, 4, 4, 4, 3, 2, 1, 0])
    always = Strengths(penalty=4.0, penalty_until=1.0)
    assert float(interventions.penalty_weight(always, jnp.asarray(7), 8)) == 4


def test_a_large_penalty_keeps_the_student_where_it_starts(given):
    """By descent, whose fixed point a penalty moves; Adam's steps are as long whatever the loss is."""
    inputs, logits, start = given.inputs, given.logits, given.start
    plain, temperature = student_loss(given.program, given.student), given.program.traced.temperature
    batch, weights = (inputs, logits, jnp.asarray(0)), jnp.ones(150)
    targets = Targets(jnp.ones(13), KEY, 6)

    @jax.jit
    def end(penalty):
        loss = interventions.treated_loss(plain, Strengths(penalty=penalty), start, targets, temperature)
        descend = lambda _, network: jax.tree.map(  # noqa: E731
            lambda leaf, slope: leaf - 1e-3 * slope, network, jax.grad(lambda n: loss(n, batch, weights)[0])(network)
        )
        return plain(jax.lax.fori_loop(0, 1000, descend, start), (inputs, logits[:, 0]), weights)[0]

    before = float(plain(start, (inputs, logits[:, 0]), weights)[0])
    assert float(end(0.0)) < 0.85 * before
    # Auxiliary logits have about 3 of 13 of the softmax over all, so the penalty outweighs the loss about fortyfold.
    assert float(end(200.0)) > 0.95 * before


def test_projected_gradients_and_steps_do_not_lower_the_class_loss(given, digits):
    start, other = given.start, given.teacher

    @jax.jit
    def slopes(network):
        return interventions.labeled_batches(digits, 64, 0.0, KEY)(network, jnp.asarray(0))

    slope = slopes(start)
    toward = other.with_trunk(jax.tree.map(lambda g, s: 0.1 * g + 3 * s, other.trunk, slope))

    def stepper(plain):
        @jax.jit
        def step(strengths):
            batches = interventions.labeled_batches(digits, 64, strengths.shuffled, KEY)
            optimizer = interventions.treated_optimizer(plain, strengths, jnp.asarray(1e-3), batches)
            return optimizer.update(toward, optimizer.init(start), start)[0]

        return lambda **strengths: step(Strengths(**strengths))

    def numbers(trunk):
        return np.asarray(ravel_pytree(trunk)[0], np.float64)

    class_down = -numbers(slope)
    for step in (adam := stepper(optax.adam(1e-3)), descent := stepper(optax.sgd(1.0))):
        free, held = step(step_projection=0.0), step(step_projection=1.0)
        before, after = (numbers(network.trunk) @ class_down for network in (free, held))
        assert before > 0.05 * np.linalg.norm(numbers(free.trunk)) * np.linalg.norm(class_down)
        assert abs(after) < 1e-4 * before
        np.testing.assert_array_equal(held.aux_head.weight, free.aux_head.weight)
    before = numbers(descent(projection=0.0).trunk) @ class_down
    assert abs(numbers(descent(projection=1.0).trunk) @ class_down) < 1e-4 * before
    assert numbers(descent(projection=1.0, shuffled=1.0).trunk) @ class_down > 0.1 * before
    # Adam turns what is left of the gradient: its step may lower the class loss again.
    assert abs(numbers(adam(projection=1.0).trunk) @ class_down) > 1e-3 * np.linalg.norm(class_down) * 1e-3


def test_batches_of_the_class_loss_are_fresh_and_their_mean_is_the_whole(given, digits):
    start = given.start
    images = (digits.scaled(digits.train_pixels), digits.train_labels)
    _, whole = jax.jit(interventions.class_loss_and_gradient)(start, *images)

    @jax.jit
    def mean(shuffled):
        gradient = interventions.labeled_batches(digits, 64, shuffled, KEY)
        return jax.tree.map(lambda g: g.mean(axis=0), jax.vmap(lambda s: gradient(start, s))(jnp.arange(200)))

    true, shuffled = mean(0.0), mean(1.0)
    # 12 800 draws of 300 images: the mean of all is known to a few percent of a single image's gradient.
    assert float(cosine(true, whole)) > 0.98
    assert float(inner(shuffled, whole)) < 0.7 * float(inner(whole, whole))


def test_the_gradient_by_the_trunk_is_that_of_a_loss_written_out(given, digits):
    start = given.teacher
    x, labels = digits.scaled(digits.train_pixels[:40]), digits.train_labels[:40]
    loss, slope = jax.jit(interventions.class_loss_and_gradient)(start, x, labels)

    def written(network):
        logits = network(x)[:, :10]
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    expected, gradient = jax.jit(jax.value_and_grad(written))(start)
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    np.testing.assert_allclose(ravel_pytree(slope)[0], ravel_pytree(gradient.trunk)[0], atol=1e-6)
