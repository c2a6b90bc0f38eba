"""How near predictors come, over members."""

import itertools
from collections.abc import Callable

import numpy as np
import xarray as xr

from sottovoce.lab import estimates
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
        By predictor, objective and n_aux: means over members of the predicted `accuracy`, of `absolute_error` (of the
        accuracy), `correlation` and `size`, and `rank_correlation` (Spearman over members), each with `_low` and
        `_high`. The predictor "mean_of_others" is added to accuracy and absolute_error: for each member the mean
        accuracy of the other members' students, what one knows without any predictor (it ranks members backward, by
        construction). Attribute `members`.
    """
    kept = converged(dataset)
    true = kept["student_accuracy"]
    predicted = xr.concat([kept["accuracy"], mean_of_others(true)], dim="predictor")
    predicted = predicted.transpose("member", "predictor", "objective", "n_aux")
    quantities: dict[str, tuple[xr.DataArray, Scale]] = {
        "accuracy": (predicted, "logit"),
        "absolute_error": (abs(predicted - true), "log"),
        "correlation": (kept["correlation"].reindex_like(predicted), "fisher_z"),
        "size": (kept["size"].reindex_like(predicted), "log"),
    }
    found = xr.Dataset(attrs={"members": kept.sizes["member"]})
    for name, (values, scale) in quantities.items():
        estimate = over_members(values, scale)
        for suffix, part in SUFFIXES.items():
            found[name + suffix] = estimate[part]
    ranks = _ranks(kept["accuracy"].transpose(*predicted.dims), true.transpose("member", ...))
    for suffix, values in zip(SUFFIXES, ranks, strict=True):
        found["rank_correlation" + suffix] = values.reindex_like(found["accuracy"])
    return found


def mean_of_others(true: xr.DataArray) -> xr.DataArray:
    """Return for each member the mean over all other members, as a predictor of that name; NaN for one member."""
    n = true.sizes["member"]
    others = (true.sum("member") - true) / (n - 1) if n > 1 else true * np.nan
    return others.expand_dims(predictor=["mean_of_others"])


def _ranks(predicted: xr.DataArray, true: xr.DataArray) -> list[xr.DataArray]:
    """Return Spearman's correlation over members with both ends of its interval."""
    found = np.empty((len(SUFFIXES), *predicted.shape[1:]))
    for i, *at in np.ndindex(predicted.shape[1:]):
        columns = (predicted.values[(slice(None), i, *at)], true.values[(slice(None), *at)])
        found[(slice(None), i, *at)] = statistics.rank_correlation(*columns)
    return [predicted.isel(member=0, drop=True).copy(data=part) for part in found]


PREDICTION_WORDS = {
    "absolute_error": "absolute error of accuracy",
    "rank_correlation": "Spearman over members",
    "correlation": "correlation of logits' change",
    "size": "relative size of logits' change",
}


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    kept = estimates.converged(dataset)
    scored = scores(dataset)
    rows: Table = {}
    for objective, k in itertools.product(scored["objective"].values.tolist(), scored["n_aux"].values.tolist()):
        student = estimates.over_members(kept["student_accuracy"].sel(objective=[objective], n_aux=k), "logit")
        rows |= rows_of(student, "objective", "test accuracy", lambda name, k=k: f"{name}, k = {k}, student")
        at = scored.sel(objective=objective, n_aux=k)
        for quantity, wording in PREDICTION_WORDS.items():
            for predictor in at["predictor"].values.tolist():
                mean, low, high = (number(at[quantity + s].sel(predictor=predictor)) for s in SUFFIXES)
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


# Claims on predicting a student before it is trained: the goal, for each predictor in turn.

PREDICTORS = {
    "head_gram": "The Gram matrix of the initial heads",
    "first_update": "The first gradient step alone",
    "linearized": "The network linearized at the reference",
    "self_consistent": "Kernels at reference and teacher, weighed by the accuracy they predict,",
}


def _error(predictor: str) -> Callable[[xr.Dataset], Mean]:
    def measure(prediction: xr.Dataset) -> Mean:
        kept = converged(prediction)
        error = abs(kept["accuracy"].sel(predictor=predictor) - kept["student_accuracy"])
        return of_members(error.mean(["objective", "n_aux"]), "log")

    return measure


def _ranks_of(predictor: str) -> Callable[[xr.Dataset], RankCorrelation]:
    def measure(prediction: xr.Dataset) -> RankCorrelation:
        kept = converged(prediction)
        sides = (kept["accuracy"].sel(predictor=predictor, drop=True), kept["student_accuracy"])
        return RankCorrelation(*(side.transpose("member", "objective", "n_aux").values for side in sides))

    return measure


def _claims(predictor: str, subject: str) -> tuple[Claim, Claim]:
    return (
        Claim(
            key=f"p-error-{predictor}",
            text=f"{subject} predicts the accuracy of a student before it is trained.",
            place="hypothesis of this laboratory; docs/theory.md, section 10",
            result="prediction",
            statistic="absolute difference of predicted and measured test accuracy, mean over objectives and n_aux; "
            "mean over members",
            low=0.0,
            high=0.05,
            measure=_error(predictor),
            published="-",
            figure="prediction",
        ),
        Claim(
            key=f"p-rank-{predictor}",
            text=f"{subject} tells which members' students will be better.",
            place="hypothesis of this laboratory; docs/theory.md, section 10",
            result="prediction",
            statistic="Spearman's correlation of predicted and measured test accuracy over members, mean over "
            "objectives and n_aux",
            low=0.9,
            high=1.0,
            measure=_ranks_of(predictor),
            published="-",
            figure="prediction",
        ),
    )


CLAIMS = tuple(claim for predictor, subject in PREDICTORS.items() for claim in _claims(predictor, subject))
