"""The section on alignment draws what it is given, every word in its own place."""

import matplotlib as mpl

mpl.use("agg")

import json
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sottovoce.experiments.alignment import config, figures
from sottovoce.experiments.alignment import experiment as alignment
from sottovoce.experiments.alignment import figures as drawings
from sottovoce.experiments.alignment import findings as analysis
from sottovoce.experiments.protocol import quantities
from sottovoce.parts import OBJECTIVES


@pytest.fixture
def result(smoke):
    header = {"config": json.dumps(vars(alignment.Config.smoke().resolve())), "identity": "0" * 64}
    yield smoke("alignment").assign_attrs(header, experiment="alignment")
    plt.close("all")


def test_every_student_and_overlap_has_its_look():
    students = {*config.PLAIN, *config.INTERVENTIONS}
    assert set(figures.NETWORKS) == {"teacher", "null", *students}
    assert len({figures.NETWORKS[name][2] for name in students}) == len(students)
    assert set(figures.OVERLAPS) <= set(config.OVERLAPS)
    assert all(quantities.distillation_units({"objective": name}) != "1" for name in OBJECTIVES)


def test_panels_hold_the_traces(result):
    traces = analysis.traces(result)
    _, (left, right) = plt.subplots(1, 2)
    figures.overlap_panel(left, traces, "step_class")
    lines = {line.get_label(): line.get_ydata() for line in left.lines}
    found = result["cosine"].sel(overlap="step_class").mean("member")
    np.testing.assert_allclose(lines["projection"], found.sel(student="projection"), atol=1e-7)
    null = result["cosine_null"].sel(overlap="step_class", student="student").mean("member")
    np.testing.assert_allclose(lines["student, null"], null, atol=1e-7)
    figures.accuracy_panel(right, traces, ["teacher", "decay"])
    lines = {line.get_label(): line.get_ydata() for line in right.lines}
    decay = result["student_accuracy"].sel(student="decay").mean("member")
    np.testing.assert_allclose(lines["decay"], decay, atol=1e-7)
    np.testing.assert_allclose(lines["teacher"], result["teacher_accuracy"].mean("member"), atol=1e-7)


def test_the_section_draws_all_students_and_words_do_not_overlap(result):
    drawn = drawings.draw_section({"alignment": result})
    assert [drawing.key for drawing in drawn] == ["alignment", "alignment_accuracy", "alignment_outcomes"]
    for drawing in drawn:
        figure = drawing.figure
        figure.canvas.draw()
        assert "digits, n = 2 members" in figure.get_suptitle()
        assert "n = 2 members" in drawing.caption
        texts = [text for legend in (*figure.legends, *(ax.get_legend() for ax in figure.axes)) if legend
                 for text in legend.get_texts()]  # fmt: skip
        boxes = [text.get_window_extent() for text in texts]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        assert drawing.data.to_dataframe().size
    names = {text.get_text() for text in drawn[2].figure.legends[0].get_texts()}
    assert names == {figures.label(name) for name in result["student"].values.tolist()}
    assert drawings.draw_section({}) == []
