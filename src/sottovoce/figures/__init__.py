"""One function per panel: takes an Axes and a Dataset and draws; nothing is computed here."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
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
