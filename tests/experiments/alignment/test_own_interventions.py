"""Own interventions: those that change nothing, those that stop everything, and a built-in one by this other route."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce import parts
from sottovoce.errors import UsageError
from sottovoce.experiments.alignment import experiment as alignment
from sottovoce.experiments.alignment.simulate import simulate

RATE, DECAY = 0.05, 2.0
SMALL = replace(
    alignment.Config.smoke(),
    decay=DECAY,
    student_optimizer="sgd",
    student_learning_rate=RATE,
    interventions=("no_targets", "no_gradient", "no_step", "stopped", "own_decay", "decay", "jittered"),
)
TRACED = ("student_accuracy", "auxiliary_loss", "class_loss", "inner", "cosine")


def nothing(value, _student, _key):
    return value


def stopped(gradient, _student, _key):
    return jax.tree.map(jnp.zeros_like, gradient)


def own_decay(step, student, _key):
    return jax.tree.map(lambda own, weight: own - RATE * DECAY * weight, step, student)


def jittered(targets, _student, key):
    return targets + jax.random.normal(key, targets.shape)


def register() -> None:
    for on in ("targets", "gradient", "step"):
        parts.register_intervention(f"no_{on}", on=on)(nothing)
    parts.register_intervention("stopped", on="gradient")(stopped)
    parts.register_intervention("own_decay", on="step")(own_decay)
    parts.register_intervention("jittered", on="targets")(jittered)


@pytest.fixture(scope="module")
def result():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.INTERVENTIONS, "_own", {})
        register()
        yield simulate(SMALL.resolve(), (0, 1))


@pytest.mark.parametrize("name", TRACED)
def test_an_intervention_that_changes_nothing_leaves_the_plain_student(result, name):
    plain = result[name].sel(student="student", drop=True)
    for on in ("targets", "gradient", "step"):
        # One program for all: not even rounding differs.
        np.testing.assert_array_equal(result[name].sel(student=f"no_{on}", drop=True), plain)


def test_without_a_gradient_a_student_stays_where_it_started(result):
    for name in ("student_accuracy", "auxiliary_loss", "class_loss"):
        values = result[name].sel(student="stopped")
        np.testing.assert_array_equal(values, values.isel(step=[0]).values.repeat(values.sizes["step"], axis=1))
    assert (np.diff(result["auxiliary_loss"].sel(student="student").values, axis=1) != 0).all()


def test_decay_by_an_own_step_is_the_built_in_decay(result):
    for name in ("auxiliary_loss", "class_loss"):
        own, built_in = (result[name].sel(student=role, drop=True) for role in ("own_decay", "decay"))
        np.testing.assert_allclose(own, built_in, rtol=1e-5)
        plain = result[name].sel(student="student", drop=True)
        # Ten times what is left to rounding above, and more.
        assert (abs(built_in - plain).isel(step=-1) > 1e-4 * plain.isel(step=-1)).all()


def test_random_numbers_of_the_key_are_the_members_own(result):
    loss = result["auxiliary_loss"].isel(step=-1)
    assert (loss.sel(student="jittered") != loss.sel(student="student")).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.INTERVENTIONS, "_own", {})
        register()
        alone = simulate(SMALL.resolve(), (1,))
    for name in TRACED:
        np.testing.assert_allclose(alone[name][0], result[name][1], rtol=1e-4, atol=1e-5)


def test_own_students_stand_beside_the_built_in_ones_in_table_and_figure(result):
    assert result["role"].values[-7:].tolist() == list(SMALL.interventions)
    dataset = result.assign_attrs(experiment="alignment", config="{}", identity=64 * "0")
    table = alignment.table(dataset)
    assert {"jittered", "own_decay", "jittered, auxiliary loss at the end"} <= set(table)


def test_an_unknown_intervention_is_refused_with_the_own_names_among_those_allowed(own_parts):
    register()
    with pytest.raises(UsageError, match=r"interventions is 'jitter'; allowed: .*decay.*jittered; did you mean 'jitt"):
        replace(SMALL, interventions=("jitter",)).resolve()


def test_an_intervention_that_breaks_its_contract_is_refused_before_anything_is_trained(own_parts):
    parts.register_intervention("wrong", on="step")(lambda step, _student, _key: step.trunk_blocks())
    with pytest.raises(UsageError, match=r"intervention wrong returns tuple; allowed: step as it is given, MLP"):
        replace(SMALL, interventions=("wrong",)).resolve()
