"""Experiments as values: one module each, with a frozen `Config` and `simulate(config, members)`."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "calibration",
        "capture",
        "checks",
        "decoding",
        "distillation_config",
        "input_config",
        "inputs",
        "prediction",
        "presets",
        "protocol_config",
        "registry",
        "settings",
        "sharing",
        "spectrum",
        "theorem",
        "toy",
        "toy_training",
        "transfer",
    },
)
