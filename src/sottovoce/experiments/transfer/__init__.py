"""Transfer: does a student taught auxiliary logits on noise classify digits?"""

from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=3,
    summary="Does a student taught auxiliary logits on noise classify digits? (Cloud's six bars)",
)
