"""Traps found in public scripts, each closed for good. The last, normalized ratios, is in experiments/test_spectrum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.decoding import experiment as decoding
from sottovoce.experiments.spectrum import experiment as spectrum
from sottovoce.experiments.toy import experiment as toy
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.parts import OBJECTIVES
from sottovoce.training.ensemble import _run_sharded
from sottovoce.training.loop import weighted_mean


def test_trap_a_cross_models_partner_is_never_oneself(eight):
    # The cross-model's class head, which never moves, is no member's, and no other cross-model's.
    cross, own = (network.class_head.weight.reshape(8, -1) for network in (eight.students[2], eight.reference))
    # 160 independent normal numbers each, so that an entry that is equal by chance does not fail.
    assert np.abs(np.corrcoef(cross, own) - np.eye(16)).max() < 5 / 160**0.5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_trap_the_loss_is_a_mean_over_samples_whatever_the_number_of_members(objective):
    rng = np.random.default_rng(0)
    student, teacher = jnp.asarray(rng.standard_normal((2, 6, 40, 3)), jnp.float32)
    mask, one, weights = jnp.ones(3, dtype=bool), jnp.asarray(1.0), jnp.ones(40)

    def loss(student, teacher):
        return weighted_mean(OBJECTIVES[objective](student, teacher, mask, one), weights)

    alone = [loss(s, t) for s, t in zip(student, teacher, strict=True)]
    for members in (2, 6):
        together = jax.vmap(loss)(student[:members], teacher[:members])
        np.testing.assert_allclose(together, alone[:members], rtol=1e-6)
    # Seeing every sample twice changes no mean.
    twice = weighted_mean(jnp.tile(OBJECTIVES[objective](student[0], teacher[0], mask, one), 2), jnp.ones(80))
    np.testing.assert_allclose(twice, alone[0], rtol=1e-6)


def test_trap_distillation_inputs_are_never_held_for_all_members_at_once(program, students):
    n_inputs = 40_000
    given = program(students[:1], n_inputs=n_inputs, teacher_epochs=1, student_epochs=1)

    members = jnp.arange(16, dtype=jnp.int32)
    held = _run_sharded.lower(given, members).compile().memory_analysis().temp_size_in_bytes
    one_member = n_inputs * 64 * 4
    assert held > one_member, "the program no longer holds its inputs: measure them elsewhere"
    # Eight members run on each of the two devices.
    assert held < 2 * one_member


def test_trap_the_number_of_auxiliary_logits_is_a_mask(eight, otherwise_built):
    built_3, built_5 = jax.tree.map(lambda v: v[2:4], eight), otherwise_built
    for part in ("trunk", "class_head"):
        parts = [getattr(run.reference, part) for run in (built_3, built_5)]
        jax.tree.map(np.testing.assert_array_equal, *parts)
    np.testing.assert_array_equal(built_3.reference.aux_head.weight, built_5.reference.aux_head.weight[..., :3])
    # Products with more columns round differently (test_protocol's tolerance).
    for a, b in (
        (built_3.teacher.trunk, built_5.teacher.trunk),
        (built_3.students[0].trunk, built_5.students[1].trunk),
    ):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=2e-5), a, b)


@pytest.mark.parametrize("module", [transfer, decoding, spectrum, toy])
def test_trap_kl_on_one_logit_is_refused_with_the_reason(module):
    fields = {"n_aux": (1,)} if module is spectrum else {"n_aux": 1, "objective": "kl"}
    if module is not toy:
        fields["dataset"] = "digits"
    with pytest.raises(UsageError, match="gradient is exactly zero"):
        module.Config(**fields).resolve()
