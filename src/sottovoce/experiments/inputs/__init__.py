"""Inputs: what do the kinds of distillation inputs look like, and how do they vary?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=1,
    summary="What do the kinds of distillation inputs look like, and how do they vary?",
    results={"inputs": Result(on_request=True)},
)
