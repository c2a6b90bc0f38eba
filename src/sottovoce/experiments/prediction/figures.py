"""Figure of predicted against measured accuracy of students, with one panel per predictor."""

import itertools

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.prediction import findings
from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results, sample, setting

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

# Two rows for the ten predictors of the experiment.
COLUMNS = 5

TITLE = "A student predicted before it is trained"
INTRO = (
    "Accuracy of every student as predicted by the initial heads, by the first gradient step, and by networks "
    "linearized at the reference or at the teacher."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the figure of predicted against measured accuracies, if the experiment has been run."""
    if "prediction" not in results:
        return []
    dataset = results["prediction"]
    scores = findings.scores(dataset)
    errors = scores["absolute_error"].mean(["objective", "n_aux"])
    others = float(errors.sel(predictor="mean_of_others"))
    drawing = Drawing(
        key="prediction",
        title="Predicted against measured accuracy",
        alt="One scatter of predicted against measured test accuracy per predictor, with the line of equality.",
        caption="One point per member, objective and number of auxiliary logits k. * no prediction: the network "
        "linearized anew in each epoch shows the cost of linearization; another student of the same teacher on other "
        "inputs shows how much is chance. Predicting the mean of the other members' students gives a mean error of "
        f"{others:.3f}. Setting: {setting(dataset)}.",
        figure=draw(estimates.converged(dataset), errors, f"Students predicted: {sample(dataset)}"),
        data=scores,
    )
    return [drawing]


def draw(dataset: xr.Dataset, errors: xr.DataArray, title: str) -> Figure:
    """Draw one panel per predictor: `accuracy` against `student_accuracy`, and the mean absolute error in words."""
    names = dataset["predictor"].values.tolist()
    rows = -(-len(names) // COLUMNS)
    with panels.figure(title, 11.5, 2.45 * rows + 0.9) as figure:
        axes = figure.subplots(rows, COLUMNS, sharex=True, sharey=True)
        for ax, name in zip(np.ravel(axes), names, strict=False):
            _scatter_panel(ax, dataset["accuracy"].sel(predictor=name), dataset["student_accuracy"])
            error = float(errors.sel(predictor=name))
            ax.text(0.04, 0.96, f"mean error {error:.3f}", transform=ax.transAxes, va="top", fontsize=9)
            ax.set_title(TITLES[name], fontsize=10)
        for ax in axes[-1]:
            ax.set_xlabel("measured accuracy")
        for ax in axes[:, 0]:
            ax.set_ylabel("predicted accuracy")
        panels.legend_below(figure, axes[0, 0])
    return figure


def _scatter_panel(ax: Axes, predicted: xr.DataArray, true: xr.DataArray) -> None:
    ax.plot([0, 1], [0, 1], **style.DOTTED_LINE)
    looks = itertools.product(true["objective"].values.tolist(), zip(style.MARKERS, true["n_aux"].values, strict=False))
    for objective, (marker, k) in looks:
        x, y = (accuracy.sel(objective=objective, n_aux=k) for accuracy in (true, predicted))
        look = {"marker": marker, "ms": 4.5, "mew": 0, "alpha": 0.75, "ls": ""}
        ax.plot(x, y, color=style.OBJECTIVES[objective], label=f"{objective}, k = {k}", **look)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
