from . import data as data
from . import experiments as experiments
from . import interop as interop
from . import lab as lab
from . import measure as measure
from . import networks as networks
from . import report as report
from . import runs as runs
from . import theory as theory
from . import training as training
from .calls import run as run
from .calls import sweep as sweep
from .data.datasets import load_dataset as load_dataset
from .data.images import LabeledImages as LabeledImages
from .experiments.prediction.risk import transfer_risk as transfer_risk
from .lab.experiment import Experiment as Experiment
from .parts import register_inputs as register_inputs
from .parts import register_intervention as register_intervention
from .parts import register_network as register_network
from .parts import register_objective as register_objective
from .report.access import list as list
from .report.access import load as load
from .report.access import plot as plot
from .report.access import table as table
from .running.run import Execution as Execution
from .running.training import train as train

__version__: str
