"""The experiment `prediction`."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "config",
        "expansion",
        "figures",
        "findings",
        "risk",
        "simulate",
    },
    submod_attrs={"config": ["VERSION", "Config"]},
)
