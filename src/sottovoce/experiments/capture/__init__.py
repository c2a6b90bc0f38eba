"""Capture: how much of a class column do n_aux auxiliary columns span?"""

from sottovoce.lab.experiment import Experiment

experiment = Experiment(
    __name__,
    version=1,
    summary="How much of a class direction do k auxiliary logits capture?",
    trains=False,
    section="toy",
)
