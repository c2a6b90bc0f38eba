"""sottovoce: a laboratory for subliminal learning in small models."""

from sottovoce import lazy

__version__ = "0.1.0"

# The stub beside this file repeats these names for type checkers and editors, which do not run `attach`.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submodules={
        "data",
        "experiments",
        "interop",
        "lab",
        "measure",
        "networks",
        "report",
        "runs",
        "theory",
        "training",
    },
    submod_attrs={
        "data.datasets": ["load_dataset"],
        "data.images": ["LabeledImages"],
        "experiments.prediction.risk": ["transfer_risk"],
        "lab.experiment": ["Experiment"],
        "report.access": ["list", "load", "plot", "table"],
        "running.run": ["Execution", "run"],
        "sweeps": ["sweep"],
    },
)
