"""Many members as one program: what compiles again and what does not, and slots beyond the last member."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.training import ensemble as engine
from sottovoce.training.students import arrays_of


def test_settings_that_change_no_shape_compile_nothing(ensemble, program, students):
    ensemble((0, 1, 2), students)
    compiled = engine._run_sharded._cache_size()
    given = program(students)
    others = arrays_of(given.protocol.architecture, tuple(students[i] for i in (3, 1, 2, 0)), 0.1)
    changed = given.traced._replace(
        seed=jnp.asarray(5),
        students=others,
        student_rate=jnp.asarray(2e-3),
        temperature=jnp.asarray(3.0),
        inputs=given.traced.inputs._replace(scale=0.5, shift=0.5, length_scale=2.0, rank=3, alpha=0.0),
    )
    result = engine.run_members(replace(given, traced=changed), (4, 7, 9))
    assert engine._run_sharded._cache_size() == compiled
    assert np.isfinite(result.student_loss).all()


@pytest.mark.parametrize("n_members", [1, 2, 3])
def test_results_have_one_slot_per_member_asked_for(ensemble, students, n_members):
    result = ensemble(tuple(range(n_members)), students)
    assert {leaf.shape[0] for leaf in jax.tree.leaves(result)} == {n_members}
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(result))


def test_members_are_spread_over_all_devices():
    assert len(jax.local_devices()) == 2, "tests/conftest.py splits the CPU in two"
