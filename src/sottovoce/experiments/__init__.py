"""Experiments as values: one module each, with a frozen `Config` and `simulate(config, members)`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "calibration",
        "capture",
        "checks",
        "decoding",
        "input_config",
        "inputs",
        "prediction",
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
