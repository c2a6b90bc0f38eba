"""Configurations that are given from outside: completed with what every configuration offers, and their values."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass, make_dataclass, replace
from typing import Any, get_type_hints

from sottovoce.errors import UsageError
from sottovoce.lab import fields as by_name
from sottovoce.lab.checks import DEFAULT_SEED, Count, Seed, check_fields

MEMBERS = 12
"""The number of members where a configuration states none: most effects are decided by as many."""
SMOKE_MEMBERS = 2


def completed(Config: type[Any], owner: type[Any]) -> type[Any]:
    """Return a configuration with fields `members` and `seed` and methods `resolve` and `smoke` where these lack.

    Args:
        Config: a frozen dataclass whose fields have defaults.
        owner: the experiment's class, whose attribute `Config` the result is to be.

    Raises:
        UsageError: it is none, or a field has no default or a type that text and checks cannot have.
    """
    where = f"{owner.__name__}.Config"
    if not is_dataclass(Config) or not Config.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]
        raise UsageError(f"{where} is not a frozen dataclass; write @dataclass(frozen=True) above it")
    for field in fields(Config):
        if field.default is MISSING and field.default_factory is MISSING:
            raise UsageError(f"{where}.{field.name} has no default; every field needs one")
    hints = get_type_hints(Config)
    for name in hints:
        by_name.check_readable(Config, name, where)
    added = [one for one in (("members", Count, MEMBERS), ("seed", Seed, DEFAULT_SEED)) if one[0] not in hints]
    methods: dict[str, Callable[..., Any] | classmethod] = {"resolve": _resolve, "smoke": classmethod(_smoke)}
    lacking = {name: method for name, method in methods.items() if not hasattr(Config, name)}
    if not added and not lacking:
        return Config
    # Under the name by which it is found again, as the experiment's attribute, so that it can be pickled.
    found_at = {"__module__": owner.__module__, "__qualname__": f"{owner.__qualname__}.Config"}
    namespace = {"__doc__": Config.__doc__, **found_at, **lacking}
    return make_dataclass(Config.__name__, added, bases=(Config,), namespace=namespace, frozen=True)


def _resolve(self: Any) -> Any:
    """Return the configuration with every value in its field's type, checked by the field's annotation.

    Raises:
        UsageError: a value is not allowed; the message names the field.
    """
    resolved = replace(self, **by_name.converted(type(self), vars(self)))
    check_fields(resolved)
    return resolved


def _smoke(cls: type[Any]) -> Any:
    """Return the configuration of the fewest members that still show how members differ."""
    return cls(members=SMOKE_MEMBERS)
