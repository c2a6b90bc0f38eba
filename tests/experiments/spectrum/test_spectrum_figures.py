"""The figure of directions shows the counts that it is given."""

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from sottovoce.experiments.spectrum import figures


@pytest.fixture
def curves():
    """Counts k - 1 under kl from k = 2 on, and k under mse; the update shows twice as many."""
    k = np.array([1, 2, 4])
    count = np.array([[[np.nan, 1, 3], [1, 2, 4]], [[np.nan, 2, 6], [2, 4, 8]]])
    dims = ("matrix", "objective", "n_aux")
    gain = np.array([[np.nan, 0.2, 0.4], [0.1, 0.3, 0.5]])
    yield xr.Dataset(
        {
            **{f"count{end}": (dims, count + shift) for end, shift in (("", 0), ("_low", -0.5), ("_high", 0.5))},
            **{f"gain{end}": (dims[1:], gain + shift) for end, shift in (("", 0), ("_low", -0.05), ("_high", 0.05))},
        },
        coords={"matrix": ["weight", "update"], "objective": ["kl", "mse"], "n_aux": k},
        attrs={"members": 4},
    )
    plt.close("all")


def test_panels_show_counts_and_the_lines_k_and_k_minus_one(curves):
    _, ax = plt.subplots()
    figures.count_panel(ax, curves, "update")
    mse, kl = (container[0] for container in ax.containers)
    np.testing.assert_array_equal(mse.get_ydata(), [2, 4, 8])
    np.testing.assert_array_equal(kl.get_ydata(), [2, 6])
    np.testing.assert_allclose(kl.get_xdata(), [2, 4], atol=0.1)
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines if line.get_label().startswith("k")}
    assert lines == {"k": [1, 2, 4], "k - 1": [0, 1, 3]}


def test_the_figure_draws_every_variant_without_warnings(curves):
    larger = curves.sel(objective=["kl"]).assign(count=3 * curves["count"], count_high=3 * curves["count_high"])
    figure = figures.draw_directions({"one": curves, "other": larger}, "title")
    figure.canvas.draw()
    # All panels of a row share an axis that holds every count, though only the second has the largest.
    assert figure.axes[0].get_ylim()[1] > 9.5
    assert len(figure.axes) == 6
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["one", "other"]
