"""Named random streams: every random number is a function of (seed, stream, member index) alone.

A member computed alone, in an ensemble of any size, or on any device therefore draws the same numbers.
"""

import enum

import jax
from jaxtyping import Array, Int, Key


class Stream(enum.IntEnum):
    """The purpose of a random key. The numbers are part of every result: append new streams, never renumber."""

    INITIALIZATION = 0
    TEACHER_BATCHES = 1
    STUDENT_BATCHES = 2
    DISTILLATION_INPUTS = 3
    FRESH_HEADS = 4
    NULL = 5
    PERTURBATION = 6
    REPLICATE_INPUTS = 7
    REPLICATE_BATCHES = 8
    PROBE_INPUTS = 9
    SHUFFLED_LABELS = 10
    LABELED_BATCHES = 11
    TARGET_NOISE = 12
    STUDENT_TRUNK = 13
    PARTNER = 14
    PARTNER_STUDENT_TRUNK = 15
    PARTNER_BATCHES = 16
    UNRELATED_LABELS = 17
    OWN_INTERVENTIONS = 18


def member_key(seed: int | Int[Array, ""], stream: Stream, member: int | Int[Array, ""]) -> Key[Array, ""]:
    """Return the typed threefry key of one member for one purpose; seed and member may be traced."""
    # The generator is named, so that a new default of jax changes no result.
    root = jax.random.key(seed, impl="threefry2x32")
    # Folded in one after the other: in a sum of the two, stream 1 of member 0 and stream 0 of member 1 would be one
    # key.
    return jax.random.fold_in(jax.random.fold_in(root, stream), member)
