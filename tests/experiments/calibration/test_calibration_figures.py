"""The calibration figure shows the rates that it is given."""

import matplotlib as mpl

mpl.use("agg")

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sottovoce.experiments.calibration import experiment as calibration
from sottovoce.experiments.calibration import figures
from sottovoce.experiments.calibration import findings as analysis
from sottovoce.experiments.calibration.simulate import simulate
from sottovoce.measure import directions


@pytest.fixture
def rates():
    config = calibration.Config.smoke()
    result = simulate(config.resolve(), range(2))
    yield analysis.rates(
        result.assign_attrs(config=json.dumps({"replicates": config.replicates, "planted": config.planted}))
    )
    plt.close("all")


def test_panels_show_rates_for_every_rule(rates):
    assert set(figures.RULES) == set(directions.RULES)
    _, ax = plt.subplots()
    figures.planted_panel(ax, rates, 2, "bulk")
    for line, rule in zip(ax.lines, figures.RULES, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), rates["exact"].sel(rank=2, scale="bulk", rule=rule))
    _, ax = plt.subplots()
    figures.false_alarm_panel(ax, rates, "uniform", "scheme")
    for bars, rule in zip(ax.containers, figures.RULES, strict=True):
        expected = rates["false_alarm"].sel(null="uniform", scale="scheme", rule=rule)
        np.testing.assert_array_equal(bars[0].get_ydata(), expected.values.ravel())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["16 x 24", "24 x 24"]


def test_the_figure_draws_without_warnings(rates):
    figure = figures.draw(rates, "title")
    figure.canvas.draw()
    (legend,) = figure.legends
    assert len(legend.get_texts()) == len(figures.RULES)
