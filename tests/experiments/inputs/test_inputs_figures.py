"""The gallery shows the inputs and shares that it is given."""

import matplotlib as mpl

mpl.use("agg")

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sottovoce.experiments.inputs import config as inputs_config
from sottovoce.experiments.inputs import experiment as inputs
from sottovoce.experiments.inputs import figures, findings
from sottovoce.experiments.inputs import figures as drawings
from sottovoce.experiments.protocol import inputs as protocol_inputs
from sottovoce.lab import estimates
from sottovoce.lab.checks import DEFAULT_SEED


@pytest.fixture
def result(smoke):
    config = inputs.Config.smoke().resolve()
    header = {"config": json.dumps(vars(config)), "identity": "0" * 64, "experiment": "inputs"}
    yield smoke("inputs").assign_attrs(header, experiment="inputs")
    plt.close("all")


def test_a_strip_holds_the_examples_vectorized(result):
    _, ax = plt.subplots()
    examples = result["example"].isel(member=0, kind=1)
    figures.examples_panel(ax, examples)
    strip = np.asarray(ax.images[0].get_array().filled(np.nan))
    assert strip.shape == (8, 6 * 8 + 5)
    kept = strip[:, ~np.isnan(strip).all(axis=0)].reshape(8, 6, 8).swapaxes(0, 1)
    np.testing.assert_array_equal(kept, examples)
    assert ax.images[0].get_clim() == (-1, 1)


def test_bars_are_the_shares(result):
    _, ax = plt.subplots()
    shares = estimates.over_members(result["share"])
    figures.share_panel(ax, shares)
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], shares["mean"])
    colors = [mpl.colors.to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    assert colors == [figures.NOISE, figures.OF_IMAGES, figures.NOISE]


def test_the_section_draws_without_warnings_and_names_parameters_range_and_seed(result):
    (drawing,) = drawings.draw_section({"inputs": result})
    drawing.figure.canvas.draw()
    titles = [ax.get_title(loc="left") for ax in drawing.figure.axes]
    assert any(title.startswith("low rank, rank 8:") for title in titles)
    assert any(title.startswith("images: -1 to 1, sd") for title in titles)
    assert f"seed {DEFAULT_SEED}" in drawing.figure.get_suptitle()
    assert "n = 2 members" in drawing.caption
    assert drawings.draw_section({}) == []


def test_the_words_stand_for_the_fields_that_there_are():
    assert drawings.FROM_IMAGES == protocol_inputs.OF_IMAGES
    assert drawings.COMPONENTS == inputs_config.COMPONENTS
    assert {kind: name for name, kind in protocol_inputs.USED_BY.items()} == drawings.PARAMETERS


def test_the_table_has_mean_spread_and_share_of_every_kind(result):
    table = findings.table(result)
    assert len(table) == 9
    row = table["images, share of variance in 10 components"]
    assert row["mean"] == pytest.approx(float(result["share"].sel(kind="images").mean()))
    assert row["members"] == 2
