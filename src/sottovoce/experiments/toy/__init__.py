"""Toy: what does a linear student, solved in closed form, learn about a logit it never saw?"""

from sottovoce.lab.experiment import Result
from sottovoce.lab.packaged import Packaged

experiment = Packaged(
    __name__,
    version=2,
    summary="Does a linear student taught one logit match the others? (the post's Figures 1 and 2)",
    trains=False,
    results={f"toy_{k}": Result({"generator": "post", "n_aux": k}) for k in (1, 2)},
)
