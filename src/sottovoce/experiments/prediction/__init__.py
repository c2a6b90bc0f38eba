"""Prediction: how well is a student predicted by what it is trained from, and by what exists before it is trained?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=3,
    summary="How good will a student be, with and without knowing its own inputs and batches?",
    results={"prediction": Result(on_request=True)},
)
