"""Figure of predicted against measured accuracy of students, with one panel per predictor."""

import itertools

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.experiments.prediction import findings
from sottovoce.experiments.prediction.config import BASELINE, TABLE
from sottovoce.lab import estimates, panels, style
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.lab.sources import sample, setting

# Three rows for the twelve predictors of the experiment; the first has those that use nothing of the student's own.
COLUMNS = 4

TITLE = "How well a student is predicted"
INTRO = (
    "Accuracy of every student as predicted by the initial heads, by the first gradient step, and by networks "
    "linearized at the reference or at the teacher, with and without the student's own inputs and batches. Only what "
    "uses neither can be had before the student is trained."
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
        caption="One point per member, objective and number of auxiliary logits k. The second line of each title says "
        f"what the predictor uses of the student's own. {findings.label_use(dataset)} * no prediction but a baseline "
        "that trains students: another student of the same teacher on other inputs shows how much is chance, and the "
        "network linearized anew in each epoch the cost of linearization. Predicting the mean of the other members' "
        f"students gives a mean error of {others:.3f}. Setting: {setting(dataset)}.",
        figure=draw(estimates.converged(dataset), errors, f"Students predicted: {sample(dataset)}"),
        data=scores,
    )
    return [drawing]


def draw(dataset: xr.Dataset, errors: xr.DataArray, title: str) -> Figure:
    """Draw one panel per predictor: `accuracy` against `student_accuracy`, titled with the mean absolute error.

    The baseline's error stands beside that of every predictor.
    """
    shown = [predictor for predictor in TABLE if predictor.name in dataset["predictor"]]
    names = [predictor.name for predictor in shown]
    beside = f", another student's {float(errors.sel(predictor=BASELINE)):.3f}" if BASELINE in names else ""
    rows = -(-len(names) // COLUMNS)
    with panels.figure(title, 11.5, 3.3 * rows + 0.9) as figure:
        axes = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
        for ax in axes.flat[len(names) :]:
            ax.set_visible(False)
        for ax, predictor in zip(axes.flat, shown, strict=False):
            _scatter_panel(ax, dataset["accuracy"].sel(predictor=predictor.name), dataset["student_accuracy"])
            error = float(errors.sel(predictor=predictor.name))
            # In the title and not in the panel, where points may lie anywhere.
            words = f"error {error:.3f}{beside if predictor.name != BASELINE else ''}"
            ax.set_title(f"{predictor.title}{'*' if predictor.trains else ''}\n{predictor.uses}\n{words}", fontsize=9)
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
