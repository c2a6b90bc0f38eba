"""The sections of the report, one module each: `TITLE`, `INTRO`, and `draw_section(results)`, its figures in order."""

from types import MappingProxyType

from sottovoce.experiments.alignment import figures as alignment_figures
from sottovoce.experiments.calibration import figures as calibration_figures
from sottovoce.experiments.decoding import figures as decoding_figures
from sottovoce.experiments.inputs import figures as inputs_figures
from sottovoce.experiments.prediction import figures as prediction_figures
from sottovoce.experiments.sharing import figures as sharing_figures
from sottovoce.experiments.spectrum import figures as spectrum_figures
from sottovoce.experiments.theorem import figures as theorem_figures
from sottovoce.experiments.toy import figures as toy_figures
from sottovoce.experiments.transfer import figures as transfer_figures
from sottovoce.sweeps import figures as sweeps_figures

SECTIONS = MappingProxyType(
    {
        "toy": toy_figures,
        "transfer": transfer_figures,
        "inputs": inputs_figures,
        "sweep": sweeps_figures,
        "spectrum": spectrum_figures,
        "calibration": calibration_figures,
        "decoding": decoding_figures,
        "sharing": sharing_figures,
        "theorem": theorem_figures,
        "prediction": prediction_figures,
        "alignment": alignment_figures,
    }
)
"""In the order of the page; the results of a section are those named for it (`spectrum_described`)."""
