"""What fields may be: declared in annotations, checked in one place, refused in one line."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import UsageError
from sottovoce.lab import checks, registry
from sottovoce.lab.checks import SMALLEST, Allowed, Among, Count, NotNegative, Positive, Seed, Share, several, whole


@dataclass(frozen=True)
class Config:
    count: Count = 1
    unset: Count | None = None
    width: Count | tuple[Count, ...] = 8
    names: Annotated[tuple[Annotated[str, Among(("kl", "mse"))], ...], several("name")] = ("kl",)
    any_of_them: tuple[int, ...] = ()
    rate: Positive = 0.1
    plain: float = 0.0
    switch: bool | None = None
    word: str = "a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 1),
        ("unset", None),
        ("width", 3),
        ("width", (3, 4)),
        ("width", [3, 4]),
        ("names", ("mse", "kl")),
        ("any_of_them", ()),
        ("rate", 1),
        ("plain", -1.5),
        ("switch", None),
        ("switch", False),
    ],
)
def test_allows(name, value):
    checks.check_fields(Config(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("count", 0, "count is 0; allowed: 1 or more, a whole number"),
        ("count", True, "count is True; allowed: 1 or more, a whole number"),
        ("count", 1.0, "count is 1.0; allowed: 1 or more"),
        ("count", None, "count is None; allowed: 1 or more"),
        ("unset", 0, "unset is 0; allowed: 1 or more"),
        ("width", (3, 0), "width is 0; allowed: 1 or more"),
        ("width", "3", "width is '3'; allowed: 1 or more"),
        ("names", (), "names is (); allowed: one name or more, none twice"),
        ("names", ("kl", "kl"), "names is ('kl', 'kl'); allowed: one name or more, none twice"),
        ("names", "kl", "names is 'kl'; allowed: one name or more"),
        ("names", ("kll",), "names is 'kll'; allowed: kl, mse; did you mean 'kl'?"),
        ("names", (["kl"],), "names is ['kl']; allowed: kl, mse"),
        ("any_of_them", 3, "any_of_them is 3; allowed: several values"),
        ("any_of_them", (1.5,), "any_of_them is 1.5; allowed: a whole number"),
        ("rate", 0.0, "rate is 0.0; allowed: a positive number"),
        ("rate", float("inf"), "rate is inf; allowed: a positive number"),
        ("rate", float("nan"), "rate is nan; allowed: a positive number"),
        ("rate", True, "rate is True; allowed: a positive number"),
        ("plain", "0", "plain is '0'; allowed: a finite number"),
        ("switch", 1, "switch is 1; allowed: True, False"),
        ("word", 3, "word is 3; allowed: a word"),
    ],
)
def test_refuses(name, value, words):
    with pytest.raises(UsageError) as caught:
        checks.check_fields(Config(**{name: value}))
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def passes(hint, value):
    try:
        checks.check("value", value, hint)
    except UsageError:
        return False
    return True


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_whole_number_is_allowed_between_both_ends_inclusive(least, value):
    assert passes(Annotated[int, whole(least, least + 2)], value) == (least <= value <= least + 2)
    assert passes(Annotated[int, whole(least)], value) == (least <= value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_ranges_of_numbers_say_what_their_names_say(value):
    assert passes(Positive, value) == (value > 0)
    assert passes(NotNegative, value) == (value >= 0)
    assert passes(Share, value) == (0 <= value <= 1)


def test_the_ends_of_the_ranges():
    assert passes(Positive, SMALLEST)
    assert not passes(Positive, SMALLEST / 2)
    assert passes(Seed, 2**31 - 1)
    assert not passes(Seed, 2**31)
    assert not passes(Seed, -1)


def test_given_leaves_out_what_is_unset():
    assert checks.given(Config(unset=None, count=3))["count"] == 3
    assert "unset" not in checks.given(Config())
    assert "switch" in checks.given(Config(switch=False))


@pytest.mark.parametrize("name", [name for name, experiment in registry.experiments().items()])
def test_a_resolved_configuration_has_no_unset_field_and_passes_its_own_constraints(name):
    resolved = registry.experiment(name).Config.smoke().resolve()
    checks.check_fields(resolved)
    assert {field for field, value in vars(resolved).items() if value is None} == set()


def test_own_words():
    even = Annotated[int, Allowed("an even number", lambda value: value % 2 == 0)]
    assert passes(even, 2)
    with pytest.raises(UsageError, match="value is 3; allowed: an even number"):
        checks.check("value", 3, even)
