"""The idioms of all figures draw the estimates that they are given, with every interval at its own end."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from sottovoce.lab import panels


@pytest.fixture
def estimate():
    ends = {"mean": [1.0, 2.0], "low": [0.9, 1.0], "high": [1.4, 2.2]}
    return xr.Dataset({name: ("k", values) for name, values in ends.items()}, coords={"k": [3, 5]})


@pytest.fixture
def ax():
    return Figure().subplots()


def whiskers_of(container):
    (lines,) = container[2]
    return [segment for segment in lines.get_segments()]


def test_whiskers_reach_from_low_to_high(ax, estimate):
    panels.points(ax, estimate["k"], estimate, color="red")
    (container,) = ax.containers
    np.testing.assert_array_equal(container[0].get_xdata(), [3, 5])
    assert container[0].get_xdata().dtype.kind == "i"
    np.testing.assert_allclose(whiskers_of(container), [[[3, 0.9], [3, 1.4]], [[5, 1.0], [5, 2.2]]])


@pytest.mark.parametrize("horizontal", [False, True])
def test_bars_have_their_whiskers_along_them(ax, estimate, horizontal):
    panels.bars(ax, [0, 1], estimate, 0.5, horizontal=horizontal)
    lengths = [bar.get_width() if horizontal else bar.get_height() for bar in ax.patches]
    assert lengths == [1, 2]
    expected = np.array([[[0, 0.9], [0, 1.4]], [[1, 1.0], [1, 2.2]]])
    np.testing.assert_allclose(whiskers_of(ax.containers[0]), expected[..., ::-1] if horizontal else expected)


def test_a_mean_that_rounding_moves_out_of_its_interval_has_no_negative_whisker(estimate):
    assert (panels.whiskers(estimate.assign(low=estimate["mean"] + 1e-16, high=estimate["mean"] - 1e-16)) >= 0).all()
    assert panels.whiskers(estimate.isel(k=0)).shape == (2, 1)


def test_a_curve_lies_in_its_band_of_the_same_color(ax, estimate):
    panels.curve(ax, estimate["k"], estimate, color="red", alpha=0.3)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 2])
    (band,) = ax.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert corners >= {(3, 0.9), (3, 1.4), (5, 1.0), (5, 2.2)}
    np.testing.assert_array_equal(band.get_facecolor(), [[1, 0, 0, 0.3]])


def test_an_estimate_is_found_by_its_suffixes(estimate):
    dataset = estimate.rename(mean="gain", low="gain_low", high="gain_high")
    xr.testing.assert_identical(panels.estimate_of(dataset, "gain"), estimate)


def test_positions_abreast_are_centered(ax):
    beside = {name: x.tolist() for x, name in panels.abreast(np.array([0, 1]), 0.4, ["a", "b", "c"])}
    assert beside == {"a": [-0.4, 0.6], "b": [0, 1], "c": [0.4, 1.4]}
    assert [x for x, _ in panels.abreast(0, 0.5, "ab")] == [-0.25, 0.25]


def test_categories_label_one_axis(ax):
    assert panels.categories(ax, ["a", "b"], vertical=True).tolist() == [0, 1]
    panels.categories(ax, ["c"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["c"]


def test_levels_cross_their_bars_and_are_explained_once(ax):
    panels.levels(ax, np.array([0, 1]), [0.2, 0.3], 0.5, "null")
    panels.levels(ax, np.array([2]), [0.4], 0.5, "null")
    segments = [segment.tolist() for lines in ax.collections for segment in lines.get_segments()]
    assert segments == [[[-0.25, 0.2], [0.25, 0.2]], [[0.75, 0.3], [1.25, 0.3]], [[1.75, 0.4], [2.25, 0.4]]]
    assert ax.get_legend_handles_labels()[1] == ["null"]


def test_a_matrix_of_few_members_has_no_intervals(ax):
    mean = xr.DataArray([[0.25]], dims=("row", "column"))
    panels.matrix(ax, xr.Dataset({"mean": mean, "low": mean * np.nan, "high": mean * np.nan}), ["r"], ["a"], 2, 8)
    assert [text.get_text() for text in ax.texts] == ["0.25"]


def test_a_matrix_has_mean_and_interval_in_every_cell(ax):
    mean = xr.DataArray([[0.1, 0.2, 0.9]], dims=("body", "head"))
    panels.matrix(ax, xr.Dataset({"mean": mean, "low": mean - 0.1, "high": mean + 0.1}), ["r"], list("abc"), 2, 8)
    cells = {text.get_position(): (text.get_text(), text.get_color()) for text in ax.texts}
    assert cells[1, 0] == ("0.20\n[0.10, 0.30]", "white")
    assert cells[2, 0] == ("0.90\n[0.80, 1.00]", "black")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]


def test_a_figure_has_title_and_size_is_no_figure_of_pyplot_and_can_be_laid_out():
    open_figures = plt.get_fignums()
    with panels.figure("title", 4, 3) as figure:
        left, right = figure.subplots(1, 2)
        left.plot([0, 1], label="line")
        panels.legend_below(figure, left)
    figure.canvas.draw()
    assert figure.get_suptitle() == "title"
    assert figure.get_size_inches().tolist() == [4, 3]
    assert plt.get_fignums() == open_figures
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["line"]
    # The legend has its room only once the layout has been settled.
    assert legend.get_window_extent().y1 < right.get_window_extent().y0


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("trunk_0", "hidden layer 1"),
        ("trunk_11", "hidden layer 12"),
        ("conv_0", "convolution 1"),
        ("class_head", "class head"),
        ("first", "first"),
        ("layers_in", "layers in"),
        ("trunk_x", "trunk x"),
    ],
)
def test_a_block_of_any_network_has_a_name_in_words(block, words):
    assert panels.block_name(block) == words
