"""Measurements on plain arrays: spectra, subspaces, similarity, heads, counts. They know no network, file or plot."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "changes",
        "directions",
        "heads",
        "nulls",
        "similarity",
        "spectra",
        "statistics",
        "subspaces",
    },
)
