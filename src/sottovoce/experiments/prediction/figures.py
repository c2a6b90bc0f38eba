"""Figure of predicted against measured accuracy of students, with one panel per predictor."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.prediction import findings
from sottovoce.lab import estimates, style
from sottovoce.lab.drawing import Drawing, Results, setting, source_of

# A star marks panels that show no prediction; the caption explains it.
TITLES = {
    "head_gram": "Gram matrix of the heads",
    "first_update": "first gradient step",
    "kernel_regression": "kernel regression",
    "finite_time": "gradient flow, finite time",
    "linearized": "linearized at the reference",
    "reference_kernel": "kernel at the reference",
    "teacher_kernel": "kernel at the teacher",
    "self_consistent": "self-consistent kernel",
    "relinearized": "linearized anew each epoch*",
    "retrained": "another student*",
}

MARKERS = ("o", "s", "^", "D")

# Two rows for the ten predictors of the experiment.
COLUMNS = 5


def panel(ax: Axes, predicted: xr.DataArray, true: xr.DataArray, error: float) -> None:
    """Draw predicted against measured accuracy, one point per member, objective and n_aux.

    Args:
        ax: where to draw.
        predicted: predicted accuracies by member, objective and n_aux.
        true: measured accuracies by member, objective and n_aux.
        error: mean absolute error to print.
    """
    ax.plot([0, 1], [0, 1], color=style.OKABE_ITO["gray"], ls=":", lw=1)
    for objective in true["objective"].values.tolist():
        for marker, k in zip(MARKERS, true["n_aux"].values.tolist(), strict=False):
            selection = {"objective": objective, "n_aux": k}
            ax.plot(true.sel(selection), predicted.sel(selection), marker, ms=4.5, mew=0, alpha=0.75, ls="",
                    color=style.OBJECTIVES[objective], label=f"{objective}, k = {k}")  # fmt: skip
    ax.text(0.04, 0.96, f"mean error {error:.3f}", transform=ax.transAxes, va="top", fontsize=9)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")


def draw(dataset: xr.Dataset, errors: xr.DataArray, title: str) -> Figure:
    """Compose one panel per predictor.

    Args:
        dataset: `accuracy` and `student_accuracy` of the members to show.
        errors: mean absolute error by predictor.
        title: states dataset and members.

    Returns:
        The figure.
    """
    names = dataset["predictor"].values.tolist()
    with style.context():
        n_rows = -(-len(names) // COLUMNS)
        figure, axes = plt.subplots(n_rows, COLUMNS, figsize=(11.5, 2.45 * n_rows + 0.9), sharex=True, sharey=True)
        for ax, name in zip(np.ravel(axes), names, strict=False):
            predicted = dataset["accuracy"].sel(predictor=name)
            panel(ax, predicted, dataset["student_accuracy"], float(errors.sel(predictor=name)))
            ax.set_title(TITLES[name], fontsize=10)
        for ax in axes[-1]:
            ax.set_xlabel("measured accuracy")
        for ax in axes[:, 0]:
            ax.set_ylabel("predicted accuracy")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.suptitle(title)
    return figure


TITLE = "A student predicted before it is trained"

INTRO = (
    "Accuracy of every student as predicted by the initial heads, by the first gradient step, and by networks "
    "linearized at the reference or at the teacher."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of predicted against measured accuracies, if the experiment has been run."""
    return [_prediction(results["prediction"])] if "prediction" in results else []


def _prediction(dataset: xr.Dataset) -> Drawing:
    converged_members = estimates.converged(dataset)
    scores = findings.scores(dataset)
    errors = scores["absolute_error"].mean(["objective", "n_aux"])
    others = float(errors.sel(predictor="mean_of_others"))
    return Drawing(
        key="prediction",
        title="Predicted against measured accuracy",
        alt="One scatter of predicted against measured test accuracy per predictor, with the line of equality.",
        caption="One point per member, objective and number of auxiliary logits k. * no prediction: the network "
        "linearized anew in each epoch shows the cost of linearization; another student of the same teacher on other "
        "inputs shows how much is chance. Predicting the mean of the other members' students gives a mean error of "
        f"{others:.3f}. Setting: {setting(dataset)}.",
        figure=draw(
            converged_members,
            errors,
            f"Students predicted: {source_of(dataset)}, n = {converged_members.sizes['member']} members",
        ),
        data=scores,
    )
