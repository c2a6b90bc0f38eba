"""Grafts, probes and drifts: against the transfer experiment, and where they must be zero."""

from dataclasses import replace

import numpy as np

from sottovoce.experiments import decoding


def test_a_network_with_its_own_head_is_the_network_of_the_transfer_experiment(smoke):
    graft, accuracy = smoke("decoding")["graft_accuracy"], smoke("transfer")["accuracy"]
    for network in ("reference", "teacher", "student"):
        # One image of 355 may be a near tie that rounding decides.
        own = graft.sel(body=network, head=network)
        np.testing.assert_allclose(own, accuracy.sel(role=network), atol=1.5 / 355, err_msg=network)


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


def test_layers_of_different_widths_and_more_auxiliary_logits_than_units():
    config = replace(decoding.Config.smoke(), width=(24, 20, 16), n_aux=300, objective="hard").resolve()
    dataset = decoding.simulate(config, (0,))
    assert dataset["block"].values.tolist() == ["trunk_0", "trunk_1", "trunk_2", "class_head", "aux_head"]
    moved = dataset["relative_drift"].sel(body="student") > 0
    assert moved.sel(block=["trunk_0", "trunk_1", "trunk_2", "aux_head"]).all()
    assert not dataset["diverged"].any()
