"""What the experiments on trained networks share: configuration, presets, published values, program."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "config",
        "contracts",
        "distillation",
        "inputs",
        "interventions",
        "network",
        "objectives",
        "presets",
        "program",
        "published",
        "quantities",
        "weights",
    },
)
