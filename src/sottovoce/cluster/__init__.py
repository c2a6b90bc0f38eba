"""Chunks of members computed by the workers of a dask cluster, on one machine or many, for the same store."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"dispatch", "engine", "filling", "flights", "tasks"},
    submod_attrs={"engine": ["Engine"], "filling": ["Workers", "fill"], "flights": ["Job"]},
)
