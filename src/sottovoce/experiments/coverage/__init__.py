"""Coverage: how often do the intervals that this laboratory prints contain the true value?"""

from sottovoce.lab.experiment import Experiment, Result

experiment = Experiment(
    __name__,
    version=1,
    summary="How often do the printed intervals contain the true mean, by law and number of members?",
    trains=False,
    results={"coverage": Result(on_request=True)},
)
