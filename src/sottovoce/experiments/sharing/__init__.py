"""Sharing: which block of the initialization carries transfer?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=1,
    summary="Which block of the initialization carries transfer? (a factorial over trunk and heads)",
    results={"sharing": Result({"replacement": "independent"}, on_request=True)},
)
