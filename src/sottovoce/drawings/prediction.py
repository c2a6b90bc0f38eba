"""Students predicted before they are trained."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates, prediction
from sottovoce.drawings.drawing import Drawing, Results, setting, source_of

TITLE = "A student predicted before it is trained"
INTRO = (
    "Accuracy of every student as told by the initial heads, by the first gradient step, and by networks linearized at "
    "the reference or at the teacher."
)


def draw(results: Results) -> list[Drawing]:
    """Return predicted against measured accuracies."""
    return [_prediction(results["prediction"])] if "prediction" in results else []


def _prediction(dataset: xr.Dataset) -> Drawing:
    kept = estimates.converged(dataset)
    scores = prediction.scores(dataset)
    errors = scores["absolute_error"].mean(["objective", "n_aux"])
    others = float(errors.sel(predictor="mean_of_others"))
    return Drawing(
        key="prediction",
        title="Predicted against measured accuracy",
        alt="One scatter of predicted against measured test accuracy per predictor, with the line of equality.",
        caption="One point per member, objective and number of auxiliary logits k. * no prediction: expanded anew in "
        "each epoch, it shows what linearization costs; another student of the same teacher on other inputs shows "
        f"what is chance. Knowing only the mean of the other members' students gives a mean error of {others:.3f}. "
        f"Setting: {setting(dataset)}.",
        figure=figures.prediction.draw(
            kept, errors, f"Students predicted: {source_of(dataset)}, n = {kept.sizes['member']} members"
        ),
        data=scores,
    )
