"""Calibration: are the counts of directions calibrated, and from which strength on do they detect a direction?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=2,
    summary="Are the counts of directions calibrated, and which directions do they detect?",
    trains=False,
    results={"calibration": Result(on_request=True)},
)
