"""Random streams: every key is its own, and the same however it is asked for."""

import itertools

import jax
import numpy as np

from sottovoce.streams import Stream, member_key


def draw(stream):
    return jax.jit(jax.vmap(lambda seed, member: member_key(seed, stream, member)))


def test_no_two_streams_of_any_members_or_seeds_share_a_key():
    members = [*range(32), 99, 1000, 2**31 - 1]
    seeds, indices = np.array(list(itertools.product((0, 1, 2, 12345), members)), dtype=np.int32).T
    keys = [jax.random.key_data(draw(stream)(seeds, indices)) for stream in Stream]
    assert len(np.unique(np.concatenate(keys), axis=0)) == len(Stream) * len(seeds)


def test_a_key_alone_equals_the_key_traced_among_others():
    together = jax.random.key_data(draw(Stream.NULL)(np.full(5, 7), np.arange(5)))
    alone = [jax.random.key_data(member_key(7, Stream.NULL, member)) for member in range(5)]
    np.testing.assert_array_equal(together, alone)


def test_streams_keep_their_numbers():
    numbers = {stream.name: stream.value for stream in Stream}
    first = {
        "INITIALIZATION": 0,
        "TEACHER_BATCHES": 1,
        "STUDENT_BATCHES": 2,
        "DISTILLATION_INPUTS": 3,
        "FRESH_HEADS": 4,
        "NULL": 5,
    }
    assert numbers | first == numbers, "a stream's number is part of every result on disk: append, never renumber"
    assert len(set(numbers.values())) == len(numbers)
