"""What a field of a configuration may be, declared in its annotation; an error names field, value and what is allowed.

`Annotated[int, whole(1)]` is a count. `check_fields` checks every field of a configuration by itself; conditions that
tie fields to each other stand in the configuration's own `check`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from sottovoce.errors import UsageError, not_among

# The seed enters compiled programs as a signed 32-bit integer.
LARGEST_SEED = 2**31 - 1
# The least positive number: every number from here on is above zero.
SMALLEST = math.ulp(0.0)


@dataclass(frozen=True)
class Allowed:
    """What a value may be.

    Attributes:
        words: what is allowed, as an error prints it.
        test: returns whether a value of any type is allowed.
    """

    words: str
    test: Callable[[Any], bool]

    def check(self, name: str, value: object) -> None:
        """Refuse a value that is not allowed.

        Raises:
            UsageError: the test fails.
        """
        if not self.test(value):
            raise UsageError(f"{name} is {value!r}; allowed: {self.words}")


# Compared and hashed as an object, because annotations have to be hashable and names may be the keys of a dict.
@dataclass(frozen=True, eq=False)
class Among:
    """The names that are allowed as a value."""

    names: Iterable[str]

    def check(self, name: str, value: object) -> None:
        """Refuse a value that is not one of the names.

        Raises:
            UsageError: the value is none of them; the message has the nearest.
        """
        if value not in list(self.names):
            raise not_among(name, value, self.names)


def whole(least: int, most: int | None = None, why: str = "") -> Allowed:
    """Allow whole numbers from `least` on, up to `most` where that is given."""
    limit = " or more" if most is None else f" to {most}"
    # A truth value is an int in Python, but never a count.
    return Allowed(
        f"{least}{limit}, a whole number{why}",
        lambda value: type(value) is int and least <= value and (most is None or value <= most),
    )


def number(words: str, least: float = float("-inf"), most: float = float("inf")) -> Allowed:
    """Allow finite numbers from `least` to `most`."""
    return Allowed(
        words, lambda value: type(value) in {int, float} and abs(value) < math.inf and least <= value <= most
    )


def several(what: str = "value") -> Allowed:
    """Allow tuples and lists of one value or more, none twice."""
    return Allowed(
        f"one {what} or more, none twice",
        # By repr, because 1 and True are equal but are different values.
        lambda values: isinstance(values, tuple | list) and 0 < len(values) == len(set(map(repr, values))),
    )


Count = Annotated[int, whole(1)]
Seed = Annotated[int, whole(0, LARGEST_SEED)]
DEFAULT_SEED = 5
"""The seed on which claims are judged: the first of which no result was known when the criteria were chosen."""
Positive = Annotated[float, number("a positive number", SMALLEST)]
NotNegative = Annotated[float, number("zero or a positive number", 0)]
Share = Annotated[float, number("0 to 1, a share", 0, 1)]


def added(default: Any) -> Any:
    """Return a dataclass field that was added later: at its default it stays out of the identity of saved runs."""
    return dataclass_field(default=default, metadata={"added": True})


# What a field may be whose annotation says no more than its type.
_TYPES = {
    bool: Allowed("True, False", lambda value: type(value) is bool),
    int: Allowed("a whole number", lambda value: type(value) is int),
    float: number("a finite number"),
    str: Allowed("a word", lambda value: isinstance(value, str)),
}


def check_fields(config: Any) -> None:
    """Check every field of a configuration by its annotation; None, where the annotation allows it, means unset.

    Raises:
        UsageError: a field is outside what is allowed.
    """
    hints = get_type_hints(type(config), include_extras=True)
    for field in fields(config):
        check(field.name, getattr(config, field.name), hints[field.name])


def given(config: Any) -> dict[str, Any]:
    """Return the fields of a configuration that are set, with their values."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return {name: value for name, value in values.items() if value is not None}


def check(name: str, value: object, hint: Any) -> None:
    """Check a value by an annotation.

    Args:
        name: the value's name, for the error.
        value: the value.
        hint: bool, int, float, str, a Literal, a tuple of any number of one of these, a union of these and None, or any
            of these annotated with what is allowed.

    Raises:
        UsageError: the value is outside what is allowed.
    """
    if get_origin(hint) is Annotated:
        # First what the field allows, whose words say more than those of its bare type.
        for allowed in hint.__metadata__:
            allowed.check(name, value)
    hint = _bare(hint)
    if get_origin(hint) is Literal:
        Among(get_args(hint)).check(name, value)
    elif get_origin(hint) is tuple:
        if not isinstance(value, tuple | list):
            raise UsageError(f"{name} is {value!r}; allowed: several values")
        for one in value:
            check(name, one, get_args(hint)[0])
    elif options := get_args(hint):
        # A union names at most one type of tuple, at most one of single values, and None for an unset field.
        tuples = [option for option in options if get_origin(_bare(option)) is tuple]
        single = [option for option in options if option not in (*tuples, NoneType)]
        if value is not None or NoneType not in options:
            check(name, value, (tuples or single if isinstance(value, tuple | list) else single or tuples)[0])
    else:
        _TYPES[hint].check(name, value)


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
