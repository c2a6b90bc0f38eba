"""The experiment `toy_training`."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "config",
        "draws",
        "figures",
        "findings",
        "kept",
        "moving",
        "simulate",
        "students",
    },
    submod_attrs={"config": ["VERSION", "Config"]},
)
