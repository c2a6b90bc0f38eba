"""The students and ensembles that the tests of the protocol share, so that they share its compilation."""

from collections.abc import Callable

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
def eight(ensemble: Callable[..., Member], students: tuple[Student, ...]) -> Member:
    """Members 0 to 7."""
    return ensemble(tuple(range(8)), students)


@pytest.fixture(scope="session")
def otherwise_built(ensemble: Callable[..., Member], students: tuple[Student, ...]) -> Member:
    """Members 2 and 3 of the same, the students in another order, one less, and five auxiliary columns built."""
    return ensemble((2, 3), (students[3], students[0], students[2]), n_built=5)
