"""Grafts, probes, subspaces, parts: against the transfer experiment, the linear theory, and where they must be zero."""

from dataclasses import replace
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.experiments.decoding import bodies as decoding_bodies
from sottovoce.experiments.decoding import config as decoding_config
from sottovoce.experiments.decoding import experiment as decoding
from sottovoce.experiments.decoding import parts as decoding_parts
from sottovoce.experiments.decoding import simulate as decoding_simulate
from sottovoce.experiments.decoding.overlaps import measure_unrelated
from sottovoce.experiments.decoding.simulate import simulate
from sottovoce.measure import heads, similarity
from sottovoce.networks.mlp import MLP, Linear
from sottovoce.theory import linear

# One image of 355 may be a near tie that rounding decides.
NEAR_TIE = 1.5 / 355


def test_a_network_with_its_own_head_is_the_network_of_the_transfer_experiment(smoke):
    graft, accuracy = smoke("decoding")["graft_accuracy"], smoke("transfer")["accuracy"]
    for network in ("reference", "teacher", "student"):
        own = graft.sel(body=network, head=network)
        np.testing.assert_allclose(own, accuracy.sel(role=network), atol=NEAR_TIE, err_msg=network)


def test_a_head_that_never_moved_decodes_as_the_one_it_was(smoke):
    graft = smoke("decoding")["graft_accuracy"]
    np.testing.assert_array_equal(graft.sel(head="student"), graft.sel(head="reference"))
    assert not graft.sel(head="teacher").equals(graft.sel(head="reference"))


def test_only_what_was_trained_drifts(smoke):
    drift = smoke("decoding")["relative_drift"]
    assert drift.dims == ("member", "body", "block")
    assert drift["block"].values.tolist() == ["trunk_0", "trunk_1", "class_head", "aux_head"]
    np.testing.assert_array_equal(drift.sel(body="reference"), 0)
    still = {("teacher", "aux_head"), ("student", "class_head")}
    for body in ("teacher", "student"):
        for block in drift["block"].values.tolist():
            moved = drift.sel(body=body, block=block) > 0
            assert moved.all() if (body, block) not in still else not moved.any(), (body, block)


def test_probes_read_more_from_hidden_features_than_the_untrained_head_does(smoke):
    dataset = smoke("decoding")
    assert dataset["probe_accuracy"].dims == ("member", "body")
    own = dataset["graft_accuracy"].sel(head="reference")
    # Sixteen hidden units carry digits well above chance, trained or not.
    assert (dataset["probe_accuracy"] > 0.5).all()
    assert (dataset["probe_accuracy"] > own).all()


def test_every_variable_has_its_promised_dimensions(smoke):
    dataset = smoke("decoding")
    assert set(dataset.data_vars) == {*decoding_config.DIMS, "diverged"}
    for name, dims in decoding_config.DIMS.items():
        assert dataset[name].dims == ("member", *dims), name
        assert np.isfinite(dataset[name]).all(), name


def test_accuracies_by_label_average_to_the_accuracy_of_the_own_head(smoke):
    from sottovoce.data import load_dataset

    dataset, labels = smoke("decoding"), load_dataset("digits").test_labels
    share = np.bincount(labels) / len(labels)
    for body in dataset["body"].values.tolist():
        own = dataset["graft_accuracy"].sel(body=body, head=body)
        np.testing.assert_allclose(dataset["label_accuracy"].sel(body=body).values @ share, own, atol=1e-12)


def test_nothing_and_all_of_a_change_are_the_reference_and_the_network_under_the_reference_s_head(smoke):
    dataset = smoke("decoding")
    graft = dataset["graft_accuracy"].sel(head="reference")
    nothing, everything = dataset["unchanged_accuracy"], dataset["whole_accuracy"]
    for network in ("teacher", "student"):
        for scope in ("trunk", "last_layer"):
            found = everything.sel(network=network, scope=scope)
            np.testing.assert_allclose(found, graft.sel(body=network), atol=NEAR_TIE)
        np.testing.assert_allclose(
            nothing.sel(network=network, scope="trunk"), graft.sel(body="reference"), atol=NEAR_TIE
        )


def test_the_teacher_s_own_update_is_the_teacher_s_update(smoke):
    teacher = smoke("decoding").sel(network="teacher")
    for name in ("energy", "part_accuracy"):
        mine, theirs = (teacher[name].sel(subspace=s, drop=True) for s in ("own_update", "teacher_update"))
        assert mine.equals(theirs)
    # No subspace of its rank holds more of an update than the update's own strongest directions.
    assert (teacher["energy"].sel(subspace="own_update") >= teacher["energy"].sel(subspace="aux_head")).all()


def test_nulls_of_chance_stand_where_they_must(smoke):
    dataset = smoke("decoding")
    ranks = {"aux_head": 2, "class_head": 9, "teacher_update": 2, "own_update": 2}
    for name, rank in ranks.items():
        np.testing.assert_allclose(dataset["energy_random"].sel(subspace=name), rank / 16)
    np.testing.assert_allclose(dataset["overlap_random"].sel(teacher_subspace="matched"), 2 / 16)
    np.testing.assert_allclose(dataset["overlap_random"].sel(teacher_subspace="wide"), 9 / 16)
    for name in ("energy", "overlap"):
        assert (dataset[f"{name}_random_high"] > dataset[f"{name}_random"]).all()
    # Independent features of 355 images and 16 units: CKA of shuffled images stays within a few times 16 / 355.
    assert (np.abs(dataset["cka_shuffled"]) < 0.2).all()
    # A map that pairs different images explains nothing and guesses one digit.
    assert (dataset["affine_r2_shuffled"] < 0.05).all()
    assert (dataset["affine_r2"].sel(body="teacher") > dataset["affine_r2_shuffled"].sel(body="teacher") + 0.1).all()


def test_a_diverged_member_is_flagged_and_not_measured(smoke):
    smoke("decoding")
    # The rate is traced: the same program as the smoke configuration's.
    config = replace(decoding.Config.smoke(), student_learning_rate=1e30).resolve()
    dataset = simulate(config, (0, 1))
    assert dataset["diverged"].all()
    assert all(np.isnan(dataset[name]).all() for name in decoding_config.DIMS)


@pytest.fixture(scope="module")
def linear_member():
    """Reference, teacher and student with one linear hidden layer of prescribed weights and no biases, and images."""
    rng = np.random.default_rng(0)
    W1_0, W1 = rng.standard_normal((2, 7, 12))
    heads_ = rng.standard_normal((12, 10)), rng.standard_normal((12, 4))

    def network(W):
        maps = [Linear(jnp.asarray(w), jnp.zeros(w.shape[1])) for w in (W, *heads_)]
        return MLP((maps[0],), maps[1], maps[2], "linear")

    student = linear.student(W1, np.hstack(heads_), 4, "kl", initial=W1_0)
    images = rng.standard_normal((400, 7))
    labels = np.argmax(images @ W1 @ heads_[0], axis=1)
    networks = [network(W) for W in (W1_0, W1, student)]
    return networks, [decoding_bodies.body(n, images) for n in networks], (images, labels), (W1_0, student, *heads_)


def test_on_a_linear_trunk_the_teacher_s_part_on_span_z_is_the_student_of_the_theory(linear_member):
    networks, bodies, (images, labels), (W1_0, student, C, _) = linear_member
    config = decoding.Config(dataset="digits", n_aux=4, activation="linear", depth=1, width=12).resolve()
    spans = decoding_bodies.hidden_subspaces(networks, config)
    parts = decoding_parts.measure_parts(networks, bodies, spans, labels, np.random.default_rng(1))
    expected = heads.accuracy(images @ student @ C, labels)
    aux = decoding_bodies.SUBSPACES.index("aux_head")
    # Float32 networks: of 400 images one may be a near tie.
    on = parts["part_accuracy"][:, :, aux, decoding_parts.PARTS.index("on")]
    np.testing.assert_allclose(on, expected, atol=1.5 / 400)
    # The student's own change lies on span(Z) wholly, so nothing is left off it.
    off = parts["part_accuracy"][1, :, aux, decoding_parts.PARTS.index("off")]
    np.testing.assert_allclose(off, heads.accuracy(images @ W1_0 @ C, labels), atol=1.5 / 400)
    # And these accuracies differ, or the test would say nothing.
    assert abs(expected - heads.accuracy(images @ W1_0 @ C, labels)) > 0.02


@pytest.mark.parametrize("objective", ["kl", "mse"])
def test_the_affine_map_sees_what_the_objective_sees(linear_member, objective):
    networks, bodies, (_, labels), (_, _, _, Z) = linear_member
    config = decoding.Config(dataset="digits", n_aux=2, objective=objective)
    rng = np.random.default_rng(0)
    found = decoding_simulate.measure_affine(config, networks, bodies, bodies, labels, rng)["affine_accuracy"]
    # Two columns of a head that has four; a shift of both is nothing to kl and much to mse.
    shifted = networks[0].aux_head.weight.at[:, :2].add(1.0)
    moved = [MLP(n.trunk, n.class_head, Linear(shifted, n.aux_head.bias), "linear") for n in networks]
    again = decoding_simulate.measure_affine(config, moved, bodies, bodies, labels, rng)["affine_accuracy"]
    difference = np.abs(again - found).max()
    assert difference < 1.5 / 400 if objective == "kl" else difference > 0.02
    # The teacher's map on its own logits is a regression on what is seen, whichever basis that is written in.
    hidden = bodies[1].hidden
    x = hidden @ (Z[:, :1] - Z[:, 1:2] if objective == "kl" else Z[:, :2])
    design = np.column_stack([x, np.ones(len(x))])
    fitted = design @ np.linalg.lstsq(design, hidden @ np.asarray(networks[1].class_head.weight))[0]
    assert found[1] == pytest.approx(heads.accuracy(fitted, labels), abs=1.5 / 400)


def test_what_is_on_and_off_the_whole_space_is_everything_and_nothing(linear_member):
    networks, bodies, (_, labels), _ = linear_member
    spans = {name: [np.eye(12)] * 2 for name in decoding_bodies.SUBSPACES}
    parts = decoding_parts.measure_parts(networks, bodies, spans, labels, np.random.default_rng(1))
    for which, limit in (("on", "whole_accuracy"), ("off", "unchanged_accuracy")):
        found = parts["part_accuracy"][..., decoding_parts.PARTS.index(which)]
        np.testing.assert_allclose(found, np.broadcast_to(parts[limit][..., None], found.shape), atol=1.5 / 400)


def test_parts_are_projected_before_the_activation(linear_member):
    networks, bodies, (_, labels), _ = linear_member
    relu = [MLP(n.trunk, n.class_head, n.aux_head, "relu") for n in networks]
    basis = np.linalg.qr(np.random.default_rng(2).standard_normal((12, 3)))[0]
    spans = {name: [basis] * 2 for name in decoding_bodies.SUBSPACES}
    parts = decoding_parts.measure_parts(relu, bodies, spans, labels, np.random.default_rng(1))
    start, change = bodies[0].preactivation, bodies[1].preactivation - bodies[0].preactivation
    hidden = np.maximum(start + change @ basis @ basis.T, 0)
    expected = heads.accuracy(hidden @ np.asarray(relu[0].class_head.weight), labels)
    assert parts["part_accuracy"][0, 0, 0, 0] == pytest.approx(expected, abs=1.5 / 400)


def deep_network(rng):
    sizes = ((6, 5), (5, 4), (4, 3), (4, 2))
    maps = [Linear(jnp.asarray(rng.standard_normal(size)), jnp.asarray(rng.standard_normal(size[1]))) for size in sizes]
    return MLP(tuple(maps[:2]), maps[2], maps[3], "relu")


def test_layers_alone_are_the_networks_with_these_layers_exchanged():
    rng = np.random.default_rng(4)
    networks = [deep_network(rng) for _ in range(3)]
    images, labels = rng.standard_normal((300, 6)), rng.integers(0, 3, 300)
    spans = {name: [np.eye(4)[:, :1]] * 2 for name in decoding_bodies.SUBSPACES}
    bodies = [decoding_bodies.body(network, images) for network in networks]
    parts = decoding_parts.measure_parts(networks, bodies, spans, labels, rng)
    (below, last), head, aux = networks[0].trunk, networks[0].class_head, networks[0].aux_head
    for i, network in enumerate(networks[1:]):
        for trunk, found in (
            ((network.trunk[0], last), parts["unchanged_accuracy"][i, decoding_parts.SCOPES.index("last_layer")]),
            ((below, network.trunk[1]), parts["last_alone_accuracy"][i]),
        ):
            logits = MLP(trunk, head, aux, "relu").class_logits(jnp.asarray(images))
            assert found == pytest.approx(heads.accuracy(np.asarray(logits), labels), abs=1.5 / 300)


def test_a_body_gives_what_the_network_gives():
    rng = np.random.default_rng(3)
    network = deep_network(rng)
    images = rng.standard_normal((8, 6))
    body = decoding_bodies.body(network, images)
    assert body.below.shape == (8, 5)
    np.testing.assert_allclose(body.hidden, network.hidden(jnp.asarray(images)), atol=1e-5)
    np.testing.assert_allclose(
        decoding_bodies.read(network.class_head, body.hidden), network.class_logits(jnp.asarray(images)), atol=1e-5
    )
    np.testing.assert_allclose(decoding_bodies.read(network.trunk[-1], body.below), body.preactivation, atol=1e-5)


def test_layers_of_different_widths_and_more_auxiliary_logits_than_units():
    config = replace(decoding.Config.smoke(), width=(24, 20, 16), n_aux=300, objective="hard").resolve()
    dataset = simulate(config, (0,))
    assert dataset["block"].values.tolist() == ["trunk_0", "trunk_1", "trunk_2", "class_head", "aux_head"]
    moved = dataset["relative_drift"].sel(body="student") > 0
    assert moved.sel(block=["trunk_0", "trunk_1", "trunk_2", "aux_head"]).all()
    assert not dataset["diverged"].any()


def test_what_is_shared_is_counted_direction_by_direction_beside_the_unrelated_student():
    rng = np.random.default_rng(0)
    read, write = (np.linalg.qr(rng.standard_normal((32, 6)))[0] for _ in range(2))
    reference = rng.standard_normal((32, 32))

    def network(update):
        return SimpleNamespace(trunk=[SimpleNamespace(weight=reference + update)])

    def moved(directions):
        # Sizes of their own, so that the order of the directions is known.
        return read[:, directions] @ np.diag(1.0 + np.arange(len(directions))) @ write[:, directions].T

    # The teacher has four directions, of which the student has two, and another student none.
    networks = [network(0.0), network(moved([0, 1, 2, 3])), network(moved([0, 1, 4]))]
    features = rng.standard_normal((3, 50, 32))
    bodies = [SimpleNamespace(hidden=hidden) for hidden in features]
    found = measure_unrelated(networks, network(moved([4, 5])), bodies, bodies[0], rank=2, wide=4, n_aux=3)
    # Both sides, direction by direction; a third direction of an update of rank two is any.
    np.testing.assert_allclose(found["shared"], [[1, 1, 0]] * 2, atol=1e-12)
    np.testing.assert_allclose(found["shared_unrelated"][:, 1:], [[0, 0]] * 2, atol=1e-12)
    np.testing.assert_allclose(found["overlap_unrelated"], 0, atol=1e-12)
    expected = similarity.linear_cka(features[1], features[0], debiased=True)
    assert found["cka_unrelated"] == pytest.approx(expected)
