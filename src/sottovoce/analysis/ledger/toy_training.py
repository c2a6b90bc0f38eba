"""Claims on the toy trained step by step: the post's closed form, and its caveat that trained heads would differ.

The distances of one trial run (seed 0) had been seen when the criteria of j-projector, j-kl and j-adam were written
down; all other criteria came before any value. Another seed is the test of those three.
"""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis.claims import INFINITY, Claim, Identity, Mean, of_members
from sottovoce.analysis.toy_training import drift_correlation, noise_to_signal, step_order

KEPT = ("gd", "gd from zero", "sgd")


def _largest_distance(*students: str) -> Callable[[xr.Dataset], Identity]:
    def measure(training: xr.Dataset) -> Identity:
        # The limit of a convergent process has no sampling error: the worst draw decides.
        distance = training["projector_distance"].sel(student=list(students))
        return Identity(float(distance.max()), distance.sizes["member"] * distance.sizes["draw"])

    return measure


def _lost(student: str) -> Callable[[xr.Dataset], Mean]:
    def measure(training: xr.Dataset) -> Mean:
        recovered = training["recovered"]
        return of_members(recovered.sel(student="gd", drop=True) - recovered.sel(student=student, drop=True))

    return measure


def _moved(values: xr.DataArray) -> Mean:
    """Return the mean of what W2 at W1's rate adds to a quantity."""
    both = values.sel(moving="both")
    return of_members(both.sel(head_rate=1.0, drop=True) - both.sel(head_rate=0.0, drop=True))


CLAIMS = (
    Claim(
        key="j-projector",
        text="A student trained step by step with W2 kept ends at the solution that the post writes down.",
        place="post, Toy Models (closed form)",
        result="toy_training",
        statistic="largest distance from W1_0 + (W1 - W1_0) P over all draws of gd, gd from zero and sgd, relative to "
        "what the closed form moved",
        low=0.0,
        high=1e-3,
        beforehand=False,
        measure=_largest_distance(*KEPT),
        published="exactly",
        figure="toy_training",
    ),
    Claim(
        key="j-kl",
        text="Under kl the student ends at the projector on the centered auxiliary columns.",
        place="docs/theory.md, section 3",
        result="toy_training",
        statistic="largest distance from the closed form with the centered projector over all draws, relative to what "
        "it moved",
        low=0.0,
        high=1e-3,
        beforehand=False,
        measure=_largest_distance("gd, kl"),
        published="-",
        figure="toy_training",
    ),
    Claim(
        key="j-adam",
        text="Adam, the optimizer of Cloud's students, ends there too.",
        place="post, Toy Models (closed form); Cloud, MNIST experiment (optimizer)",
        result="toy_training",
        statistic="distance of Adam's student from W1_0 + (W1 - W1_0) P, relative to what the closed form moved; mean "
        "over draws and members",
        low=0.0,
        high=0.05,
        beforehand=False,
        measure=lambda training: of_members(training["projector_distance"].sel(student="adam").mean("draw"), "log"),
        published="-",
        figure="toy_training",
    ),
    Claim(
        key="j-order",
        text="Descent on W1 and W2 follows the gradient flow with an error of order one in the step size.",
        place="docs/theory.md, section 6",
        result="toy_training",
        statistic="slope of the logarithm of the distance between descent and flow at a fixed time against that of the "
        "step size, both layers moving; mean over members",
        low=0.9,
        high=1.1,
        measure=lambda training: of_members(step_order(training).sel(layers="trunk and head")),
        published="1",
        figure="toy_training",
    ),
    Claim(
        key="k-cost",
        text="The student decodes worse when W2 is trained as well.",
        place="post, Why This Works",
        result="toy_training",
        statistic="recovered energy of the class logits with W2 kept minus that with W2 of teacher and student at W1's "
        "rate, paired; mean over members",
        low=0.0,
        high=INFINITY,
        measure=lambda training: _moved(-training["moving_recovered"]),
        published="additional noise",
        figure="toy_drift",
    ),
    Claim(
        key="k-noise",
        text="What a trained W2 adds to the decoding is noise.",
        place="post, Why This Works",
        result="toy_training",
        statistic="noise over signal (the student's change of class logits across and along the teacher's) with W2 at "
        "W1's rate minus that with W2 kept, paired; mean over members",
        low=0.0,
        high=INFINITY,
        measure=lambda training: _moved(noise_to_signal(training)),
        published="additional noise",
        figure="toy_drift",
    ),
    Claim(
        key="k-drift",
        text="The further the heads of teacher and student drift apart, the worse the decoding.",
        place="post, Why This Works",
        result="toy_training",
        statistic="rank correlation of decoding error with the distance between both heads over the rates of W2; mean "
        "over members",
        low=0.8,
        high=1.0,
        measure=lambda training: of_members(drift_correlation(training), "fisher_z"),
        published="additional noise",
        figure="toy_drift",
    ),
    Claim(
        key="k-relu",
        text="A ReLU between the layers costs decoding.",
        place="post, Higher Rank Toy Models (non-linearities left out)",
        result="toy_training",
        statistic="recovered energy of the class logits of the linear student minus that of the ReLU student, paired; "
        "mean over members",
        low=0.0,
        high=INFINITY,
        measure=_lost("gd, relu"),
        published="not known",
        figure="toy_training",
    ),
)
