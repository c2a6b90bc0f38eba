"""Theorem 1: does one step toward a teacher carry a student along the teacher's own step?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=2,
    summary="Does one step toward a teacher carry the student along? (Cloud's Theorem 1)",
    results={"theorem": Result(on_request=True)},
)
