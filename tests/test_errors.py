"""Errors: exit codes, and the message for a value that is not in a list."""

import pytest

from sottovoce import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.DataError, 1),
        (errors.StoreError, 1),
        (errors.ClusterError, 1),
        (errors.DivergenceError, 1),
    ],
)
def test_every_error_is_caught_as_ours_and_has_its_exit_code(kind, code):
    with pytest.raises(errors.SottovoceError) as caught:
        raise kind("why")
    assert caught.value.exit_code == code


def test_a_usage_error_is_a_value_error():
    assert issubclass(errors.UsageError, ValueError)


def test_the_nearest_allowed_value_is_offered():
    error = errors.not_among("objective", "kll", ("kl", "mse"))
    assert isinstance(error, errors.UsageError)
    assert str(error) == "objective is 'kll'; allowed: kl, mse; did you mean 'kl'?"


def test_nothing_is_offered_where_nothing_is_near():
    assert str(errors.not_among("n", 7, (1, 2))) == "n is 7; allowed: 1, 2"
