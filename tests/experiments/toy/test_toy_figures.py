"""The toy's figures: what is drawn is what the dataset holds, the limits agree, the bytes repeat."""

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from sottovoce.experiments.capture import experiment as capture
from sottovoce.experiments.capture import figures as capture_figures
from sottovoce.experiments.capture.simulate import simulate as simulate_capture
from sottovoce.experiments.toy import experiment as toy
from sottovoce.experiments.toy import figures
from sottovoce.experiments.toy.simulate import simulate as simulate_toy
from sottovoce.lab import style


def dataset(**fields):
    return simulate_toy(toy.Config(draws=200, members=1, **fields).resolve(), [0])


@pytest.mark.parametrize("n_aux", [1, 2])
def test_post_panels_show_the_columns_within_the_same_limits(n_aux):
    result = dataset(n_aux=n_aux)
    figure = figures.draw(result)
    panels = figure.axes[:3]
    assert len({panel.get_xlim() + panel.get_ylim() for panel in panels}) == 1
    for example, panel in enumerate(panels):
        tips = {
            (line.get_color(), *(float(np.asarray(end)[-1]) for end in line.get_data()))
            for line in panel.lines
            if len(line.get_xdata()) == 2
        }
        student = result["student"].values[0, example]
        assert (style.POST_TOY["class"], *student[:, 0]) in tips
        assert (style.POST_TOY["auxiliary"], *student[:, 1]) in tips
        for column in result["teacher"].values[0, example].T:
            assert (style.POST_TOY["teacher"], *column) in tips
            assert np.abs(column).max() < panel.get_xlim()[1]


def test_colors_are_explained_once():
    (legend,) = figures.draw(dataset(n_aux=2)).legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert len(labels) == 4
    assert any("never trained on" in label for label in labels)


def test_cosine_histogram_has_area_one_and_the_law_on_top():
    result = dataset()
    ax = Figure().subplots()
    figures.cosine_panel(ax, result)
    bars = [patch for patch in ax.patches if patch.get_width() > 0]
    assert sum(bar.get_width() * bar.get_height() for bar in bars) == pytest.approx(1)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), result["cosine_law"])


def test_an_exact_match_is_shown_as_errors():
    ax = figures.draw(dataset(n_aux=2)).axes[3]
    assert sum(patch.get_height() for patch in ax.patches) == 200
    assert "largest error" in ax.get_title()


def test_capture_figure_has_one_panel_per_objective():
    config = capture.Config(hidden=4, draws=100, members=2).resolve()
    figure = capture_figures.draw_capture(simulate_capture(config, range(2)))
    assert [
        same_color(ax.lines[0].get_color(), style.OBJECTIVES[o])
        for ax, o in zip(figure.axes, ["mse", "kl"], strict=True)
    ]
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), [0.25, 0.5, 0.75, 1.0])


def test_a_capture_figure_of_one_hidden_unit_can_be_drawn():
    config = capture.Config(hidden=1, draws=10, members=1).resolve()
    capture_figures.draw_capture(simulate_capture(config, [0])).canvas.draw()


def test_same_dataset_same_bytes(tmp_path):
    result = dataset()
    written = []
    for name in ("first", "second"):
        svg, png = style.save(figures.draw(result), tmp_path / name)
        written.append((svg.read_bytes(), png.read_bytes()))
    assert written[0] == written[1]
    assert b"<text" not in written[0][0]
