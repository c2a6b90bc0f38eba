"""Scores of predictors over members, table rows, and the claims on predicting a student before it is trained."""

import itertools
from collections.abc import Callable

import numpy as np
import xarray as xr

from sottovoce.lab.claims import Claim, Mean, RankCorrelation, of_members
from sottovoce.lab.estimates import converged, over_members
from sottovoce.lab.rows import Table, number, rows_of
from sottovoce.measure import statistics
from sottovoce.measure.statistics import Scale

SUFFIXES = {"": "mean", "_low": "low", "_high": "high"}


def scores(dataset: xr.Dataset) -> xr.Dataset:
    """Score every predictor on every kind of student.

    Args:
        dataset: result of the experiment `prediction`.

    Returns:
        By predictor, objective and n_aux: means over members of the predicted `accuracy`, its `absolute_error`,
        `correlation` and `size`, and `rank_correlation` (Spearman over members), each with `_low` and `_high`, the ends
        of its 95 % interval. The predictor "mean_of_others" is added for accuracy and absolute error: it predicts for
        each member the mean accuracy of the other members' students, which needs no theory. It has no rank correlation,
        because it ranks members backward by construction. Attribute `members`, the number of converged members.
    """
    converged_members = converged(dataset)
    true = converged_members["student_accuracy"]
    predicted = xr.concat([converged_members["accuracy"], mean_of_others(true)], dim="predictor")
    predicted = predicted.transpose("member", "predictor", "objective", "n_aux")
    quantities: dict[str, tuple[xr.DataArray, Scale]] = {
        "accuracy": (predicted, "logit"),
        "absolute_error": (abs(predicted - true), "log"),
        # Reindexed to the predictors with "mean_of_others", for which these are NaN.
        "correlation": (converged_members["correlation"].reindex_like(predicted), "fisher_z"),
        "size": (converged_members["size"].reindex_like(predicted), "log"),
    }
    scored = xr.Dataset(attrs={"members": converged_members.sizes["member"]})
    for name, (values, scale) in quantities.items():
        estimate = over_members(values, scale)
        for suffix, part in SUFFIXES.items():
            scored[name + suffix] = estimate[part]
    ranks = _rank_correlations(converged_members["accuracy"].transpose(*predicted.dims), true.transpose("member", ...))
    for suffix, values in zip(SUFFIXES, ranks, strict=True):
        scored["rank_correlation" + suffix] = values.reindex_like(scored["accuracy"])
    return scored


def mean_of_others(true: xr.DataArray) -> xr.DataArray:
    """Return for each member the mean over all others, as predictor "mean_of_others"; NaN for a single member."""
    n = true.sizes["member"]
    # A member's own student must stay out of its prediction.
    others = (true.sum("member") - true) / (n - 1) if n > 1 else true * np.nan
    return others.expand_dims(predictor=["mean_of_others"])


def _rank_correlations(predicted: xr.DataArray, true: xr.DataArray) -> list[xr.DataArray]:
    """Return Spearman's correlation over members and the two ends of its 95 % interval, each without members."""
    correlations = np.empty((len(SUFFIXES), *predicted.shape[1:]))
    for i, *student in np.ndindex(predicted.shape[1:]):
        columns = (predicted.values[(slice(None), i, *student)], true.values[(slice(None), *student)])
        correlations[(slice(None), i, *student)] = statistics.rank_correlation(*columns)
    return [predicted.isel(member=0, drop=True).copy(data=part) for part in correlations]


PREDICTION_WORDS = {
    "absolute_error": "absolute error of accuracy",
    "rank_correlation": "Spearman over members",
    "correlation": "correlation of logits' change",
    "size": "relative size of logits' change",
}


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    converged_members = converged(dataset)
    scored = scores(dataset)
    rows: Table = {}
    for objective, k in itertools.product(scored["objective"].values.tolist(), scored["n_aux"].values.tolist()):
        student = over_members(converged_members["student_accuracy"].sel(objective=[objective], n_aux=k), "logit")
        rows |= rows_of(student, "objective", "test accuracy", lambda name, k=k: f"{name}, k = {k}, student")
        of_student = scored.sel(objective=objective, n_aux=k)
        for quantity, wording in PREDICTION_WORDS.items():
            for predictor in of_student["predictor"].values.tolist():
                mean, low, high = (number(of_student[quantity + s].sel(predictor=predictor)) for s in SUFFIXES)
                # Not every score is defined for every predictor: "mean_of_others" has no logits to correlate.
                if mean is None:
                    continue
                rows[f"{objective}, k = {k}, {predictor}: {wording}"] = {
                    "mean": mean,
                    "ci95": [low, high],
                    "members": scored.attrs["members"],
                    "published": None,
                    "quantity": wording,
                }
    return rows


# Predictors on which claims are made, worded as subjects of the claims' texts.
PREDICTORS = {
    "head_gram": "The Gram matrix of the initial heads",
    "first_update": "The first gradient step alone",
    "linearized": "The network linearized at the reference",
    "self_consistent": "The interpolation of the kernels at reference and teacher by the accuracy that it predicts",
}


def _error(predictor: str) -> Callable[[xr.Dataset], Mean]:
    """Return the statistic of a claim on the absolute error of a predictor's accuracies."""

    def measure(prediction: xr.Dataset) -> Mean:
        converged_members = converged(prediction)
        predicted = converged_members["accuracy"].sel(predictor=predictor)
        error = abs(predicted - converged_members["student_accuracy"])
        return of_members(error.mean(["objective", "n_aux"]), "log")

    return measure


def _rank_correlation(predictor: str) -> Callable[[xr.Dataset], RankCorrelation]:
    """Return the statistic of a claim on the order into which a predictor puts members."""

    def measure(prediction: xr.Dataset) -> RankCorrelation:
        converged_members = converged(prediction)
        predicted = converged_members["accuracy"].sel(predictor=predictor, drop=True)
        sides = (predicted, converged_members["student_accuracy"])
        return RankCorrelation(*(side.transpose("member", "objective", "n_aux").values for side in sides))

    return measure


def _claims(predictor: str, subject: str) -> tuple[Claim, Claim]:
    return (
        Claim(
            key=f"p-error-{predictor}",
            text=f"{subject} predicts the accuracy of a student before it is trained.",
            place="hypothesis of this laboratory; docs/theory.md, section 10",
            result="prediction",
            statistic="absolute difference between predicted and measured test accuracy, mean over objectives and "
            "n_aux; mean over members",
            low=0.0,
            high=0.05,
            measure=_error(predictor),
            published="-",
            figure="prediction",
        ),
        Claim(
            key=f"p-rank-{predictor}",
            text=f"{subject} predicts which members' students will be more accurate.",
            place="hypothesis of this laboratory; docs/theory.md, section 10",
            result="prediction",
            statistic="Spearman's correlation between predicted and measured test accuracy over members, mean over "
            "objectives and n_aux",
            low=0.9,
            high=1.0,
            measure=_rank_correlation(predictor),
            published="-",
            figure="prediction",
        ),
    )


CLAIMS = tuple(claim for predictor, subject in PREDICTORS.items() for claim in _claims(predictor, subject))
