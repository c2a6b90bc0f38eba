"""The section on sweeps: a figure for each, with what differs, the command, and the hidden width where it matters."""

import json

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from sottovoce.sweeps import figures

RNG = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def swept(field, values, kinds, names):
    level = np.linspace(0.2, 0.8, len(values))[:, None, None]
    accuracy = level + RNG.normal(0, 0.01, (len(values), 5, len(names)))
    accuracy[..., 1] = 0.9
    return xr.Dataset(
        {"accuracy": ((field, "member", kinds), accuracy)},
        coords={field: values, "member": np.arange(5), kinds: names},
        attrs={
            "experiment": "transfer",
            "swept": [field],
            "config": json.dumps({"dataset": "digits", "width": 64}),
            "configs": [json.dumps({"classes": list(range(10))})] * len(values),
            "baseline": 0,
            "identity": "0123456789abcdef",
            "command": "sottovoce sweep transfer --over",
        },
    )


def test_each_sweep_has_a_figure_that_says_what_differs_and_how_it_was_made():
    results = {
        "sweep_width": swept("width", [16, 64, 256], "role", ["reference", "teacher", "student"]),
        "sweep_n_aux": swept("n_aux", [2, 20, 200], "network", ["reference", "teacher", "kl", "mse"]),
        "sweep_inputs": swept("inputs", ["uniform", "images"], "role", ["reference", "teacher", "student"]),
        "transfer": xr.Dataset(),
    }
    width, n_aux, inputs = figures.draw_section(results)
    assert [d.key for d in (width, n_aux, inputs)] == ["sweep_width", "sweep_n_aux", "sweep_inputs"]
    assert "sottovoce sweep transfer --over" in width.caption
    assert "n = 5 members, sweep 0123456789ab" in width.caption
    assert "of 2 that hold together in 95 %" in width.caption
    student = results["sweep_width"]["accuracy"].sel(role="student").mean("member")
    rise = float(student.sel(width=64) - student.sel(width=16))
    assert f"student, width = 64, {rise:+.3f}" in width.caption
    slope = float(student.sel(width=256) - student.sel(width=16)) / np.log10(16)
    assert f"Slope per tenfold of the field: student {slope:+.3f} [" in width.caption
    assert "Slope" not in inputs.caption
    assert n_aux.figure.axes[0].get_xscale() == width.figure.axes[0].get_xscale() == "log"
    assert [text.get_text() for text in n_aux.figure.axes[0].texts] == ["hidden width"]
    assert not width.figure.axes[0].texts
    assert [label.get_text() for label in inputs.figure.axes[0].get_xticklabels()] == ["uniform", "images"]
    assert [label.get_text() for label in width.figure.axes[0].get_xticklabels()] == ["16", "64", "256"]
    assert f"width = 256: {float(student.sel(width=256)):.3f}" in width.alt
    assert figures.draw_section({}) == []
