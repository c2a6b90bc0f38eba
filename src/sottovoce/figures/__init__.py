"""One function per panel: takes an Axes and a Dataset and draws; nothing is computed here."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "alignment",
        "calibration",
        "decoding",
        "directions",
        "hover",
        "inputs",
        "prediction",
        "sharing",
        "similarity",
        "spectrum",
        "style",
        "subspaces",
        "sweep",
        "theorem",
        "toy",
        "toy_training",
        "transfer",
    },
)
