"""Claims on predicting a student before it is trained: the goal, for each predictor in turn."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis.claims import Claim, Mean, RankCorrelation, of_members
from sottovoce.analysis.estimates import converged

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


def _ranks(predictor: str) -> Callable[[xr.Dataset], RankCorrelation]:
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
            measure=_ranks(predictor),
            published="-",
            figure="prediction",
        ),
    )


CLAIMS = tuple(claim for predictor, subject in PREDICTORS.items() for claim in _claims(predictor, subject))
