"""Closed forms: linear students, random-matrix edges, predictors. The functions map NumPy arrays to NumPy arrays.

They compute in float64. The exceptions are `krylov`, `metric` and `tangent`: these differentiate a network that the
caller passes in, and therefore compute with jax in that network's precision.
"""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "capture",
        "chains",
        "dynamics",
        "generators",
        "krylov",
        "linear",
        "metric",
        "predictors",
        "random_matrix",
        "tangent",
    },
)
