"""Calibration: do the counts of directions keep their promises, and from which strength on do they see?"""

from sottovoce.lab.experiment import Experiment, Result

experiment = Experiment(
    __name__,
    version=1,
    summary="Do the counts of directions keep their promises, and what do they see?",
    trains=False,
    results={"calibration": Result(on_request=True)},
)
