"""The experiment `decoding`."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "bodies",
        "config",
        "figures",
        "findings",
        "parts",
        "similarity_figure",
        "simulate",
        "subspaces_figure",
    },
    submod_attrs={"config": ["VERSION", "Config"]},
)
