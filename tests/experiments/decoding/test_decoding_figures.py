"""Figures of the decoding experiment: what is drawn is what the estimates hold, and no text runs into another."""

import matplotlib as mpl

mpl.use("agg")

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sottovoce.experiments.decoding import figures as drawings
from sottovoce.lab import estimates


@pytest.fixture(scope="module")
def result(smoke):
    config = {"dataset": "digits", "n_aux": 3, "objective": "kl"}
    return smoke("decoding").assign_attrs(experiment="decoding", config=json.dumps(config), identity="0" * 64)


@pytest.fixture
def estimated(result):
    yield {name: estimates.over_members(result[name]) for name in result.data_vars if name != "diverged"}
    plt.close("all")


def heights(ax, label):
    (bars,) = (container for container in ax.containers if container.get_label() == label)
    return [bar.get_height() for bar in bars if hasattr(bar, "get_height")]


def segments(ax, label):
    """Heights of all short lines in the style of one legend entry."""
    lines = [c for c in ax.collections if c.get_label().lstrip("_") == label]
    return [segment[0, 1] for line in lines for segment in line.get_segments()]


def test_energies_and_overlaps_stand_beside_their_nulls(estimated):
    _, ax = plt.subplots()
    drawings.energy_panel(ax, estimated)
    for network in ("teacher", "student"):
        expected = estimated["energy"]["mean"].sel(network=network)
        np.testing.assert_array_equal(heights(ax, f"{network}'s update"), expected)
    null = estimated["energy_random"]["mean"].sel(network=["teacher", "student"]).values.ravel()
    np.testing.assert_array_equal(segments(ax, "random subspace, mean"), null)
    _, ax = plt.subplots()
    drawings.overlap_panel(ax, estimated)
    for side, (words, _) in drawings.SIDES.items():
        np.testing.assert_array_equal(heights(ax, f"directions {words}"), estimated["overlap"]["mean"].sel(side=side))
    high = estimated["overlap_random_high"]["mean"].values.ravel()
    np.testing.assert_array_equal(segments(ax, "random subspace, 95 %"), high)


@pytest.mark.parametrize("scope", drawings.SCOPES)
def test_parts_stand_between_none_and_all_of_the_change(estimated, scope):
    _, ax = plt.subplots()
    drawings.parts_panel(ax, estimated, "student", scope)
    here = {name: e["mean"].sel(network="student", scope=scope) for name, e in estimated.items() if "scope" in e.dims}
    for part in drawings.PARTS:
        np.testing.assert_array_equal(heights(ax, f"part {part} the subspace"), here["part_accuracy"].sel(part=part))
    levels = {line.get_label(): line.get_ydata()[0] for line in ax.lines}
    assert levels["all of the change"] == here["whole_accuracy"]
    assert levels["none of it"] == here["unchanged_accuracy"]


def test_similarity_shows_every_network_and_pair(estimated):
    _, (left, middle, right) = plt.subplots(1, 3)
    drawings.label_panel(left, estimated["label_accuracy"])
    assert [text for text in left.get_legend_handles_labels()[1]] == ["reference", "teacher", "student"]
    drawings.cka_panel(middle, estimated)
    np.testing.assert_array_equal([bar.get_height() for bar in middle.patches], estimated["cka"]["mean"])
    drawings.affine_panel(right, estimated)
    np.testing.assert_array_equal(heights(right, "aux. logits through the map"), estimated["affine_accuracy"]["mean"])
    own = [float(estimated["graft_accuracy"]["mean"].sel(body=b, head=b)) for b in ("reference", "teacher", "student")]
    assert heights(right, "class logits") == own


def test_the_section_draws_its_figures_with_the_numbers_behind_them(result):
    assert drawings.draw_section({}) == []
    drawn = drawings.draw_section({"decoding": result})
    assert [drawing.key for drawing in drawn] == ["decoding", "subspaces", "parts", "similarity"]
    for drawing in drawn:
        drawing.figure.canvas.draw()
        assert "n = 2 members" in drawing.caption
        assert "95 % interval" in drawing.caption
        assert drawing.data.to_dataframe().to_csv()
        for legend in drawing.figure.legends:
            labels = [text.get_text() for text in legend.get_texts()]
            assert len(set(labels)) == len(labels)
    plt.close("all")
