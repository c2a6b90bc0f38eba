"""The sections on spectra and on calibration: figures where their results are there, verdicts in words."""

import matplotlib as mpl

mpl.use("agg")

import json
from dataclasses import asdict

import matplotlib.pyplot as plt
import pytest

from sottovoce.experiments.calibration import experiment as calibration_experiment
from sottovoce.experiments.calibration import figures as calibration_figures
from sottovoce.experiments.calibration.simulate import simulate
from sottovoce.experiments.spectrum import experiment as spectrum_experiment
from sottovoce.experiments.spectrum import figures as spectrum_figures


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def saved(dataset, config, name):
    return dataset.assign_attrs(config=json.dumps(asdict(config)), experiment=name, identity="0123456789abcdef")


def test_every_variant_that_is_there_stands_in_the_figure_of_directions(smoke):
    result = saved(smoke("spectrum"), spectrum_experiment.Config.smoke().resolve(), "spectrum")
    drawings = {
        d.key: d for d in spectrum_figures.draw_section({"spectrum_described": result, "spectrum_long": result})
    }
    assert list(drawings) == ["figure3", "figure3_mse", "singular_values", "specifications", "direction_counts"]
    assert [d.key for d in drawings.values() if d.hover] == ["figure3", "figure3_mse", "singular_values"]
    drawing = drawings["direction_counts"]
    assert [ax.get_title(loc="left").split("\n")[0] for ax in drawing.figure.axes[:2]] == [
        "as the post describes it",
        "as described, trained longer",
    ]
    assert drawing.data["variant"].values.tolist() == ["described", "long"]
    assert "described: directions of the weight under kl: undecided" in drawing.caption
    assert "n = 2 members" in drawing.caption
    assert drawings["specifications"].data["specification"].values.tolist() == ["band", "line", "edge"]
    assert spectrum_figures.draw_section({}) == []


def test_the_calibration_is_shown_once_it_has_been_run():
    assert calibration_figures.draw_section({}) == []
    config = calibration_experiment.Config.smoke().resolve()
    result = saved(simulate(config, (0, 1)), config, "calibration")
    (drawing,) = calibration_figures.draw_section({"calibration": result})
    assert drawing.key == "calibration"
    assert "8 weights for each rate" in drawing.caption
    assert "normal and uniform fresh weights, n = 2 members" in drawing.caption
    assert drawing.data["false_alarm"].max() <= 1
