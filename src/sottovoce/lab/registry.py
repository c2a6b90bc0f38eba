"""The registry of experiments by name, from which everything that concerns all experiments is derived."""

import importlib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sottovoce.errors import not_among
from sottovoce.lab.experiment import Experiment

if TYPE_CHECKING:
    import xarray as xr


ADDED: dict[str, Experiment] = {}
"""Experiments by name that a program has added to the built-in ones."""


def experiments() -> Mapping[str, Experiment]:
    """Return every experiment by name, in the order in which commands and the report show them."""
    # Merged at every call, because a program may add experiments at any time.
    return MappingProxyType({**_built_in(), **ADDED})


@cache
def _built_in() -> Mapping[str, Experiment]:
    # Imported by name, because the kernel depends on no experiment; the list of their folders stands beside them.
    folders = importlib.import_module("sottovoce.experiments").BUILT_IN
    built_in = (importlib.import_module(f"sottovoce.experiments.{folder}").experiment for folder in folders)
    return {experiment.name: experiment for experiment in built_in}


def experiment(name: str) -> Experiment:
    """Return an experiment by name.

    Raises:
        UsageError: no experiment has this name; the message lists them with the nearest match.
    """
    if name not in experiments():
        raise not_among("experiment", name, experiments())
    return experiments()[name]


def of(dataset: "xr.Dataset") -> Experiment:
    """Return the experiment that a dataset is a result of."""
    return experiment(dataset.attrs["experiment"])
