"""Figures of the toy's training: what is drawn is what the estimates hold, and the bytes repeat."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from sottovoce.experiments.toy_training import figures as drawings
from sottovoce.lab import style


@pytest.fixture(scope="module")
def drawn(smoke):
    from sottovoce.experiments.toy_training.config import Config

    result = smoke("toy_training").assign_attrs(
        experiment="toy_training", identity="0" * 64, config=json.dumps(asdict(Config.smoke()))
    )
    return result, lambda: drawings.draw_section({"toy_training": result})


def test_every_draw_has_a_stroke_at_its_distance(drawn):
    result, draw = drawn
    ax = draw()[0].figure.axes[0]
    students = result["student"].values.tolist()
    for row, name in enumerate(students):
        expected = np.maximum(result["projector_distance"].sel(student=name).values.ravel(), 1e-16)
        (line,) = (
            line for line in ax.lines if (np.asarray(line.get_ydata()) == row).all() and len(line.get_xdata()) > 2
        )
        np.testing.assert_array_equal(line.get_xdata(), expected)
    assert [label.get_text() for label in ax.get_yticklabels()] == students


def test_drift_panel_holds_error_and_prediction_of_every_rate(drawn):
    result, draw = drawn
    ends, drift = draw()
    assert (ends.key, drift.key) == ("toy_training", "toy_drift")
    ax = drift.figure.axes[0]
    lazy = 1 - result["lazy_recovered"].mean("member").sel(moving="both").values
    assert any(len(line.get_ydata()) == 2 and np.allclose(line.get_ydata(), lazy) for line in ax.lines)
    error = 1 - result["moving_recovered"].mean("member").sel(moving="student").values
    assert any(len(line.get_ydata()) == 2 and np.allclose(line.get_ydata(), error) for line in ax.lines)


def test_captions_state_members_draws_and_run(drawn):
    for drawing in drawn[1]():
        for words in ("n = 2 members", "3 draws each", "run 000000000000", "95 %"):
            assert words in drawing.caption


def test_same_result_same_bytes(drawn, tmp_path):
    written = []
    for name in ("first", "second"):
        svg, _ = style.save(drawn[1]()[1].figure, tmp_path / name)
        written.append(svg.read_bytes())
    assert written[0] == written[1]
