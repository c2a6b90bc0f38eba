"""Fields of a configuration by name: check a name, read a value from text, write values as labels and flags."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sottovoce.errors import UsageError, not_among
from sottovoce.parts import Own, Vocabulary

Value = bool | int | float | str
SEPARATOR = "+"
NONE = "none"


def check_name(Config: type[Any], name: str) -> None:
    """Check that a configuration has a field.

    Raises:
        UsageError: it has no field of this name; the message names the nearest.
    """
    known = [field.name for field in fields(Config)]
    if name not in known:
        raise not_among("field", name, known)


def check_readable(Config: type[Any], name: str, where: str) -> None:
    """Check that a field's type is one whose values a command line can give and a configuration can check.

    Raises:
        UsageError: it is another type; the message names the field from `where` on.
    """
    hint = get_type_hints(Config)[name]
    if not all(kind in _READERS for kind in _kinds(hint)):
        raise UsageError(
            f"{where}.{name} has the type {getattr(hint, '__name__', hint)}; allowed: bool, int, float, str, a tuple "
            "of any number of one of these (tuple[int, ...]), a Literal of them, and each of these or None"
        )


def converted(Config: type[Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in the types of their fields, where that loses nothing; other values are left as they are.

    Scalars and arrays of NumPy and of libraries like it become numbers and tuples, lists become tuples, whole numbers
    become integers or floats, as the field has them.

    Raises:
        UsageError: there is no field of a name; the message names the nearest.
    """
    hints = get_type_hints(Config)
    for name in settings:
        check_name(Config, name)
    return {name: _converted(value, list(_kinds(hints[name]))) for name, value in settings.items()}


def _converted(value: Any, kinds: list[Any]) -> Any:
    # Such as images, which a configuration has by the name of their content.
    value = getattr(value, "as_setting", value)
    # Scalars and arrays of every array library have this method, and nothing else that a field can be.
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        inner = [kind[1] for kind in kinds if isinstance(kind, tuple)]
        return tuple(_converted(entry, inner) for entry in value)
    if type(value) is float and float not in kinds and int in kinds and value.is_integer():
        return int(value)
    return float(value) if type(value) is int and int not in kinds and float in kinds else value


def parse(Config: type[Any], name: str, text: str) -> Any:
    """Read a field's value from the command line.

    Args:
        Config: the experiment's configuration.
        name: the field.
        text: its value; the entries of a tuple are joined by "+", and "none" is the empty tuple.

    Returns:
        The value in the field's type.

    Raises:
        UsageError: there is no such field, or the text is not a value of the field's type.
    """
    check_name(Config, name)
    kinds = list(_kinds(get_type_hints(Config)[name]))
    # In the order of the annotation: a field of type `int | str` reads digits as a number.
    for kind in kinds:
        try:
            return _READERS[kind](text)
        except ValueError:
            continue
    raise UsageError(f"{name} is {text!r}; allowed: {' or '.join(_WORDS[kind] for kind in kinds)}")


def label(value: Any) -> Value:
    """Return a value as a dimension's coordinate: numbers, truth values and text as they are, all else as text."""
    if isinstance(value, tuple | list):
        return SEPARATOR.join(map(str, value)) or NONE
    return value if isinstance(value, Value) else str(value)


def flags(config: Mapping[str, Any]) -> str:
    """Return the command-line flags that give a configuration; fields that are None are left out."""
    return " ".join(
        f"--{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in config.items()
        if value is not None
    )


def own_parts(config: Any) -> list[Own]:
    """Return the parts that users registered and a configuration names, each once."""
    hints, found = get_type_hints(type(config), include_extras=True), dict[tuple[str, str], Own]()
    for field in fields(config):
        value = getattr(config, field.name)
        for name in value if isinstance(value, tuple | list) else [value]:
            for vocabulary in _vocabularies(hints[field.name]):
                if isinstance(name, str) and (own := vocabulary.own(name)):
                    found[own.kind, own.name] = own
    return list(found.values())


def _vocabularies(hint: Any) -> Iterable[Vocabulary]:
    """Yield the vocabularies whose names an annotation allows, at any depth."""
    for one in getattr(hint, "__metadata__", ()):
        if isinstance(names := getattr(one, "names", None), Vocabulary):
            yield names
    for inner in get_args(hint):
        yield from _vocabularies(inner)


def shared(Config: type[Any], over: Mapping[str, Iterable[Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that let the points of a sweep share one compiled program.

    All networks are built with as many auxiliary logits as the largest number that is distilled at any point.
    """
    names = {field.name for field in fields(Config)}
    if "n_aux" in over and "n_aux_built" in names - over.keys() - given.keys():
        counts = [count for value in over["n_aux"] for count in (value if isinstance(value, tuple) else (value,))]
        # Only the number that is built is a shape; how many are distilled is a mask (decision 2).
        return {"n_aux_built": max(counts, default=None)}
    return {}


def _kinds(hint: Any) -> Iterable[Any]:
    if get_origin(hint) in (Union, UnionType):
        for inner in get_args(hint):
            yield from _kinds(inner)
    elif get_origin(hint) is Literal:
        yield from dict.fromkeys(type(option) for option in get_args(hint))
    # None stands for an unset field, which no text gives.
    elif hint is not NoneType:
        yield (tuple, get_args(hint)[0]) if get_origin(hint) is tuple else hint


def _truth(text: str) -> bool:
    # Any other word is a ValueError, as with `int` and `float`.
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
