"""Scores of predictors over members, table rows, and the claims on predicting a student."""

import itertools
from functools import partial

import numpy as np
import xarray as xr

from sottovoce.experiments.prediction.config import BASELINE, MEAN_OF_OTHERS, TABLE
from sottovoce.lab.claims import BEFORE_DEFAULT, Claim, difference, mean_of
from sottovoce.lab.estimates import SUFFIXES, converged, flat, over_members, rank_correlation
from sottovoce.lab.evidence import NOTHING, Mean, RankCorrelation
from sottovoce.lab.rows import Rows, Table, rows_of, table_of


def scores(dataset: xr.Dataset) -> xr.Dataset:
    """Score every predictor on every kind of student.

    Returns:
        By predictor, objective and n_aux: means over members of the predicted `accuracy`, its `absolute_error`,
        `excess_error`, `correlation` and `size`, and `rank_correlation` (Spearman over members), each with `_low` and
        `_high`, the ends of its 95 % interval. The excess is the absolute error minus that of the baseline, another
        student of the same teacher, paired by member; it is NaN for the baseline itself, and without a baseline. The
        predictor "mean_of_others" is added for accuracy and errors: it predicts for each member the mean accuracy of
        the other members' students, which needs no theory. It has no rank correlation, because it ranks members
        backward by construction. Attribute `members`, the number of converged members.
    """
    members = converged(dataset)
    true = members["student_accuracy"]
    predicted = xr.concat([members["accuracy"], mean_of_others(true)], dim="predictor")
    predicted = predicted.transpose("member", "predictor", "objective", "n_aux")
    error = abs(predicted - true)
    is_baseline = predicted["predictor"] == BASELINE
    # The sum has one term or none, which is NaN: results made by hand may lack the baseline.
    baseline = error.where(is_baseline).sum("predictor", min_count=1)
    return flat(
        {
            "accuracy": over_members(predicted, "logit"),
            "absolute_error": over_members(error, "log"),
            "excess_error": over_members((error - baseline).where(~is_baseline).transpose(*predicted.dims)),
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
    return others.expand_dims(predictor=[MEAN_OF_OTHERS.name])


PREDICTION_WORDS = {
    "absolute_error": "absolute error of accuracy",
    "excess_error": "error beyond another student's",
    "rank_correlation": "Spearman over members",
    "correlation": "correlation of logits' change",
    "size": "relative size of logits' change",
}


def notes(dataset: xr.Dataset) -> list[str]:
    """Say what each predictor uses, and which of them can be had before the student is trained."""
    shown = [predictor for predictor in TABLE if predictor.name in dataset["predictor"]] + [MEAN_OF_OTHERS]
    kinds: dict[str, list[str]] = {}
    for predictor in shown:
        kind = f"Uses {predictor.uses}"
        if predictor.trains:
            kind = "Trains students and is a baseline, no prediction"
        elif predictor.before_training:
            kind += ", so it predicts before the student is trained"
        kinds.setdefault(kind, []).append(predictor.name)
    return [*(f"{kind}: {', '.join(names)}." for kind, names in kinds.items()), label_use(dataset)]


def label_use(dataset: xr.Dataset) -> str:
    """Say which predictions of a result use test labels."""
    if "weight" in dataset:
        return "No prediction uses test labels."
    # Runs of version 2 and before do not have the weights.
    return "In this run of an older version the prediction self_consistent takes its weight from test labels."


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
        # Runs of version 2 and before have no weights.
        if "weight" in members:
            weight = members[["weight"]].sel(at)
            words = "weight of the teacher's kernel"
            rows |= table_of(weight, Rows("weight", words, f"{{objective}}, k = {{n_aux}}, {{interpolation}}: {words}"))
    return rows


# Predictors on which claims are made, worded as subjects of the claims' texts.
SUBJECTS = {
    "head_gram": "The Gram matrix of the initial heads",
    "linearized_independent": "The network linearized at the reference and trained on other inputs",
    "self_consistent_independent": "The self-consistent kernel on other inputs",
    "first_update": "The first gradient step alone",
    "linearized": "The network linearized at the reference",
    "self_consistent": "The self-consistent kernel",
}

# Half of what another student of the same teacher errs by, in earlier runs (docs/theory.md, section 10).
MARGIN = 0.02

# Tables of the seeds before the default were at hand when the comparison with another student and the range of ranks
# were chosen, and when the predictors were defined as they now are. These are older than any table, as are the goals
# of the claims on their error.
_OLDER = ("head_gram", "first_update", "linearized")


def _error(prediction: xr.Dataset) -> xr.DataArray:
    return abs(prediction["accuracy"] - prediction["student_accuracy"]).mean(["objective", "n_aux"])


def _ranks(prediction: xr.Dataset, predictor: str) -> Mean | RankCorrelation:
    members = converged(prediction)
    # Runs of version 2 and before lack some predictors.
    if predictor not in members["predictor"]:
        return NOTHING
    sides = (members["accuracy"].sel(predictor=predictor, drop=True), members["student_accuracy"])
    return RankCorrelation(*(side.transpose("member", "objective", "n_aux").values for side in sides))


_claim = partial(
    Claim, place="hypothesis of this laboratory; docs/theory.md, section 10", result="prediction", figure="prediction"
)


def _claims_on(name: str, subject: str) -> tuple[Claim, ...]:
    (predictor,) = (one for one in TABLE if one.name == name)
    seen = () if name in _OLDER else BEFORE_DEFAULT
    # Only what can be had before the student is trained is said to predict.
    if predictor.before_training:
        texts = (
            f"{subject} predicts the accuracy of a student before it is trained.",
            f"{subject} predicts before training which members' students will be more accurate.",
        )
    else:
        texts = (
            f"{subject}, computed from {predictor.uses}, reproduces the accuracy of a student.",
            f"{subject}, computed from {predictor.uses}, tells which members' students are more accurate.",
        )
    claims = (
        _claim(
            f"p-error-{name}",
            texts[0],
            "absolute difference between predicted and measured test accuracy, mean over objectives and n_aux; mean "
            "over members",
            (0.0, 0.05),
            mean_of(_error, "log", predictor=name),
            seen=seen,
        ),
        _claim(
            f"p-rank-{name}",
            texts[1],
            "Spearman's correlation between predicted and measured test accuracy over members, mean over objectives "
            "and n_aux",
            # Half of perfect order: twelve members can decide that, but not nine tenths.
            (0.5, 1.0),
            partial(_ranks, predictor=name),
            seen=BEFORE_DEFAULT,
        ),
    )
    # A predictor with the student's own inputs or batches knows what another student does not, so that it would win.
    if not predictor.before_training:
        return claims
    return (
        *claims,
        _claim(
            f"p-excess-{name}",
            f"{subject} predicts the accuracy of a student as well as another student of the same teacher does.",
            "absolute error of the prediction minus that of another student's accuracy, mean over objectives and "
            "n_aux; mean over members",
            # No difference of errors of accuracy lies below -1.
            (-1.0, MARGIN),
            difference(_error, "predictor", name, BASELINE),
            seen=BEFORE_DEFAULT,
            alternative=0.0,
        ),
    )


CLAIMS = tuple(claim for name, subject in SUBJECTS.items() for claim in _claims_on(name, subject))
