"""Closed forms: linear students, random-matrix edges, predictors. NumPy float64, arrays in, arrays out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules={"capture", "chains", "columns", "dynamics", "generators", "linear", "random_matrix"}
)
