"""The figures of prediction and theorem show what they are given."""

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sottovoce.experiments.prediction import figures as prediction_figures
from sottovoce.experiments.prediction import findings as prediction_analysis
from sottovoce.experiments.prediction.config import TABLE
from sottovoce.experiments.theorem import figures as theorem_figures
from sottovoce.experiments.theorem import findings as theorem_analysis
from sottovoce.lab import estimates


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn(dataset):
    errors = prediction_analysis.scores(dataset)["absolute_error"].mean(["objective", "n_aux"])
    figure = prediction_figures.draw(dataset, errors, "title")
    figure.canvas.draw()
    return errors, [ax for ax in figure.axes if ax.get_visible()]


def test_every_predictor_has_a_panel_with_its_points_and_says_what_it_uses(smoke):
    dataset = smoke("prediction")
    errors, panels = drawn(dataset)
    beside = f"another student's {float(errors.sel(predictor='retrained')):.3f}"
    for ax, predictor in zip(panels, TABLE, strict=True):
        first, second, third = ax.get_title(loc="left").split("\n")
        assert first == predictor.title + "*" * (predictor.name in {"retrained", "relinearized"})
        assert second == predictor.uses
        points = np.concatenate([line.get_ydata() for line in ax.lines[1:]])
        expected = dataset["accuracy"].sel(predictor=predictor.name)
        np.testing.assert_array_equal(np.sort(points), np.sort(expected.values.ravel()))
        own = f"error {float(errors.sel(predictor=predictor.name)):.3f}"
        assert third == (own if predictor.name == "retrained" else f"{own}, {beside}")


def test_runs_of_older_versions_are_still_drawn(smoke, old):
    dataset = smoke("prediction").assign_attrs(
        experiment="prediction", config='{"dataset": "digits"}', identity="0" * 12
    )
    _, panels = drawn(old(dataset))
    assert len(panels) == 10
    (drawing,) = prediction_figures.draw_section({"prediction": old(dataset)})
    assert "weight from test labels" in drawing.caption
    (drawing,) = prediction_figures.draw_section({"prediction": dataset})
    assert "No prediction uses test labels" in drawing.caption


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
