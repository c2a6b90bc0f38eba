"""Entries of a leading axis: mapped over, stacked, taken apart and repeated."""

import jax
import jax.numpy as jnp
import numpy as np

from sottovoce.training import axes

TREES = [{"a": jnp.arange(6.0).reshape(2, 3) + i, "b": (jnp.asarray(i),)} for i in range(4)]


def function(tree, factor):
    return {"sum": jnp.sum(tree["a"]) * factor, "b": tree["b"][0] + 1}


def test_a_mapped_function_does_for_each_entry_what_it_does_for_one(monkeypatch):
    factors = jnp.asarray([1.0, -1.0, 0.5, 2.0])
    expected = [function(tree, factor) for tree, factor in zip(TREES, factors, strict=True)]
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(jax, "default_backend", lambda name=backend: name)
        found = axes.map_over_leading_axis(function)(axes.stack(TREES), factors)
        jax.tree.map(np.testing.assert_array_equal, found, axes.stack(expected))


def test_what_is_stacked_is_taken_apart_again():
    taken = axes.unstack(axes.stack(TREES))
    assert len(taken) == 4
    jax.tree.map(np.testing.assert_array_equal, taken, TREES)


def test_every_repetition_is_the_tree_itself():
    jax.tree.map(np.testing.assert_array_equal, axes.unstack(axes.repeat(TREES[1], 3)), [TREES[1]] * 3)
