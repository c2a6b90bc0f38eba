"""Packages that import a submodule when it is first used.

The command line therefore starts fast, and a part of the package needs only the libraries that it uses itself. This
module imports the standard library alone, so that training and its benchmark run where only jax, optax, equinox and
numpy are installed.
"""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def attach(
    package: str, submodules: Collection[str], submod_attrs: Mapping[str, Collection[str]] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package that imports lazily (PEP 562).

    Args:
        package: the package's own name.
        submodules: the package's submodules that are its public attributes.
        submod_attrs: by submodule, relative to the package: the public names that this submodule defines.
    """
    origins = {name: module for module, names in (submod_attrs or {}).items() for name in names}
    public = sorted({*submodules, *origins})

    def get(name: str) -> Any:
        if name in origins:
            return getattr(import_module(f"{package}.{origins[name]}"), name)
        if name in submodules:
            # The import binds the submodule to the package, so Python asks this function only once for each.
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: list(public), public
