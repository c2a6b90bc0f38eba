"""Tables: the rows of every experiment, as scripts read them."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from sottovoce.experiments.capture import experiment as capture
from sottovoce.experiments.toy import experiment as toy_experiment
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.lab import registry


def table(dataset):
    return registry.of(dataset).table(dataset)


def notes(dataset):
    return registry.of(dataset).notes(dataset)


KEYS = {"mean", "ci95", "members", "published", "quantity"}


def described(result, name, config=None):
    config = {"classes": list(range(10))} if config is None else asdict(config)
    return result.assign_attrs(experiment=name, config=json.dumps(config))


def check(rows):
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row in rows.values():
        assert row.keys() == KEYS
        low, high = row["ci95"]
        # Members that are all equal have no interval.
        assert (low is None and high is None) or low <= row["mean"] <= high


def test_transfer_has_a_row_by_role_with_the_published_number(transfer_result):
    rows = table(transfer_result)
    check(rows)
    roles = ["reference", "teacher", "student", "student_all", "cross_model", "cross_model_all", "unrelated"]
    assert list(rows) == roles + [f"{role}, recovered fraction" for role in roles if role != "teacher"]
    assert rows["student, recovered fraction"]["mean"] == pytest.approx(
        np.mean((0.428 + 0.001 * np.arange(8)) / (0.8434 + 0.001 * np.arange(8)))
    )
    assert rows["student"]["published"] == 0.528
    assert rows["student"]["mean"] == pytest.approx(0.528 + 0.0035)
    assert rows["student"]["members"] == 8


@pytest.fixture
def transfer_result(transfer):
    return described(transfer(), "transfer", transfer_config())


def transfer_config():
    return transfer.Config(dataset="mnist").resolve()


def test_what_is_not_a_number_is_null(transfer_result):
    rows = table(transfer_result.isel(member=[0]).assign_attrs(config='{"classes": [0, 1]}'))
    assert json.dumps(rows, allow_nan=False)
    assert rows["student"]["ci95"] == [None, None]
    assert rows["student"]["published"] is None


def test_spectrum_has_accuracies_counts_and_what_they_follow_by_network(spectrum):
    result = spectrum({"teacher": 9, "kl 2": 1, "kl 4": 3, "kl 8": 7, "mse 2": 2})
    rows = table(result)
    defined = {label: row for label, row in rows.items() if row["members"]}
    check(defined)
    networks = result["network"].values.tolist()
    ways = [f"components above initialization ({way})" for way in ("band", "line", "edge")]
    shown = [f"{network}, {way}" for way in ways for network in networks]
    assert list(rows)[: 4 * len(networks)] == networks + shown
    for label in (*ways, "weight, parallel", "weight, gap", "update, parallel"):
        assert rows[f"teacher, {label}"]["mean"] == 9
    assert rows["kl, weight, |count - (k - 1)|"]["mean"] == 0
    assert rows["kl, weight, |count - k|"]["mean"] == 1
    assert rows["kl, weight, slope over k"]["mean"] == pytest.approx(1)
    assert rows["kl, weight, intercept over k"]["mean"] == pytest.approx(-1)
    # Counts 2, 0, 0 for k = 2, 4, 8.
    assert rows["mse, update, |count - k|"]["mean"] == pytest.approx(4)
    assert rows["classifying students that show directions"]["mean"] == pytest.approx(4 / 6)
    assert rows["students showing directions that classify"]["mean"] == 1
    assert notes(result)[0] == "directions of the weight under kl: they follow k - 1"


def test_rows_that_no_member_defines_are_null(spectrum):
    row = table(spectrum({}))["students showing directions that classify"]
    assert (row["mean"], row["ci95"], row["members"]) == (None, [None, None], 0)


def test_only_spectra_say_something_in_words(transfer_result):
    assert notes(transfer_result) == []


def test_decoding_has_rows_for_what_was_measured_and_its_nulls(decoding):
    rows = table(described(decoding(), "decoding"))
    check(rows)
    assert rows["teacher body, reference class head"]["mean"] == pytest.approx(0.7035)
    assert rows["student drift, class_head"]["mean"] == 0
    assert rows["direction 3 shared with the teacher, input side"]["mean"] == pytest.approx(0.3035)
    assert rows["direction 3 shared with the teacher, input side, unrelated"]["mean"] == pytest.approx(0.1)
    assert rows["teacher and unrelated student, CKA"]["mean"] == pytest.approx(0.6)
    assert rows["student update, energy on aux_head"]["mean"] == pytest.approx(0.4035)
    assert rows["student, change of trunk off aux_head"]["mean"] == pytest.approx(0.2035)
    assert rows["overlap, input side, teacher matched"]["quantity"] == "mean squared cosine"
    assert rows["teacher and student, CKA"]["mean"] == pytest.approx(0.8035)
    # Chance 0.1; teacher 0.9 and part 0.2, each 0.001 more from member to member.
    more = 0.001 * np.arange(8)
    expected = ((0.1 + more) / (0.8 + more)).mean()
    assert rows["student, fraction recovered by trunk off aux_head"]["mean"] == pytest.approx(expected)
    assert "teacher on label 9" in rows
    assert not {"reference on label 0", "reference drift, trunk_0", "teacher, whole change of trunk"} & set(rows)
    nulls = {
        "student update, energy on {}": ("energy on random as {}, 95 % quantile", "energy on shuffled {}"),
        "student, change of trunk on {}": ("student, change of trunk on random as {}",),
    }
    for subspace in ("aux_head", "class_head", "teacher_update", "own_update"):
        for measured, beside in nulls.items():
            assert measured.format(subspace) in rows
            assert all(any(name.endswith(null.format(subspace)) for name in rows) for null in beside)
    for which in ("matched", "wide"):
        assert {f"overlap, input side, {null} {which}" for null in ("teacher", "shuffled")} <= set(rows)
        assert f"overlap, input side, random {which}, 95 % quantile" in rows


def test_alignment_has_ends_ratios_and_cosines_with_their_nulls(alignment):
    rows = table(described(alignment(loss=1.2), "alignment"))
    check(rows)
    assert rows["reference"]["mean"] == pytest.approx(0.1)
    # Members add 0.007 on average to all but the plain student.
    assert rows["projection"]["mean"] == pytest.approx(0.127)
    assert rows["projection, accuracy less the student's"]["mean"] == pytest.approx(0.127 - 0.6)
    ratio = np.mean(1.2 * (1 + 0.002 * np.arange(8)))
    assert rows["decay, auxiliary loss over the student's"]["mean"] == pytest.approx(ratio)
    assert rows["projection_control, auxiliary loss over the student's"]["mean"] == pytest.approx(1)
    assert rows["step_projection, cosine of step and class loss"]["mean"] == pytest.approx(0.057)
    assert rows["cross_model, cosine of way and the teacher's way, null"]["mean"] == pytest.approx(0.01)


def test_alignment_leaves_diverged_members_and_absent_students_out(alignment):
    result = alignment(diverged=(4,)).drop_sel(student="projection", role="projection")
    rows = table(described(result, "alignment"))
    assert rows["student"]["members"] == 7
    assert not any(label.startswith("projection,") for label in rows)


def test_toy_training_has_ends_orders_and_drifts(toy_training):
    rows = table(described(toy_training(order=1.5), "toy_training"))
    check(rows)
    assert rows["adam, distance"]["mean"] == pytest.approx(0.01)
    assert rows["gd, relu, recovered"]["mean"] == pytest.approx(0.2035)
    assert rows["gd, relu, 32 inputs"]["mean"] == pytest.approx(0.2035)
    assert rows["order, trunk"]["mean"] == pytest.approx(1.5)
    assert rows["W2 of both at rate 0.5, recovered"]["mean"] == pytest.approx(0.4465)
    assert len(rows) == 2 * 8 + 2 + 2 + 3 * 4 * 3


def test_prediction_has_scores_by_student_and_predictor(prediction):
    rows = table(described(prediction(), "prediction"))
    check(rows)
    # By objective: the student's accuracy; errors of seven predictors and the mean of others; the same beyond another
    # student's, without that student; three scores of seven; two weights.
    assert len(rows) == 2 * (1 + 8 + 7 + 3 * 7 + 2)
    assert rows["kl, k = 3, head_gram: absolute error of accuracy"]["mean"] == pytest.approx(0.02)
    assert rows["kl, k = 3, head_gram: error beyond another student's"]["mean"] == pytest.approx(0.01)
    assert "kl, k = 3, retrained: error beyond another student's" not in rows
    assert rows["kl, k = 3, self_consistent: weight of the teacher's kernel"]["mean"] == pytest.approx(0.3)
    assert rows["mse, k = 3, linearized: Spearman over members"]["mean"] == pytest.approx(1)
    assert rows["mse, k = 3, linearized: relative size of logits' change"]["mean"] == pytest.approx(0.5)


def test_theorem_has_orders_cosines_and_shares(theorem):
    rows = table(described(theorem(independent=0.25), "theorem"))
    check(rows)
    assert len(rows) == 2 * 2 + 2 + 2 * 2
    assert rows["tanh, order of the error, inner product"]["mean"] == pytest.approx(1.035)
    assert rows["shared, all logits: share positive"]["mean"] == 1
    assert rows["relu, smallest cosine of the steps"]["mean"] == pytest.approx(0.05)


@pytest.mark.parametrize(("experiment", "label"), [(toy_experiment, "cosine, class logit 0"), (capture, "mse, k = 1")])
def test_closed_forms_have_their_rows(experiment, label):
    config = experiment.Config.smoke().resolve()
    rows = table(described(experiment.simulate(config, range(config.members)), experiment.name, config))
    check(rows)
    assert label in rows
    assert all(np.isfinite(row["mean"]) for row in rows.values())
