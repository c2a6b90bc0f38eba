"""Coverage: how often do the intervals that this laboratory prints contain the true value?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=1,
    summary="How often do the printed intervals contain the true mean, by law and number of members?",
    trains=False,
    results={"coverage": Result(on_request=True)},
)
