"""sottovoce: a laboratory for subliminal learning in small models."""

from sottovoce import lazy

__version__ = "0.1.0"

__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submodules={
        "analysis",
        "data",
        "experiments",
        "figures",
        "interop",
        "measure",
        "networks",
        "report",
        "runs",
        "theory",
        "training",
    },
    submod_attrs={
        "api": ["run"],
        "data.datasets": ["load_dataset"],
        "risk": ["transfer_risk"],
        "sweeps": ["sweep"],
    },
)
