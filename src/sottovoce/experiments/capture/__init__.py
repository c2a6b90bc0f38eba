"""Capture: how much of a class column do n_aux auxiliary columns span?"""

from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=1,
    summary="How much of a class direction do k auxiliary logits capture?",
    trains=False,
    section="toy",
)
