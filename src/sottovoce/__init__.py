"""sottovoce: a laboratory for subliminal learning in small models.

run("transfer", dataset="digits", members=2)     run an experiment, or load what is saved, as an xarray.Dataset
sweep("transfer", {"n_aux": [2, 3]}, ...)        run it at many settings
train("transfer", of=[0], ...)                   reference, teacher and students of its members, as networks
table(result), plot(result)                      its rows with intervals, its figure as the report draws it
list(), load("transfer")                         the saved runs, and one of them
Experiment, LabeledImages                        an experiment and images of your own
register_network, register_objective, ...        a network, an objective, inputs, an intervention of your own
Execution(out=..., devices=..., chunk=...)       how to run: where, on what, how much at once
experiments                                      the experiments: sottovoce.experiments.transfer.config says what it is
load_dataset, transfer_risk                      images by name; the risk that a student of your teacher learns
theory, measure, networks, training, interop     closed forms, measurements, networks, their training, files of others
"""

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
        "parts": ["register_inputs", "register_intervention", "register_network", "register_objective"],
        "report.access": ["list", "load", "plot", "table"],
        "running.run": ["Execution", "run"],
        "running.training": ["train"],
        "sweeps": ["sweep"],
    },
)
