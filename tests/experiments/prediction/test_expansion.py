"""A linearized student: ordinary training where its base is always at hand, a linear model where it stays."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.experiments.prediction.expansion import Expansion, relinearizing
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream
from sottovoce.theory import tangent
from sottovoce.training import axes
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.protocol import initial_networks
from sottovoce.training.students import Student

STUDENTS = (Student("kl", "kl", 3), Student("mse", "mse", 2))
# As in test_protocol: another program rounds differently, and Adam magnifies it; a step is 1e-3.
ROUNDING = 2e-5
EVERY = (1, 3, None)


@pytest.fixture(scope="module")
def trained(program):
    """The students of one teacher after six steps: as usual, and as expansions whose base moves every so many steps."""
    given = program(STUDENTS)

    @jax.jit
    def run(member):
        initial = initial_networks(given, member)
        # Any network that is not the reference stands for the teacher.
        data = distillation_set(given, initial.partner, given.key(Stream.DISTILLATION_INPUTS, member))
        order = given.key(Stream.STUDENT_BATCHES, member)
        start = axes.repeat(Expansion(initial.reference, initial.reference), 2)
        usual, _ = distill(given, data, start.network, order)
        expanded = [
            distill(
                given,
                data,
                start,
                order,
                wrap=partial(relinearizing, every=every),
                apply=lambda e, x: tangent.linearized(MLP.__call__, e.base)(e.network, x),
            )[0]
            for every in EVERY
        ]
        return start.network, usual, expanded

    start, usual, expanded = run(0)
    return start, usual, dict(zip(EVERY, expanded, strict=True))


def distance(a, b):
    return max(float(jnp.abs(x - y).max()) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_with_a_base_that_moves_every_step_it_is_ordinary_training(trained):
    _, usual, expanded = trained
    assert distance(expanded[1].network, usual) < ROUNDING
    assert distance(expanded[1].base, expanded[1].network) < 1e-6


def test_the_base_moves_when_it_is_told_to_and_only_then(trained):
    start, _, expanded = trained
    assert distance(expanded[None].base, start) == 0
    # Six steps: moved after the third and the sixth.
    assert distance(expanded[3].base, expanded[3].network) < 1e-6
    assert distance(expanded[None].network, start) > 1e-3


def test_linearization_is_seen_and_more_of_it_the_rarer_the_base_moves(trained):
    _, usual, expanded = trained
    never, thrice = (distance(expanded[every].network, usual) for every in (None, 3))
    assert never > thrice > ROUNDING


def test_an_expansion_that_stays_is_linear_in_what_is_trained(trained, digits):
    _, _, expanded = trained
    at = jax.tree.map(lambda leaf: leaf[0], expanded[None])
    x = digits.scaled(digits.test_pixels[:5])
    apply = tangent.linearized(MLP.__call__, at.base)
    half = jax.tree.map(lambda a, b: (a + b) / 2, at.network, at.base)
    np.testing.assert_allclose(apply(half, x), (apply(at.network, x) + apply(at.base, x)) / 2, atol=1e-5)
