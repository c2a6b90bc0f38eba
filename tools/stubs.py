"""Write `src/sottovoce/calls.pyi`: the signatures of `sottovoce.run` and `sottovoce.sweep` for every experiment.

    python tools/stubs.py             write the file
    python tools/stubs.py --check     say whether the file is up to date, and write nothing

Type checkers and editors read the stub, Python does not. Both functions have an overload for each built-in experiment,
whose keywords are the fields of the experiment's `Config`, so that an editor completes the fields. The keywords are
written out, because not every editor completes those of `Unpack[TypedDict]`.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from textwrap import indent
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import tyro

from sottovoce.experiments import BUILT_IN
from sottovoce.lab import registry
from sottovoce.lab.experiment import Experiment
from sottovoce.running.run import run
from sottovoce.sweeps import sweep

FILE = Path(__file__).parents[1] / "src" / "sottovoce" / "calls.pyi"
WIDTH = 120
# A longer default is left out, because the editor shows all keywords at once.
LONGEST_DEFAULT = 40
HEAD = '''\
# ruff: noqa: D415, DOC
"""The calls of `sottovoce.run` and `sottovoce.sweep`, for type checkers and editors; made by tools/stubs.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, overload

import xarray as xr
from typing_extensions import deprecated

from .data.images import LabeledImages
from .lab.experiment import Experiment
from .running.run import Execution

class Array(Protocol):
    """A scalar or an array of NumPy, or of a library like it."""

    def tolist(self) -> Any: ...

Truth = bool | Array
Whole = int | Array
Number = float | Array
Wholes = Sequence[Whole] | Array
Numbers = Sequence[Number] | Array
# A single word is a sequence of words, too, but is none of a field's values.
Words = tuple[str, ...] | list[str] | Array
'''
WORDS = {
    bool: "Truth",
    int: "Whole",
    float: "Number",
    str: "str",
    NoneType: "None",
    tuple[int, ...]: "Wholes",
    tuple[float, ...]: "Numbers",
    tuple[str, ...]: "Words",
}
REFUSED = "the experiment has no field of this name, or the field is of another type"


def type_text(name: str, hint: Any) -> str:
    """Return the type of what a field takes; a KeyError where the stub has no word for the field's own type."""
    # Images are given in place of the name of a dataset.
    if name == "dataset":
        return "str | LabeledImages"
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    return " | ".join(WORDS[option] for option in options)


def default_text(field: Field[Any]) -> str:
    """Return a field's default as Python writes it, or `...` where it is long or made when it is needed."""
    text = "..." if field.default is MISSING else repr(field.default).replace("'", '"')
    return text if len(text) <= LONGEST_DEFAULT else "..."


def keywords(experiment: Experiment) -> list[str]:
    """Return the keywords that the fields of an experiment are, with their types and defaults."""
    hints = get_type_hints(experiment.Config)
    return [
        f"{field.name}: {type_text(field.name, hints[field.name])} = {default_text(field)}"
        for field in fields(experiment.Config)
    ]


def filled(parts: Iterable[str]) -> list[str]:
    """Return the lines, indented, of as many parts as fit in one, each followed by a comma."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= WIDTH:
            lines[-1] += f" {part},"
        else:
            lines.append(f"    {part},")
    return lines


def definition(name: str, experiment: str, shared: list[str], settings: list[str], docstring: str) -> str:
    """Return one overload of a function."""
    execution = "execution: Execution | None = None"
    lines = ["@overload", f"def {name}("]
    lines += filled([f"experiment: {experiment}", "/", *shared, "*", execution, *settings])
    text = f'"""{docstring}"""' if "\n" not in docstring else f'"""{docstring}\n"""'
    return "\n".join([*lines, ") -> xr.Dataset:", indent(text, " " * 4), "    ..."]) + "\n"


def overloads(function: Callable[..., Any], shared: list[str], verb: str) -> Iterator[str]:
    """Yield the overloads of a function: one for each experiment, one for wrong settings, and the general one."""
    name, anything = function.__name__, ["**settings: Any"]
    for one in map(registry.experiment, BUILT_IN):
        yield definition(name, f'Literal["{one.name}"]', shared, keywords(one), f"{verb} `{one.name}`: {one.summary}")
    # The general overload takes any text, and thereby the name of a built-in experiment with any setting.
    refused = definition(name, "BuiltIn", shared, anything, "Refuse settings that the experiment does not have.")
    yield refused.replace("@overload", f'@overload\n@deprecated("{REFUSED}")')
    yield definition(name, "str | Experiment", shared, anything, inspect.getdoc(function) or name)


def text() -> str:
    """Return the stub."""
    names = "\n".join(["BuiltIn = Literal[", *filled(f'"{name}"' for name in BUILT_IN), "]"])
    over = [
        "over: Mapping[str, Sequence[Any] | Array] | None = None",
        "points: Sequence[Mapping[str, Any]] | None = None",
    ]
    # Lines are filled here, so that the file has a third of the lines that one for each keyword would make.
    parts = ["# fmt: off", f"{names}\n", *overloads(run, [], "Run"), *overloads(sweep, over, "Sweep")]
    return "\n".join([HEAD, *parts])


def main(check: bool = False) -> None:
    """Write the stub of the calls.

    Args:
        check: write nothing; the exit status is 1 if the file is not what would be written.
    """
    if not check:
        FILE.write_text(text(), encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text():
        sys.exit(f"{FILE} is out of date; run python tools/stubs.py")


if __name__ == "__main__":
    tyro.cli(main, config=(tyro.conf.FlagCreatePairsOff,))
