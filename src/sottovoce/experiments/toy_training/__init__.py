"""Toy training: does a student trained step by step end where the closed form of the toy says?"""

from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=1,
    summary="Does a trained toy student end at the closed form, with W2 frozen and with W2 trained?",
    trains=False,
    vectorized=8,
    section="toy",
)
