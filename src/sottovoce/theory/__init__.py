"""Closed forms: linear students, random-matrix edges, predictors. NumPy float64, arrays in, arrays out.

`krylov`, `metric` and `tangent` differentiate somebody's network, and so compute on jax in its precision.
"""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "capture",
        "chains",
        "columns",
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
