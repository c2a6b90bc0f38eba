"""The experiments, one folder each. Their list: a new experiment is a folder and a name here."""

from sottovoce import lazy

BUILT_IN = (
    "toy",
    "toy_training",
    "capture",
    "transfer",
    "spectrum",
    "decoding",
    "sharing",
    "alignment",
    "inputs",
    "coverage",
    "calibration",
    "theorem",
    "prediction",
)
"""In the order in which commands and the report show them."""

__getattr__, __dir__, __all__ = lazy.attach(__name__, submodules={*BUILT_IN, "protocol"})
