"""Spectrum: does a student's weight spectrum show as many learned directions as it had logits?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=2,
    summary="Does the student's spectrum show as many directions as logits? (the post's Figure 3)",
    results={
        "spectrum_described": Result({"variant": "described"}),
        "spectrum_published": Result({"variant": "published"}),
        "spectrum_long": Result({"variant": "long"}, on_request=True),
    },
)
