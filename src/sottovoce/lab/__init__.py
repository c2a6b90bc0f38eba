"""What an experiment is: the registry, fields and their checks, estimates, claims, rows, style and drawings."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "checks",
        "claims",
        "drawing",
        "estimates",
        "evidence",
        "experiment",
        "fields",
        "hover",
        "panels",
        "registry",
        "rows",
        "style",
    },
)
