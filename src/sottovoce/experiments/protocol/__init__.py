"""What the experiments on trained networks share: configuration, presets, published values, program."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "config",
        "distillation",
        "inputs",
        "interventions",
        "network",
        "presets",
        "program",
        "published",
        "quantities",
    },
)
