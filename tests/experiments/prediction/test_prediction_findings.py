"""Scores of predictors on results made by hand, and orders and shares of the theorem."""

import numpy as np
import pytest

from sottovoce.experiments.prediction import findings as analysis
from sottovoce.experiments.prediction.config import TABLE
from sottovoce.experiments.theorem import findings as theorem_analysis
from sottovoce.lab.checks import DEFAULT_SEED
from sottovoce.lab.claims import BEFORE_DEFAULT, judge


def test_scores_are_those_that_were_built_in(prediction):
    scores = analysis.scores(prediction())
    good = scores.sel(predictor="linearized")
    np.testing.assert_allclose(good["absolute_error"], 0.02)
    np.testing.assert_allclose(good["rank_correlation"], 1)
    np.testing.assert_allclose(good["correlation"], 0.8)
    np.testing.assert_allclose(good["size"], 0.5)
    assert scores.attrs["members"] == 12
    backward = analysis.scores(prediction(error=0.3)).sel(predictor="linearized")
    np.testing.assert_allclose(backward["rank_correlation"], -1)
    for name in ("accuracy", "absolute_error", "excess_error"):
        apart = scores[f"{name}_low"].notnull()
        assert (
            ((scores[f"{name}_low"] <= scores[name]) & (scores[name] <= scores[f"{name}_high"]))
            .where(apart, True)
            .all()
        )


def test_errors_are_compared_with_another_students_member_by_member(prediction):
    dataset = prediction(error=0.3)
    excess = analysis.scores(dataset)["excess_error"]
    true = dataset["student_accuracy"].values
    # Backward predictions 1 - true + 0.3, beside another student that errs by 0.01.
    expected = (np.abs(1.3 - 2 * true) - 0.01).mean(axis=0)
    np.testing.assert_allclose(excess.sel(predictor="head_gram").values, expected)
    assert np.isnan(excess.sel(predictor="retrained")).all()
    # The mean of the others is compared too.
    assert np.isfinite(excess.sel(predictor="mean_of_others")).all()
    alone = analysis.scores(dataset.drop_sel(predictor="retrained"))
    assert np.isnan(alone["excess_error"]).all()
    np.testing.assert_array_equal(
        alone["absolute_error"].sel(predictor="linearized"),
        analysis.scores(dataset)["absolute_error"].sel(predictor="linearized"),
    )


def test_only_what_uses_nothing_of_the_students_own_is_said_to_predict(prediction):
    before = {"head_gram", "linearized_independent", "self_consistent_independent"}
    assert {predictor.name for predictor in TABLE if predictor.before_training} == before
    for claim in analysis.CLAIMS:
        name = claim.key.split("-", 2)[2]
        assert ("predicts" in claim.text) == (name in before), claim.key
        assert ("the student's own inputs" in claim.text) == (name not in before), claim.key
        # "Nearly as well as another student" is asked of nothing that knows more than another student does.
        assert claim.key.startswith("p-excess") <= (name in before)
    sentences = analysis.notes(prediction())
    (first,) = (sentence for sentence in sentences if "predicts before" in sentence)
    assert set(first.rpartition(": ")[2].rstrip(".").split(", ")) == before
    assert sum("retrained" in sentence and "baseline" in sentence for sentence in sentences) == 1
    assert sentences[-1] == "No prediction uses test labels."


def test_claims_chosen_after_a_look_are_no_test_on_the_seeds_looked_at():
    unseen = {claim.key for claim in analysis.CLAIMS if not claim.seen}
    older = ("head_gram", "first_update", "linearized")
    assert unseen == {f"p-error-{name}" for name in older}
    assert all(claim.seen == BEFORE_DEFAULT for claim in analysis.CLAIMS if claim.seen)
    assert DEFAULT_SEED not in BEFORE_DEFAULT


def test_runs_of_older_versions_are_still_read(prediction, old):
    dataset = old(prediction())
    rows = analysis.table(dataset)
    assert rows["kl, k = 3, self_consistent: absolute error of accuracy"]["mean"] == pytest.approx(0.02)
    assert not any("weight" in label or "independent" in label for label in rows)
    assert "from test labels" in analysis.notes(dataset)[-1]
    assert not any("independent" in sentence for sentence in analysis.notes(dataset))
    verdicts = {judgment.claim.key: judgment.verdict for judgment in judge([(c, dataset) for c in analysis.CLAIMS])}
    missing = {key for key, verdict in verdicts.items() if verdict == "too few members"}
    assert missing == {key for key in verdicts if "independent" in key}


def test_the_mean_of_others_leaves_each_member_out(prediction):
    dataset = prediction()
    others = analysis.mean_of_others(dataset["student_accuracy"]).sel(predictor="mean_of_others")
    true = dataset["student_accuracy"].values
    np.testing.assert_allclose(others.isel(member=2).values, np.delete(true, 2, axis=0).mean(axis=0))
    scores = analysis.scores(dataset)
    # Twelve members 0.02 apart: each is 12/11 of its distance from the mean of all away from the mean of the others.
    expected = 12 / 11 * 0.02 * np.mean([0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
    np.testing.assert_allclose(scores["absolute_error"].sel(predictor="mean_of_others"), expected)
    assert np.isnan(scores["rank_correlation"].sel(predictor="mean_of_others")).all()
    assert np.isnan(analysis.mean_of_others(dataset["student_accuracy"].isel(member=[0]))).all()


def test_diverged_members_are_left_out(prediction):
    scores = analysis.scores(prediction(diverged=(4,)))
    assert scores.attrs["members"] == 11
    np.testing.assert_allclose(scores["absolute_error"].sel(predictor="head_gram"), 0.02)


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_orders_are_those_that_were_built_in(theorem, order):
    errors = theorem_analysis.relative_errors(theorem(order=order))
    expected = order * (1 + 0.01 * np.arange(8))
    for name in ("inner_error", "drop_error"):
        np.testing.assert_allclose(theorem_analysis.order(errors[name]).sel(activation="relu"), expected)


def test_shares_count_positive_signs(theorem):
    share = theorem_analysis.positive_share(theorem(independent=0.25)).mean(["member", "activation", "subset"])
    assert float(share.sel(initial="shared")) == 1
    assert float(share.sel(initial="independent")) == 0.25
