"""The experiment `capture`."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "config",
        "figures",
        "findings",
        "simulate",
    },
    submod_attrs={"config": ["VERSION", "Config"]},
)
