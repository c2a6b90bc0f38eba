"""Findings of the toy's training: order of the step's error, noise to signal, and what moving heads cost."""

from functools import partial

import xarray as xr

from sottovoce.lab.claims import BEFORE_DEFAULT, INFINITY, Claim, difference, mean_of, worst_of
from sottovoce.lab.estimates import log_slope
from sottovoce.lab.rows import Rows, Table, table_of


def step_order(training: xr.Dataset) -> xr.DataArray:
    """Return by member and layers the slope of log error against log step size; a method of order 1 has slope 1."""
    return log_slope(training["step_error"], "rate")


def noise_to_signal(training: xr.Dataset) -> xr.DataArray:
    """Return by member, moving and head_rate the tangent of the angle between the changes of student and teacher.

    The changes are those of class logits; rescaling the student's leaves the tangent unchanged.
    """
    return training["noise"] / training["signal"]


ENERGY = "recovered energy of the class logits"


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    measured = dataset.assign(distance=dataset["projector_distance"].mean("draw"), order=step_order(dataset))
    rows = table_of(
        measured,
        Rows("distance", "distance from the closed form / its displacement", "{student}, distance", "log"),
        Rows("recovered", ENERGY, "{student}, recovered"),
        Rows("relu_recovered", ENERGY, "gd, relu, {n_inputs} inputs"),
        Rows("order", "order in the step size", "order, {layers}"),
    )
    for moving in dataset["moving"].values.tolist():
        trained = "W2 of {moving} at rate {head_rate:g}"
        rows |= table_of(
            dataset.sel(moving=moving),
            Rows("moving_recovered", ENERGY, f"{trained}, recovered"),
            Rows("head_mismatch", "relative distance between the two W2", f"{trained}, head_mismatch"),
            Rows("noise", "change orthogonal to the teacher's / teacher's", f"{trained}, noise"),
            Rows("signal", "change along the teacher's / teacher's", f"{trained}, signal"),
        )
    return rows


def _mean_distance(training: xr.Dataset) -> xr.DataArray:
    return training["projector_distance"].mean("draw")


_claim = partial(Claim, place="post, Why This Works", result="toy_training", figure="toy_training")
# A range from zero on would be passed by no effect at all.
_heads = partial(_claim, figure="toy_drift", published="additional noise", seen=BEFORE_DEFAULT)

DIFFERENT = 0.1
"""The smallest relative distance of two W2 that counts as a difference."""
COST = 0.05
"""The smallest loss of recovered energy, and the smallest rise of noise over signal, that counts as one."""

CLAIMS = (
    _claim(
        "j-projector",
        "A student trained step by step with W2 frozen ends at the solution that the post writes down.",
        "largest distance from W1_0 + (W1 - W1_0) P over all draws of gd, gd from zero and sgd, relative to the closed "
        "form's displacement",
        (0.0, 1e-3),
        # The limit of a convergent process has no sampling error: the worst draw decides.
        worst_of("projector_distance", student=["gd", "gd from zero", "sgd"]),
        place="post, Toy Models (closed form)",
        published="exactly",
    ),
    _claim(
        "j-kl",
        "Under kl the student ends at the projector on the centered auxiliary columns.",
        "largest distance from the closed form with the centered projector over all draws, relative to its "
        "displacement",
        (0.0, 1e-3),
        worst_of("projector_distance", student="gd, kl"),
        place="docs/theory.md, section 3",
    ),
    _claim(
        "j-adam",
        "Adam, the optimizer of Cloud's students, ends at the post's solution too.",
        "distance of Adam's student from W1_0 + (W1 - W1_0) P, relative to the closed form's displacement; mean over "
        "draws and members",
        (0.0, 0.05),
        mean_of(_mean_distance, "log", student="adam"),
        place="post, Toy Models (closed form); Cloud, MNIST experiment (optimizer)",
    ),
    _claim(
        "j-order",
        "Descent on W1 and W2 follows the gradient flow with an error of order one in the step size.",
        "slope of the logarithm of the distance between descent and flow at a fixed time against the logarithm of the "
        "step size, both layers trained; mean over members",
        (0.9, 1.1),
        mean_of(step_order, layers="trunk and head"),
        place="docs/theory.md, section 6",
        published="1",
    ),
    _heads(
        "k-differs",
        "Trained by gradient descent, W2 comes to differ between teacher and student.",
        "distance between the W2 of teacher and student with both trained at W1's rate, relative to the teacher's; "
        "mean over members",
        (DIFFERENT, INFINITY),
        mean_of("head_mismatch", "log", head_rate=1.0, moving="both"),
        published="differs",
    ),
    _heads(
        "k-cost",
        "The student decodes worse when W2 is trained as well.",
        "recovered energy of the class logits with W2 frozen minus the same energy with the W2 of teacher and student "
        "trained at W1's rate, paired; mean over members",
        (COST, INFINITY),
        difference("moving_recovered", "head_rate", 0.0, 1.0, moving="both"),
    ),
    _heads(
        "k-noise",
        "Training W2 adds noise to the decoding.",
        "noise over signal (the student's change of class logits orthogonal to and along the teacher's) with W2 "
        "trained at W1's rate minus the same ratio with W2 frozen, paired; mean over members",
        (COST, INFINITY),
        difference(noise_to_signal, "head_rate", 1.0, 0.0, moving="both"),
    ),
    _claim(
        "k-relu",
        "A ReLU between the layers costs decoding.",
        "recovered energy of the class logits of the linear student minus the ReLU student's, paired; mean over "
        "members",
        (COST, INFINITY),
        difference("recovered", "student", "gd", "gd, relu"),
        place="post, Higher Rank Toy Models (non-linearities left out)",
        published="not known",
        seen=BEFORE_DEFAULT,
    ),
)
