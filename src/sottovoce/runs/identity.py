"""Identity of a result: the SHA-256 of the canonical JSON of everything that decides its values.

The identity covers all fields of a resolved configuration, defaults included, so that a changed default can never
silently reuse an old result. It does not cover the number of members, because a larger ensemble contains the smaller.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any

from sottovoce.errors import UsageError


def plain(value: object, name: str = "config") -> Any:
    """Turn a configuration into JSON values: dict, list, str, int, float, bool or None, nested.

    A dataclass field whose metadata have `added` is left out at its default.

    Raises:
        UsageError: the value, or one inside it, has another type or is not finite; the error names it from `name` on.
    """
    # Exact types: an enum or a NumPy scalar may subclass str or float and still print differently elsewhere.
    if value is None or type(value) in {bool, int, str} or (type(value) is float and math.isfinite(value)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value) if not _left_out(field, value)}
    # JSON turns every other key into text, so that the identities of {1: x} and {"1": x} would be equal.
    if isinstance(value, Mapping) and all(type(key) is str for key in value):
        return {key: plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    raise UsageError(
        f"{name} is {value!r} ({type(value).__name__}); allowed: strings, finite numbers, booleans, None, "
        "and tuples, string-keyed mappings and dataclasses of them"
    )


def _left_out(field: Field[Any], config: Any) -> bool:
    # At the value that reproduces what was before it, a field that was added later leaves every identity as it was.
    return field.metadata.get("added", False) and getattr(config, field.name) == field.default


def canonical(value: object) -> str:
    """Return the canonical JSON of what `plain` allows: sorted keys, no whitespace, ASCII, shortest exact floats."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def run_header(experiment: str, version: int, config: object) -> dict[str, Any]:
    """Describe a run by `experiment`, `version`, `config` (every field but `members`) and their `identity`.

    The identity is 64 hexadecimal digits; errors are those of `plain`.
    """
    described = {name: value for name, value in plain(config).items() if name != "members"}
    content = {"experiment": experiment, "version": version, "fields": described}
    digest = hashlib.sha256(canonical(content).encode("ascii")).hexdigest()
    return {"experiment": experiment, "version": version, "config": described, "identity": digest}
