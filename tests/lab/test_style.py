"""The shared style: complete colors, and no trace left on matplotlib's own settings."""

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb

from sottovoce.lab import style


def test_context_sets_and_restores():
    before = dict(mpl.rcParams)
    with style.context():
        assert mpl.rcParams["svg.fonttype"] == "path"
        assert mpl.rcParams["svg.hashsalt"] == "sottovoce"
        assert mpl.rcParams["savefig.dpi"] == 200
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    "palette", [style.POST_TOY, style.POST_SPECTRUM, style.OKABE_ITO, style.ROLES, style.OBJECTIVES]
)
def test_palettes_hold_distinct_colors(palette):
    colors = [to_rgb(color) for color in palette.values()]
    assert len(set(colors)) == len(colors)
