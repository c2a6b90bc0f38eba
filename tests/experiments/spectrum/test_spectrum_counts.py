"""Counts of directions in spectra: prescribed ones recovered, and what they follow judged by definition."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.experiments.spectrum import counts
from sottovoce.measure import counting, nulls
from sottovoce.theory.random_matrix import detectability_threshold

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


def result_of(start, update, **config):
    """Return a result with one reference and one student whose layer was changed by this update."""
    dims, rank = ("member", "network", "component"), min(start.shape)

    def values(matrix):
        return np.append(counting.directions.centered_values(matrix), np.zeros(rank))[:rank]

    drawn = nulls.resample_largest(np.random.default_rng(1), update, "signflip", 19)
    return xr.Dataset(
        {
            "accuracy": (dims[:2], [[0.1, 0.5]]),
            "weight_singular_value": (dims, [[values(start), values(start + update)]]),
            "update_singular_value": (dims, [[np.zeros(rank), values(update)]]),
            "update_null_largest": ((*dims[:2], "draw"), [[np.zeros(19), drawn]]),
        },
        coords={
            "member": [0],
            "network": ["reference", "mse 1"],
            "objective": ("network", ["", "mse"]),
            "n_aux": ("network", [0, 1]),
        },
        attrs={"config": json.dumps({"gain": 1.0, **config})},
    )


def planted(rng, shape, strengths):
    """Return orthogonal directions of these singular values, none of them along the mean over output neurons."""
    inputs = np.linalg.qr(rng.standard_normal((shape[0], len(strengths))))[0]
    outputs = rng.standard_normal((shape[1], len(strengths)))
    return inputs * strengths @ np.linalg.qr(outputs - outputs.mean(axis=0))[0].T


def test_counts_are_those_of_the_command_on_the_same_matrix():
    rng, side = np.random.default_rng(0), 32
    start = nulls.draw_weight(rng, "uniform", side, side) / np.sqrt(3 * side)
    update = 0.9 * np.outer(rng.standard_normal(side), rng.standard_normal(side)) / np.sqrt(side)
    found = counts.direction_counts(result_of(start, update, initialization="uniform", width=side))
    found = found.sel(member=0, network="mse 1")
    for scale in counting.SCALES:
        expected = counting.count(start + update, "uniform", scale=scale)
        assert dict(zip(found["rule"].values, found["weight_count"].sel(scale=scale).values, strict=True)) == expected
    assert found["update_count"] == counting.count(update, "signflip")["parallel"] == 1


@pytest.mark.parametrize("shape", [(64, 64), (64, 256), (256, 64), (32, 512)])
@pytest.mark.parametrize("scheme", ["normal", "uniform"])
@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_planted_directions_are_found_in_layers_of_any_shape_and_gain(shape, scheme, gain):
    rng = np.random.default_rng(3)
    start = gain * nulls.scheme_scale(scheme, shape[0]) * nulls.draw_weight(rng, scheme, *shape)
    threshold = detectability_threshold(*nulls.noise_shape(*shape), gain * nulls.scheme_scale(scheme, shape[0]))
    update = planted(rng, shape, 2 * threshold * np.ones(3))
    found = counts.direction_counts(result_of(start, update, initialization=scheme, width=list(shape), gain=gain))
    for scale in counting.SCALES:
        assert found["weight_count"].sel(network="reference", scale=scale, rule="parallel") == 0
        for rule in ("parallel", "marchenko_pastur"):
            assert found["weight_count"].sel(network="mse 1", scale=scale, rule=rule) == 3
    assert found["update_count"].sel(network="mse 1") == 3
    assert float(found["update_strength"].sel(network="mse 1").squeeze()) == pytest.approx(2)


@pytest.mark.parametrize("shape", [(64, 64), (64, 128), (128, 64)])
@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_orthogonal_weights_have_no_random_edge(shape, gain):
    rng = np.random.default_rng(4)
    u, _, vt = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    start = gain * u @ vt
    update = planted(rng, shape, gain * np.array([3.0, 2.0]))
    # In the precision in which networks are drawn.
    start = start.astype(np.float32).astype(np.float64)
    result = result_of(start, update, initialization="orthogonal", width=list(shape), gain=gain, objectives=["mse"],
                       n_aux=[1])  # fmt: skip
    found = counts.direction_counts(result)
    assert (found["weight_count"].sel(network="reference") == 0).all()
    # Two directions, and at most as many values that they push above the gain beside their own.
    assert ((found["weight_count"].sel(network="mse 1") >= 2) & (found["weight_count"].sel(network="mse 1") <= 4)).all()
    assert np.isnan(found["update_strength"]).all()
    assert any("no random edge" in sentence for sentence in counts.sentences(result))


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
    asked = json.loads(result.attrs["config"]) | {"n_aux": [1, 2]}
    assert counts.sentences(result.assign_attrs(config=json.dumps(asked)))[0].startswith("kl 1 is left out: a softmax")
