"""Where curves stand: the places given for hovering are those at which matplotlib drew them in the SVG."""

import json
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from sottovoce.lab import hover, style

# Two decimals of a point here, six in the SVG.
ROUNDING = 0.005 + 1e-6


@pytest.fixture
def saved(tmp_path):
    """A figure with a logarithmic and a symmetric logarithmic axis, and its SVG."""
    x = np.array([1.0, 2, 5, 90])
    with style.context(), mpl.rc_context({"path.simplify": False}):
        figure = Figure(figsize=(6, 3))
        left, right = figure.subplots(1, 2)
        left.plot(x, [0.123456, np.nan, 0.3, 2], label="curve", color="#123456", gid="left")
        left.axhline(1)
        left.set(xscale="log", xlabel="component")
        right.plot(x, -x, label="other", gid="right")
        right.set_xscale("symlog")
        right.invert_yaxis()
        svg, _ = style.save(figure, tmp_path / "figure")
    return figure, svg.read_text()


def drawn(svg, gid):
    """Return the points of a line's path in the SVG."""
    group = next(element for element in ET.fromstring(svg).iter() if element.get("id") == gid)
    return np.array(re.findall(r"[ML] (\S+) (\S+)", group[0].get("d")), float)


def test_places_are_those_of_the_drawing(saved):
    figure, svg = saved
    for panel, gid in zip(hover.panels(figure), ["left", "right"], strict=True):
        (curve,) = panel["curves"]
        np.testing.assert_allclose(np.transpose([curve["left"], curve["top"]]), drawn(svg, gid), atol=ROUNDING)
        left, top, width, height = panel["box"]
        assert all(left <= at <= left + width for at in curve["left"])
        assert all(top <= at <= top + height for at in curve["top"])


def test_values_are_rounded_and_points_without_one_left_out(saved):
    panel = hover.panels(saved[0])[0]
    assert panel["across"] == "component"
    (curve,) = panel["curves"]
    assert (curve["name"], curve["color"]) == ("curve", "#123456")
    assert (curve["x"], curve["y"]) == ([1, 5, 90], [0.1235, 0.3, 2])
    assert json.loads(json.dumps(panel)) == panel


def test_panels_without_named_curves_are_none():
    figure = Figure()
    figure.subplots().plot([1, 2])
    assert hover.panels(figure) == []
