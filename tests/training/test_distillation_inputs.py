"""Every kind of distillation inputs goes through the protocol, drawn once or afresh every epoch."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.data.inputs import input_rows
from sottovoce.parts import INPUTS as KINDS
from sottovoce.streams import Stream, member_key
from sottovoce.training.ensemble import _run_sharded
from sottovoce.training.loop import batches
from sottovoce.training.protocol import run_member


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_through_the_protocol(kind, fresh, program, students):
    shapes = jax.eval_shape(partial(run_member, program(students, inputs=kind, fresh_inputs=fresh)), jnp.asarray(0))
    assert shapes.student_loss.shape == (2, len(students))


@pytest.fixture(scope="module")
def freshly_taught(ensemble, students):
    """Member 2, its students on images with noise that is drawn afresh every epoch."""
    return jax.tree.map(lambda v: v[0], ensemble((2,), students[:2], inputs="mixture", fresh_inputs=True))


def test_fresh_inputs_are_those_of_their_epoch(freshly_taught, program, students, digits):
    settings = program(students[:2]).traced.inputs
    key = member_key(0, Stream.DISTILLATION_INPUTS, 2)
    row = input_rows("mixture", key, (150, 64), digits.train_pixels, settings, digits.scaled)
    optimizer = optax.adam(1e-3)
    student, state = freshly_taught.reference, optimizer.init(freshly_taught.reference)

    @jax.jit
    def step(student, state, x):
        def loss(student):
            log_q, p = jax.nn.log_softmax(student(x)[:, 10:]), jax.nn.softmax(freshly_taught.teacher(x)[:, 10:])
            return optax.kl_divergence(log_q, p).mean()

        updates, state = optimizer.update(jax.grad(loss)(student), state)
        return optax.apply_updates(student, updates), state

    inputs = [
        np.asarray(jax.jit(jax.vmap(partial(row, jax.random.fold_in(key, epoch))))(jnp.arange(150)))
        for epoch in range(2)
    ]
    # The images are the same and half the uniform noise is another: the difference has an sd of sqrt(2 / 12).
    assert np.std(inputs[0] - inputs[1]) == pytest.approx(np.sqrt(1 / 6), rel=0.05)
    order = jax.random.split(member_key(0, Stream.STUDENT_BATCHES, 2), 2)
    for x, epoch in zip(inputs, order, strict=True):
        for rows, weights in zip(*batches(epoch, 150, 64), strict=True):
            student, state = step(student, state, x[np.asarray(rows)[np.asarray(weights) == 1]])
    # test_protocol's tolerance: rounding, magnified by Adam, against steps of 1e-3.
    mine = freshly_taught.students[0]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), mine, student)


def test_trap_fresh_inputs_never_stand_in_memory_together(program, students):
    n_inputs = 40_000
    given = program(
        students[:1], inputs="blurred", fresh_inputs=True, n_inputs=n_inputs, teacher_epochs=1, student_epochs=1
    )
    compiled = _run_sharded.lower(given, jnp.arange(2, dtype=jnp.int32)).compile()
    # A fixed set would be this large; the order of an epoch, a pair of integers a row, is what is left.
    assert compiled.memory_analysis().temp_size_in_bytes < n_inputs * 64 * 4 / 2


def test_trap_fixed_inputs_are_held_at_most_twice(program, students, digits):
    n_inputs = 40_000
    digits = digits._replace(train_pixels=jnp.zeros((n_inputs, 64), jnp.uint8), train_labels=jnp.zeros(n_inputs, int))
    given = program(students[:1], inputs="images", n_inputs=n_inputs, teacher_epochs=1, student_epochs=1)
    given = replace(given, images=digits)
    held = _run_sharded.lower(given, jnp.arange(2, dtype=jnp.int32)).compile().memory_analysis()
    assert n_inputs * 64 * 4 < held.temp_size_in_bytes < 2 * n_inputs * 64 * 4
