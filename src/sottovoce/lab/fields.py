"""The fields of a configuration by name: checked, read from text, written as labels, shared by a sweep."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from sottovoce.errors import UsageError, not_among

Value = bool | int | float | str
SEPARATOR = "+"
NONE = "none"


def check_name(Config: type[Any], name: str) -> None:
    """Refuse a field that a configuration does not have.

    Raises:
        UsageError: it has none of this name; the message names the nearest.
    """
    known = [field.name for field in fields(Config)]
    if name not in known:
        raise not_among("field", name, known)


def parse(Config: type[Any], name: str, text: str) -> Any:
    """Read a field's value from the command line.

    Args:
        Config: the experiment's configuration.
        name: the field.
        text: its value; a tuple's entries are joined by "+", and "none" is the empty one.

    Returns:
        The value in the field's type.

    Raises:
        UsageError: there is no such field, or the text is no value of its type.
    """
    check_name(Config, name)
    kinds = list(_kinds(get_type_hints(Config)[name]))
    for kind in kinds:
        try:
            return _READERS[kind](text)
        except ValueError:
            continue
    raise UsageError(f"{name} is {text!r}; allowed: {' or '.join(_WORDS[kind] for kind in kinds)}")


def label(value: Any) -> Value:
    """Return a value as a dimension's coordinate: itself if it is a number, a truth value or text, else text."""
    if isinstance(value, tuple | list):
        return SEPARATOR.join(map(str, value)) or NONE
    return value if isinstance(value, Value) else str(value)


def flags(config: Mapping[str, Any]) -> str:
    """Return the flags by which the command line gives a configuration back; what is None is left out."""
    return " ".join(
        f"--{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in config.items()
        if value is not None
    )


def shared(Config: type[Any], over: Mapping[str, Iterable[Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields that let the points of a sweep share one compiled program.

    Networks are built with as many auxiliary logits as the largest number that is distilled.
    """
    names = {field.name for field in fields(Config)}
    if "n_aux" in over and "n_aux_built" in names - over.keys() - given.keys():
        counts = [count for value in over["n_aux"] for count in (value if isinstance(value, tuple) else (value,))]
        return {"n_aux_built": max(counts, default=None)}
    return {}


def _kinds(hint: Any) -> Iterable[Any]:
    if get_origin(hint) in (Union, UnionType):
        for inner in get_args(hint):
            yield from _kinds(inner)
    elif hint is not NoneType:
        yield (tuple, get_args(hint)[0]) if get_origin(hint) is tuple else hint


def _truth(text: str) -> bool:
    return ("false", "true").index(text.lower()) == 1


def _entries(text: str) -> list[str]:
    return [] if text == NONE else text.split(SEPARATOR)


_READERS: dict[Any, Callable[[str], Any]] = {
    bool: _truth,
    int: int,
    float: float,
    str: str,
    (tuple, int): lambda text: tuple(map(int, _entries(text))),
    (tuple, float): lambda text: tuple(map(float, _entries(text))),
    (tuple, str): lambda text: tuple(_entries(text)),
}
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
    (tuple, int): "whole numbers joined by +, or none",
    (tuple, float): "numbers joined by +, or none",
    (tuple, str): "words joined by +, or none",
}
