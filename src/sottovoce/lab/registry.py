"""The registry of experiments by name, from which everything that concerns all experiments is derived."""

import importlib
import logging
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UsageError, not_among
from sottovoce.lab.experiment import Experiment

if TYPE_CHECKING:
    import xarray as xr

GROUP = "sottovoce.experiments"
"""The group of entry points by which installed packages add experiments."""
ADDED: dict[str, Experiment] = {}
"""Experiments by name that a program has added to the built-in and installed ones."""
# Names of folders, of flags and of results.
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_log = logging.getLogger(__name__)


def experiments() -> Mapping[str, Experiment]:
    """Return every experiment by name, in the order in which commands and the report show them."""
    # Merged at every call, because a program may add experiments at any time.
    return MappingProxyType({**_built_in(), **_installed(), **ADDED})


@cache
def _built_in() -> Mapping[str, Experiment]:
    # Imported by name, because the kernel depends on no experiment; the list of their folders stands beside them.
    folders = importlib.import_module("sottovoce.experiments").BUILT_IN
    built_in = (importlib.import_module(f"sottovoce.experiments.{folder}").experiment for folder in folders)
    return {experiment.name: experiment for experiment in built_in}


@cache
def _installed() -> Mapping[str, Experiment]:
    """Return the experiments of installed packages; one that cannot be had is left out with a warning."""
    found: dict[str, Experiment] = {}
    for point in entry_points(group=GROUP):
        try:
            one = _loaded(point)
            if one.name in _built_in() or one.name in found:
                raise UsageError(f"the name {one.name} is taken; choose another")
            found[one.name] = one
        # Whatever is wrong with a package of someone else, this package's own commands go on.
        except Exception as error:
            _log.warning("experiment %s of %s is left out: %s", point.name, point.value, error)
    return found


def _loaded(point: EntryPoint) -> Experiment:
    given = point.load()
    return checked(given() if isinstance(given, type) else given)


def experiment(given: str | Experiment) -> Experiment:
    """Return an experiment by name, or add one that is given as a value.

    Raises:
        UsageError: no experiment has this name; the message lists them with the nearest match. Or the value is no
            experiment, or its name is taken by another one.
    """
    if isinstance(given, str):
        if given not in experiments():
            raise not_among("experiment", given, experiments())
        return experiments()[given]
    one = checked(given)
    known = experiments().get(one.name)
    # In a notebook a class is defined again and again; the new one takes the place of the old.
    if known is not None and known.origin != one.origin:
        raise UsageError(f"name is {one.name!r}, which is taken by {known.origin}; choose another")
    if known is not one:
        ADDED[one.name] = one
    return one


def checked(given: Any) -> Experiment:
    """Return a value if it is an experiment that states all it has to; else raise a UsageError."""
    if isinstance(given, type) and issubclass(given, Experiment):
        raise UsageError(f"experiment is the class {given.__name__}; give an instance of it: {given.__name__}()")
    if not isinstance(given, Experiment):
        raise UsageError(
            f"experiment is {given!r}; allowed: a name, or an instance of a subclass of sottovoce.Experiment"
        )
    owner = type(given).__name__
    for attribute, kind, words in (
        ("name", str, "lower-case letters, digits and underscores"),
        ("version", int, "a whole number"),
        ("summary", str, "one line of text"),
        ("Config", type, "a frozen dataclass"),
    ):
        value = getattr(given, attribute, None)
        if not isinstance(value, kind) or (attribute == "name" and not _NAME.fullmatch(str(value))):
            raise UsageError(f"{owner}.{attribute} is {value!r}; allowed: {words}")
    return given


def of(dataset: "xr.Dataset") -> Experiment:
    """Return the experiment that a dataset is a result of."""
    return experiment(dataset.attrs["experiment"])
