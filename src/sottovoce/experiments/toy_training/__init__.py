"""Toy training: does a student that is trained end where the closed form of the toy says?"""

from sottovoce.lab.experiment import Experiment

experiment = Experiment(
    __name__,
    version=1,
    summary="Does a toy student that is trained end at the closed form, and if W2 moves?",
    trains=False,
    vectorized=8,
    section="toy",
)
