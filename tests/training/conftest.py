"""The students and ensembles that the tests of the protocol share, so that they share its compilation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sottovoce.training.program import Member
from sottovoce.training.students import PARTNER, Student


@pytest.fixture(scope="session")
def students() -> tuple[Student, ...]:
    return (
        Student("student", "kl", 3),
        Student("all", "kl", 3, all_logits=True),
        Student("cross", "kl", 3, start=PARTNER),
        Student("one", "mse", 1),
    )


@pytest.fixture(scope="session")
def partners(program: Callable[..., Any]) -> Callable[..., Any]:
    """Draw the partners of members 0, 1, ... from their stream alone, whatever the members' own networks are."""
    import jax
    import jax.numpy as jnp

    from sottovoce.networks.initialization import initialize
    from sottovoce.streams import Stream, member_key

    def draw(number: int, stream: Stream = Stream.PARTNER, **trunk: Any) -> Any:
        architecture = replace(program((Student("student", "kl", 3),)).protocol.architecture, **trunk)
        one = jax.jit(jax.vmap(lambda member: initialize(architecture, member_key(0, stream, member))))
        return one(jnp.arange(number))

    return draw


@pytest.fixture(scope="session")
def eight(ensemble: Callable[..., Member], students: tuple[Student, ...]) -> Member:
    """Members 0 to 7."""
    return ensemble(tuple(range(8)), students)


@pytest.fixture(scope="session")
def otherwise_built(ensemble: Callable[..., Member], students: tuple[Student, ...]) -> Member:
    """Members 2 and 3 of the same, the students in another order, one less, and five auxiliary columns built."""
    return ensemble((2, 3), (students[3], students[0], students[2]), n_built=5)


@pytest.fixture(scope="session")
def plain_training() -> Callable[..., Any]:
    """Train a network by two epochs of Adam, one Python step after another."""
    import jax
    import numpy as np
    import optax

    from sottovoce.training.loop import batches

    def train(network: Any, loss: Callable[..., Any], data: Any, key: Any) -> Any:
        optimizer = optax.adam(1e-3)
        state = optimizer.init(network)

        @jax.jit
        def step(network: Any, state: Any, batch: Any) -> tuple[Any, Any]:
            updates, state = optimizer.update(jax.grad(loss)(network, batch), state)
            return optax.apply_updates(network, updates), state

        for epoch in jax.random.split(key, 2):
            for rows, weights in zip(*batches(epoch, len(data[0]), 64), strict=True):
                here = np.asarray(rows)[np.asarray(weights) == 1]
                network, state = step(network, state, [values[here] for values in data])
        return network

    return train
