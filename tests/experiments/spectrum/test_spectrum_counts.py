"""Counts of directions in spectra: prescribed ones recovered, and what they follow judged by definition."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.experiments.spectrum import counts
from sottovoce.measure import counting, nulls

K_MINUS_ONE = {"kl 2": 1, "kl 4": 3, "kl 8": 7}
AS_MANY = {"mse 2": 2, "mse 4": 4, "mse 8": 8}


def shown(result):
    return counts.by_number(counts.direction_counts(result))


def test_prescribed_directions_are_counted_in_weight_and_update(spectrum):
    above, update = {"teacher": 9, **K_MINUS_ONE}, {"kl 4": 5, "mse 8": 2}
    found = counts.direction_counts(spectrum(above, update=update, diverged=(2,)))
    assert found.sizes["member"] == 7
    for network in found["network"].values.tolist():
        assert (found["weight_count"].sel(network=network, scale="bulk") == above.get(network, 0)).all()
        assert (found["update_count"].sel(network=network) == update.get(network, 0)).all()
    # Equal energies r s^2 and little else: the participation ratio is near r from above.
    participation = found["update_participation"].sel(network="kl 4")
    assert ((participation > 5) & (participation < 20)).all()
    np.testing.assert_allclose(found["update_participation"].sel(network="reference"), 0)


def test_counts_are_those_of_the_command_on_the_same_matrix():
    rng, side = np.random.default_rng(0), 32
    start = nulls.draw_weight(rng, "uniform", side, side) / np.sqrt(3 * side)
    update = 0.9 * np.outer(rng.standard_normal(side), rng.standard_normal(side)) / np.sqrt(side)
    dims = ("member", "network", "component")
    result = xr.Dataset(
        {
            "accuracy": (dims[:2], [[0.1, 0.5]]),
            "weight_singular_value": (dims, [[np.append(counting.directions.centered_values(w), 0.0)
                                              for w in (start, start + update)]]),
            "update_singular_value": (dims, [[np.zeros(side), np.append(
                counting.directions.centered_values(update), 0.0)]]),
            "update_null_largest": ((*dims[:2], "draw"), [[np.zeros(19), nulls.resample_largest(
                np.random.default_rng(1), update, "signflip", 19)]]),
        },
        coords={"member": [0], "network": ["reference", "mse 1"], "objective": ("network", ["", "mse"]),
                "n_aux": ("network", [0, 1])},
        attrs={"config": json.dumps({"initialization": "uniform"})},
    )  # fmt: skip
    found = counts.direction_counts(result).sel(member=0, network="mse 1")
    for scale in counting.SCALES:
        expected = counting.count(start + update, "uniform", scale=scale)
        assert dict(zip(found["rule"].values, found["weight_count"].sel(scale=scale).values, strict=True)) == expected
    assert found["update_count"] == counting.count(update, "signflip")["parallel"] == 1


def test_what_training_spreads_evenly_is_no_direction(spectrum):
    result = spectrum({})
    result["weight_singular_value"] = 1.2 * result["weight_singular_value"]
    counted = counts.direction_counts(result)["weight_count"].sel(rule="parallel")
    assert (counted.sel(scale="scheme") > 0).all()
    assert (shown(result)["count"] == 0).all()


@pytest.mark.parametrize(
    ("above", "kl", "mse"),
    [
        (K_MINUS_ONE | AS_MANY, "k - 1", "k"),
        ({"kl 2": 2, "kl 4": 4, "kl 8": 8, "mse 2": 1, "mse 4": 3, "mse 8": 7}, "k", "k - 1"),
        ({"kl 2": 1, "kl 4": 3, "kl 8": 4}, "neither", "neither"),
    ],
)
def test_what_counts_follow_is_told_by_matrix_and_objective(spectrum, above, kl, mse):
    distance = counts.hypotheses(shown(spectrum(above, update={})))["distance"]
    assert counts.follows(distance.sel(matrix="weight", objective="kl")) == kl
    assert counts.follows(distance.sel(matrix="weight", objective="mse")) == mse
    assert counts.follows(distance.sel(matrix="update", objective="mse")) == "neither"


def test_members_that_disagree_or_fewer_than_six_leave_it_undecided(spectrum):
    one, other = (shown(spectrum(above)) for above in (K_MINUS_ONE, dict.fromkeys(K_MINUS_ONE, 2)))
    mixed = xr.concat([one.isel(member=slice(5)), other.isel(member=slice(5, 8))], "member")
    for result in (mixed, one.isel(member=slice(5))):
        assert counts.follows(counts.hypotheses(result)["distance"].sel(matrix="weight", objective="kl")) == "undecided"


def test_half_way_between_the_hypotheses_is_undecided(spectrum):
    # Counts 2 and 3 for k = 2 and 4: distances one half to both, the same for every member.
    half = shown(spectrum({"kl 2": 2, "kl 4": 3}).drop_sel(network="kl 8"))
    assert counts.follows(counts.hypotheses(half)["distance"].sel(matrix="weight", objective="kl")) == "undecided"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=2, max_size=6))
def test_following_k_excludes_following_k_minus_one(numbers):
    count = xr.DataArray(
        np.array(numbers, dtype=float)[None, :, None], dims=("matrix", "member", "objective", "n_aux"),
        coords={"matrix": ["weight"], "objective": ["kl"], "n_aux": [1, 2, 4, 8]},
    )  # fmt: skip
    found = counts.hypotheses(xr.Dataset({"count": count})).sel(matrix="weight", objective="kl")
    assert (found["distance"].sum("hypothesis") >= 1).all()
    # Least squares by another route.
    for member, row in enumerate(numbers):
        slope, intercept = np.polyfit([1, 2, 4, 8], row, 1)
        np.testing.assert_allclose(found["slope"][member], slope, atol=1e-9)
        np.testing.assert_allclose(found["intercept"][member], intercept, atol=1e-9)
    assert counts.follows(found["distance"]) in counts.FOLLOWS


def test_a_missing_student_is_neither_zero_nor_counted(spectrum):
    result = spectrum(K_MINUS_ONE | AS_MANY)
    assert shown(result)["count"].notnull().all()
    without = result.drop_sel(network="kl 2")
    found = shown(without)
    assert found["count"].sel(objective="kl", n_aux=2).isnull().all()
    follows = counts.hypotheses(found)
    assert counts.follows(follows["distance"].sel(matrix="weight", objective="kl")) == "k - 1"
    np.testing.assert_allclose(follows["slope"].sel(matrix="weight"), 1)
    single = counts.hypotheses(shown(result.sel(network=["reference", "teacher", "kl 2"])))
    assert single["slope"].isnull().all()
    np.testing.assert_allclose(single["distance"].sel(matrix="weight", hypothesis="k"), 1)


def test_directions_and_accuracy_are_crossed(spectrum):
    above = {"kl 2": 1, "kl 4": 3, "mse 2": 1}
    accuracy = {"kl 2": 0.6, "kl 4": 0.15, "kl 8": 0.3, "mse 2": 0.15, "mse 4": 0.1, "mse 8": 0.19}
    relation = counts.relation(shown(spectrum(above, accuracy=accuracy)))
    # Two students classify, kl 2 and kl 8, and one of them shows; three show, and one of them classifies.
    np.testing.assert_allclose(relation["visible"], 1 / 2)
    np.testing.assert_allclose(relation["classify"], 1 / 3)
    np.testing.assert_allclose(relation["gain_shown"], (0.5 + 0.05 + 0.05) / 3)
    np.testing.assert_allclose(relation["gain_hidden"], (0.2 + 0.0 + 0.09) / 3)
    nothing = counts.relation(shown(spectrum({}, accuracy=dict.fromkeys(accuracy, 0.1))))
    assert nothing[["visible", "classify", "gain_shown"]].to_array().isnull().all()


def test_sentences_name_what_is_followed_and_what_is_left_out(spectrum):
    result = spectrum(K_MINUS_ONE | AS_MANY, update={})
    assert counts.sentences(result) == [
        "directions of the weight under kl: they follow k - 1",
        "directions of the weight under mse: they follow k",
        "directions of the update under kl: they follow neither k nor k - 1",
        "directions of the update under mse: they follow neither k nor k - 1",
    ]
    asked = {"initialization": "normal", "objectives": ["kl", "mse"], "n_aux": [1, 2]}
    assert counts.sentences(result.assign_attrs(config=json.dumps(asked)))[0].startswith("kl 1 is left out: a softmax")
