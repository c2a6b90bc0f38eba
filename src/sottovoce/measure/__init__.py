"""Measurements on plain arrays: spectra, subspaces, similarity, heads, counts; without networks, files or plots."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "comparison",
        "counting",
        "directions",
        "heads",
        "hypotheses",
        "max_t",
        "null_curves",
        "nulls",
        "similarity",
        "spectra",
        "statistics",
        "subspaces",
    },
)
