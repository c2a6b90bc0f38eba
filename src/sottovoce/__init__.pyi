from . import analysis as analysis
from . import data as data
from . import experiments as experiments
from . import figures as figures
from . import interop as interop
from . import measure as measure
from . import networks as networks
from . import report as report
from . import runs as runs
from . import theory as theory
from . import training as training
from .api import run as run
from .data.datasets import load_dataset as load_dataset
from .risk import transfer_risk as transfer_risk
from .sweeps import sweep as sweep

__version__: str
