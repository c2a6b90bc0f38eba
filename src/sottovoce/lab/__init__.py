"""What an experiment is: the registry, fields and their checks, estimates, claims, rows, style and drawings."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "checks",
        "claims",
        "configurations",
        "defaults",
        "drawing",
        "estimates",
        "evidence",
        "experiment",
        "fields",
        "hover",
        "packaged",
        "panels",
        "quantities",
        "registry",
        "rows",
        "sources",
        "style",
    },
)
