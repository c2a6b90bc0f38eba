"""Scores of predictors on results made by hand, and orders and shares of the theorem."""

import numpy as np
import pytest

from sottovoce.experiments.prediction import findings as analysis
from sottovoce.experiments.theorem import findings as theorem_analysis


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
    for name in ("accuracy", "absolute_error"):
        apart = scores[f"{name}_low"].notnull()
        assert (
            ((scores[f"{name}_low"] <= scores[name]) & (scores[name] <= scores[f"{name}_high"]))
            .where(apart, True)
            .all()
        )


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
