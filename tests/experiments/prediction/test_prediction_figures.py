"""The figures of prediction and theorem show what they are given."""

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sottovoce.experiments.prediction import figures as prediction_figures
from sottovoce.experiments.prediction import findings as prediction_analysis
from sottovoce.experiments.prediction.config import PREDICTORS
from sottovoce.experiments.theorem import figures as theorem_figures
from sottovoce.experiments.theorem import findings as theorem_analysis
from sottovoce.lab import estimates


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_every_predictor_has_a_panel_with_its_points(smoke):
    dataset = smoke("prediction")
    assert set(prediction_figures.TITLES) == set(PREDICTORS)
    errors = prediction_analysis.scores(dataset)["absolute_error"].mean(["objective", "n_aux"])
    figure = prediction_figures.draw(dataset, errors, "title")
    figure.canvas.draw()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [prediction_figures.TITLES[name] for name in PREDICTORS]
    for ax, name in zip(figure.axes, PREDICTORS, strict=True):
        drawn = np.concatenate([line.get_ydata() for line in ax.lines[1:]])
        np.testing.assert_array_equal(np.sort(drawn), np.sort(dataset["accuracy"].sel(predictor=name).values.ravel()))


def test_theorem_panels_show_errors_and_shares(smoke):
    dataset = smoke("theorem")
    errors = theorem_analysis.relative_errors(dataset)
    share = estimates.over_members(theorem_analysis.positive_share(dataset).mean("activation"))
    figure = theorem_figures.draw(errors, share, "title")
    figure.canvas.draw()
    left, right = figure.axes
    np.testing.assert_array_equal(
        left.lines[0].get_ydata(), errors["inner_error"].sel(activation="tanh").mean("member")
    )
    shared, independent = (container[0].get_ydata() for container in right.containers)
    np.testing.assert_array_equal(shared, 1)
    np.testing.assert_array_equal(independent, share["mean"].sel(initial="independent"))
