"""Estimates on results made by hand, and published numbers only beside what they can be compared with."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sottovoce.experiments.protocol import published
from sottovoce.experiments.spectrum import experiment as spectrum_experiment
from sottovoce.experiments.spectrum import initialization
from sottovoce.experiments.transfer import experiment as transfer_experiment
from sottovoce.experiments.transfer import findings
from sottovoce.lab import estimates
from sottovoce.measure import statistics
from sottovoce.runs.identity import plain

PUBLISHED_TRANSFER = plain(transfer_experiment.Config(dataset="mnist").resolve())
PUBLISHED_SPECTRUM = plain(spectrum_experiment.Config(dataset="mnist", variant="published").resolve())


def test_diverged_members_are_left_out_by_name(transfer):
    result = transfer(diverged=(1, 3))
    assert estimates.converged(result)["member"].values.tolist() == [0, 2, 4, 5, 6, 7]
    assert estimates.converged(result.drop_vars("diverged")).sizes["member"] == 8
    bars = findings.transfer_bars(result, PUBLISHED_TRANSFER)
    assert bars.attrs["members"] == 6
    np.testing.assert_allclose(bars["mean"].sel(role="teacher"), 0.9434 + 0.004)


def test_means_over_members_keep_the_other_dimensions_in_any_order():
    rng = np.random.default_rng(0)
    values = xr.DataArray(
        rng.standard_normal((3, 40, 2)), dims=("role", "member", "epoch"), coords={"role": list("abc")}
    )
    estimate = estimates.over_members(values)
    assert estimate["mean"].dims == ("role", "epoch")
    assert estimate.attrs["members"] == 40
    xr.testing.assert_allclose(estimate["mean"], values.mean("member"))
    half_width = stats.t.ppf(0.975, 39) * values.std("member", ddof=1) / np.sqrt(40)
    xr.testing.assert_allclose(estimate["high"], estimate["mean"] + half_width)
    xr.testing.assert_allclose(estimate["low"], estimate["mean"] - half_width)


def test_bands_are_of_one_curve_each():
    values = xr.DataArray(
        np.random.default_rng(1).uniform(size=(5, 2, 7, 3)),
        dims=("step", "student", "member", "overlap"),
        coords={"student": list("ab")},
    )
    estimate = estimates.band(values, "step", "logit")
    assert set(estimate["low"].dims) == {"student", "overlap", "step"}
    expected = statistics.band(values.sel(student="b").isel(overlap=2).transpose("member", "step").values, "logit")
    own = estimate.sel(student="b").isel(overlap=2)
    np.testing.assert_allclose([own["mean"], own["low"], own["high"]], expected)


def test_ratios_are_of_means(alignment):
    above = xr.DataArray(np.random.default_rng(2).uniform(1, 2, (3, 8)), dims=("student", "member"))
    estimate = estimates.ratio(above, above.isel(student=0))
    np.testing.assert_allclose(estimate["mean"], above.mean("member") / above.isel(student=0).mean("member"))
    expected = statistics.ratio(above.values[2], above.values[0])
    np.testing.assert_allclose([estimate[end][2] for end in ("mean", "low", "high")], expected)
    assert estimate["low"].isnull().values.tolist() == [True, False, False]


def test_the_draws_of_a_toy_are_its_replicates():
    values = xr.DataArray(
        np.random.default_rng(3).uniform(size=(2, 5, 3)), dims=("member", "draw", "logit"), coords={"member": [0, 1]}
    )
    estimate = estimates.over_draws(values, "logit")
    assert estimate.attrs["members"] == 10
    expected = statistics.interval(values.values[:, :, 1].ravel(), "logit")
    np.testing.assert_allclose([estimate[end][1] for end in ("mean", "low", "high")], expected)


def test_the_published_settings_are_those_of_the_published_runs():
    assert published.comparable(PUBLISHED_TRANSFER, published.TRANSFER_SETTINGS)
    assert published.comparable(PUBLISHED_SPECTRUM, published.SPECTRUM_SETTINGS)
    # Every scientific field is looked at, but for those that say which students and how many members, and for the
    # parameters of kinds of inputs that are not the published one.
    free = {"members", "seed", "inputs_length_scale", "inputs_rank", "inputs_alpha"}
    assert PUBLISHED_TRANSFER.keys() - published.TRANSFER_SETTINGS.keys() == free | {"n_aux_built"}
    assert PUBLISHED_SPECTRUM.keys() - published.SPECTRUM_SETTINGS.keys() == free | {
        "variant",
        "n_aux",
        "objectives",
        "update_draws",
    }


@pytest.mark.parametrize(
    "change",
    [{"dataset": "digits"}, {"n_aux": 2}, {"objective": "mse"}, {"width": 64}, {"student_epochs": 1}],
    ids=str,
)
def test_bars_stand_beside_published_numbers_only_at_the_published_settings(transfer, change):
    bars = findings.transfer_bars(transfer(), {**PUBLISHED_TRANSFER, "members": 5, "seed": 9})
    for role, (mean, half_width) in published.TRANSFER.items():
        assert bars["published"].sel(role=role) == mean
        assert bars["published_half_width"].sel(role=role) == half_width
    changed = findings.transfer_bars(transfer(), PUBLISHED_TRANSFER | change)
    assert changed["published"].isnull().all()
    assert changed["published_half_width"].isnull().all()
    xr.testing.assert_equal(changed["mean"], bars["mean"])


@pytest.fixture
def described(transfer):
    def make(classes=tuple(range(10)), **means):
        return transfer(**means).assign_attrs(config=json.dumps({"classes": classes}))

    return make


def test_a_recovered_fraction_is_of_what_the_teacher_has_above_chance(described):
    result = described(reference=0.1, teacher=0.9, student=0.5)
    spread = 0.001 * np.arange(8)
    fraction = estimates.recovered_fraction(result)
    assert fraction.dims == ("member", "role")
    np.testing.assert_allclose(fraction.sel(role="student"), (0.4 + spread) / (0.8 + spread))
    np.testing.assert_array_equal(fraction.sel(role="teacher"), 1.0)
    # A noisy reference changes no one else's.
    noisy = estimates.recovered_fraction(described(reference=0.3, teacher=0.9, student=0.5))
    xr.testing.assert_equal(noisy.sel(role="student"), fraction.sel(role="student"))


def test_chance_is_that_of_the_classes_tested(described):
    assert estimates.chance({"classes": [3, 8]}) == 0.5
    two = estimates.recovered_fraction(described(classes=(0, 1), reference=0.5, teacher=0.99, student=0.5))
    np.testing.assert_allclose(two.sel(role="reference"), two.sel(role="student"))
    assert float(two.sel(role="student", member=0)) == 0.0


def test_a_teacher_that_learned_nothing_has_nothing_to_recover(described):
    result = described(teacher=0.1995)
    # Members' teachers rise from 0.1995 by 0.001: all but the first are 0.1 above chance.
    fraction = estimates.recovered_fraction(result)
    assert fraction.sel(role="student").isnull().values.tolist() == [True] + 7 * [False]


def test_no_member_has_no_mean():
    empty = xr.DataArray(np.empty((0, 2)), dims=("member", "role"), coords={"role": list("ab")})
    estimate = estimates.over_members(empty)
    assert all(np.isnan(estimate[name]).all() for name in ("mean", "low", "high"))
    assert estimate.attrs["members"] == 0


@pytest.mark.parametrize("change", [{"dataset": "digits"}, {"inputs": "uniform"}, {"student_epochs": 5}], ids=str)
def test_curves_stand_beside_published_points_only_at_the_published_settings(spectrum, change):
    result = spectrum({"teacher": 9, "kl 2": 1})
    curves = initialization.spectrum_curves(result, PUBLISHED_SPECTRUM)
    for network, points in published.SPECTRUM.items():
        shown = curves["published_ratio"].sel(network=network).values
        np.testing.assert_array_equal(shown[: len(points)], points)
        assert np.isnan(shown[len(points) :]).all()
    assert initialization.spectrum_curves(result, PUBLISHED_SPECTRUM | change)["published_ratio"].isnull().all()


def test_components_are_counted_above_the_members_own_initializations(spectrum):
    result = spectrum({"teacher": 9, "kl 2": 1, "kl 8": 7}, diverged=(2,))
    # One member's larger initialization raises the edge for all.
    result["weight_explained_variance_ratio"].loc[{"member": 0, "network": "reference", "component": 1}] = 0.15
    result["weight_explained_variance_ratio"].loc[{"member": 1, "network": "kl 4", "component": 1}] = 0.14
    curves = initialization.spectrum_curves(result, PUBLISHED_SPECTRUM)
    assert curves.attrs["edge"] == 0.15
    assert curves.attrs["members"] == 7
    counts = dict(zip(curves["network"].values.tolist(), curves["components_above_edge"].values.tolist(), strict=True))
    assert counts == dict.fromkeys(counts, 0) | {"teacher": 9, "kl 2": 1, "kl 8": 7}
    np.testing.assert_allclose(curves["ratio_high"].sel(network="kl 4", component=1), 0.14)
    typical = result["weight_explained_variance_ratio"].sel(member=3, network="kl 4", component=1)
    np.testing.assert_allclose(curves["ratio_low"].sel(network="kl 4", component=1), typical)


def test_each_way_of_counting_components_looks_at_its_own_baseline(spectrum):
    result = spectrum({"kl 2": 3, "kl 4": 2})
    ratios = result["weight_explained_variance_ratio"]
    # A larger initialization of one member raises the line for all, and nothing else.
    ratios.loc[{"member": 0, "network": "reference", "component": 1}] = 0.9
    # A gap at the second rank ends the run above the band, and nothing else.
    ratios.loc[{"network": "kl 2", "component": 2}] = 0.0
    counted = initialization.above_initialization(result)
    ways = {way: counted.sel(specification=way).mean("member") for way in initialization.SPECIFICATIONS}
    by_network = {way: (float(mean.sel(network="kl 2")), float(mean.sel(network="kl 4"))) for way, mean in ways.items()}
    assert by_network == {"band": (1, 2), "line": (0, 0), "edge": (3, 2)}
