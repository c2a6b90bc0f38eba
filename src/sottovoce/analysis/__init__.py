"""From results to statements: estimates with intervals, published numbers beside them, the ledger of claims."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "alignment",
        "calibration",
        "claims",
        "comparison",
        "counts",
        "directions",
        "effects",
        "estimates",
        "ledger",
        "prediction",
        "published",
        "sharing",
        "spectrum",
        "sweeps",
        "tables",
        "theorem",
        "toy_training",
    },
)
