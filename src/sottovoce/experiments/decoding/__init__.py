"""Decoding: how do the directions that a student learned get used?"""

from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=3,
    summary="How do the directions get used? (bodies and heads exchanged, probes, drift)",
)
