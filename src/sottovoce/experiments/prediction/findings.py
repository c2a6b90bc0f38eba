"""Scores of predictors over members, table rows, and the claims on predicting a student before it is trained."""

import itertools
from functools import partial

import numpy as np
import xarray as xr

from sottovoce.lab.claims import Claim, mean_of
from sottovoce.lab.estimates import SUFFIXES, converged, flat, over_members, rank_correlation
from sottovoce.lab.evidence import RankCorrelation
from sottovoce.lab.rows import Rows, Table, rows_of, table_of


def scores(dataset: xr.Dataset) -> xr.Dataset:
    """Score every predictor on every kind of student.

    Returns:
        By predictor, objective and n_aux: means over members of the predicted `accuracy`, its `absolute_error`,
        `correlation` and `size`, and `rank_correlation` (Spearman over members), each with `_low` and `_high`, the ends
        of its 95 % interval. The predictor "mean_of_others" is added for accuracy and absolute error: it predicts for
        each member the mean accuracy of the other members' students, which needs no theory. It has no rank correlation,
        because it ranks members backward by construction. Attribute `members`, the number of converged members.
    """
    members = converged(dataset)
    true = members["student_accuracy"]
    predicted = xr.concat([members["accuracy"], mean_of_others(true)], dim="predictor")
    predicted = predicted.transpose("member", "predictor", "objective", "n_aux")
    return flat(
        {
            "accuracy": over_members(predicted, "logit"),
            "absolute_error": over_members(abs(predicted - true), "log"),
            # Reindexed to the predictors with "mean_of_others", for which these are NaN.
            "correlation": over_members(members["correlation"].reindex_like(predicted), "fisher_z"),
            "size": over_members(members["size"].reindex_like(predicted), "log"),
            "rank_correlation": rank_correlation(members["accuracy"], true).reindex(predictor=predicted["predictor"]),
        }
    )


def mean_of_others(true: xr.DataArray) -> xr.DataArray:
    """Return for each member the mean over all others, as predictor "mean_of_others"; NaN for a single member."""
    n = true.sizes["member"]
    # A member's own student must stay out of its prediction.
    others = (true.sum("member") - true) / (n - 1) if n > 1 else true * np.nan
    return others.expand_dims(predictor=["mean_of_others"])


PREDICTION_WORDS = {
    "absolute_error": "absolute error of accuracy",
    "rank_correlation": "Spearman over members",
    "correlation": "correlation of logits' change",
    "size": "relative size of logits' change",
}


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    members, scored = converged(dataset), scores(dataset)
    rows: Table = {}
    for objective, k in itertools.product(scored["objective"].values.tolist(), scored["n_aux"].values.tolist()):
        at = {"objective": objective, "n_aux": k}
        accuracy = members[["student_accuracy"]].sel(at)
        rows |= table_of(
            accuracy, Rows("student_accuracy", "test accuracy", "{objective}, k = {n_aux}, student", "logit")
        )
        for name, words in PREDICTION_WORDS.items():
            estimate = xr.Dataset({part: scored[name + s] for s, part in SUFFIXES.items()}, attrs=scored.attrs).sel(at)
            # Not every score is defined for every predictor: "mean_of_others" has no logits to correlate.
            defined = estimate.isel(predictor=np.flatnonzero(estimate["mean"].notnull()))
            rows |= rows_of(defined, words, f"{{objective}}, k = {{n_aux}}, {{predictor}}: {words}")
    return rows


# Predictors on which claims are made, worded as subjects of the claims' texts.
PREDICTORS = {
    "head_gram": "The Gram matrix of the initial heads",
    "first_update": "The first gradient step alone",
    "linearized": "The network linearized at the reference",
    "self_consistent": "The interpolation of the kernels at reference and teacher by the accuracy that it predicts",
}


def _error(prediction: xr.Dataset) -> xr.DataArray:
    return abs(prediction["accuracy"] - prediction["student_accuracy"]).mean(["objective", "n_aux"])


def _ranks(prediction: xr.Dataset, predictor: str) -> RankCorrelation:
    members = converged(prediction)
    sides = (members["accuracy"].sel(predictor=predictor, drop=True), members["student_accuracy"])
    return RankCorrelation(*(side.transpose("member", "objective", "n_aux").values for side in sides))


_claim = partial(
    Claim, place="hypothesis of this laboratory; docs/theory.md, section 10", result="prediction", figure="prediction"
)

CLAIMS = tuple(
    claim
    for predictor, subject in PREDICTORS.items()
    for claim in (
        _claim(
            f"p-error-{predictor}",
            f"{subject} predicts the accuracy of a student before it is trained.",
            "absolute difference between predicted and measured test accuracy, mean over objectives and n_aux; mean "
            "over members",
            (0.0, 0.05),
            mean_of(_error, "log", predictor=predictor),
        ),
        _claim(
            f"p-rank-{predictor}",
            f"{subject} predicts which members' students will be more accurate.",
            "Spearman's correlation between predicted and measured test accuracy over members, mean over objectives "
            "and n_aux",
            (0.9, 1.0),
            partial(_ranks, predictor=predictor),
        ),
    )
)
