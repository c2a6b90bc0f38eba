"""Alignment: what does the gradient on auxiliary logits do for the class, and what stops transfer?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=2,
    summary="What does the gradient on auxiliary logits do for the class, and what stops transfer?",
    results={"alignment": Result(on_request=True)},
)
