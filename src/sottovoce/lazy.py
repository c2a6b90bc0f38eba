"""Packages that import a module when it is first used: the command starts fast, and a part needs only what it uses.

The standard library alone: training and its benchmark run where only jax, optax, equinox and numpy are installed.
"""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def attach(
    package: str, submodules: Collection[str], submod_attrs: Mapping[str, Collection[str]] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return what a package takes as its `__getattr__`, `__dir__` and `__all__` (PEP 562).

    Args:
        package: the package's own name.
        submodules: modules of it that are its public attributes.
        submod_attrs: public names by the module, relative to the package, that defines them.
    """
    origins = {name: module for module, names in (submod_attrs or {}).items() for name in names}
    public = sorted({*submodules, *origins})

    def get(name: str) -> Any:
        if name in origins:
            return getattr(import_module(f"{package}.{origins[name]}"), name)
        if name in submodules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: list(public), public
