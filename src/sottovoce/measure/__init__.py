"""Measurements on plain arrays: spectra, statistics, heads, directions, changes. No network, file or plot."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules={"changes", "directions", "heads", "nulls", "spectra", "statistics"}
)
