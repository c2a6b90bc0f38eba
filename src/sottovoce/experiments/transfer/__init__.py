"""Transfer: does a student taught auxiliary logits on noise classify digits?"""

from sottovoce.lab.experiment import Experiment

experiment = Experiment(
    __name__,
    version=3,
    summary="Does a student taught auxiliary logits on noise classify digits? (Cloud's six bars)",
)
