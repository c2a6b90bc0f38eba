"""One step toward a teacher."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates, theorem
from sottovoce.drawings.drawing import Drawing, Results, setting, source_of

TITLE = "One step toward a teacher"
INTRO = (
    "Cloud's Theorem 1 in float64: the teacher takes one small step on labels, its student one on the teacher's logits."
)


def draw(results: Results) -> list[Drawing]:
    """Return the errors of the theorem's leading order with the signs of the inner product."""
    return [_theorem(results["theorem"])] if "theorem" in results else []


def _theorem(dataset: xr.Dataset) -> Drawing:
    errors = theorem.relative_errors(dataset)
    share = estimates.over_members(theorem.positive_share(dataset).mean("activation"), "logit")
    return Drawing(
        key="theorem",
        title="The leading order of Theorem 1, and its sign",
        alt="Relative errors fall in proportion to the length of the teacher's step; the inner product of the steps is "
        "positive in every shared setting and of either sign from another initialization.",
        caption="Left: relative error of the quadratic form as a prediction of the inner product and of the drop in "
        "the teacher's loss, root mean square over objectives, subsets of logits and inputs, mean over members. "
        "Right: share of objectives, inputs and activations, 95 % interval over members. "
        f"Setting: {setting(dataset)}.",
        figure=figures.theorem.draw(
            errors, share, f"Theorem 1: {source_of(dataset)}, n = {dataset.sizes['member']} members"
        ),
        data=errors.mean("member"),
    )
