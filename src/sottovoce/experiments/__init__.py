"""Experiments as values: one folder each, with a frozen `Config` and `simulate(config, members)`."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "alignment",
        "calibration",
        "capture",
        "decoding",
        "inputs",
        "prediction",
        "protocol",
        "sharing",
        "spectrum",
        "theorem",
        "toy",
        "toy_training",
        "transfer",
    },
)
