"""Chunks of members computed by the workers of a dask cluster, on one machine or many, for the same store."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={"dispatch", "engine", "tasks"},
    submod_attrs={"dispatch": ["DaskExecutor", "fill"]},
)
