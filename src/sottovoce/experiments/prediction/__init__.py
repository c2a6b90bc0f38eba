"""Prediction: how good will a student be, from what exists before it is trained?"""

from sottovoce.lab.experiment import Experiment, Result

experiment = Experiment(
    __name__,
    version=2,
    summary="How good will a student be, from what exists before it is trained?",
    results={"prediction": Result(on_request=True)},
)
