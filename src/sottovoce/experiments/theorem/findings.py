"""Orders of the errors and signs of the inner product in the experiment `theorem`, its rows and its claims."""

from functools import partial

import numpy as np
import xarray as xr

from sottovoce.lab.claims import BEFORE_DEFAULT, INFINITY, Claim, Measure, mean_of, worst_of
from sottovoce.lab.estimates import log_slope
from sottovoce.lab.rows import Rows, Table, table_of


def relative_errors(dataset: xr.Dataset) -> xr.Dataset:
    """Return the errors of `inner_error` and `drop_error` by member, activation and size.

    They are root mean squares over objectives, subsets and inputs, so that a setting in which the leading term of the
    error happens to vanish does not decide the order.
    """
    squares = dataset[["inner_error", "drop_error"]] ** 2
    return np.sqrt(squares.mean(["objective", "subset", "inputs"]))


def order(errors: xr.DataArray) -> xr.DataArray:
    """Return the slope of log error against log size."""
    return log_slope(errors, "size")


def positive_share(dataset: xr.Dataset) -> xr.DataArray:
    """Return the share of objectives and inputs with a positive sign, by member, activation, initial and subset."""
    return (dataset["sign"] > 0).mean(["objective", "inputs"])


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    measured = relative_errors(dataset).map(order)
    # The smallest, because one negative cosine would refute the theorem.
    measured["smallest"] = dataset["cosine"].min(["objective", "subset", "inputs", "size"])
    measured["positive"] = positive_share(dataset).mean("activation")
    return table_of(
        measured,
        Rows("inner_error", "order", "{activation}, order of the error, inner product"),
        Rows("drop_error", "order", "{activation}, order of the error, drop in teacher's loss"),
        Rows("smallest", "cosine", "{activation}, smallest cosine of the steps", "fisher_z"),
        Rows("positive", "share", "{initial}, {subset} logits: share positive", "logit"),
    )


def _mean_order(name: str) -> Measure:
    return mean_of(lambda dataset: order(relative_errors(dataset)[name]).mean("activation"))


def _mean_share(dataset: xr.Dataset) -> xr.DataArray:
    return positive_share(dataset).mean(["activation", "subset"])


_claim = partial(Claim, place="Cloud, Theorem 1; docs/theory.md, section 9", result="theorem", figure="theorem")
_SLOPE = (
    "slope of the relative error against the size of the teacher's step, both logarithmic; mean over activations and "
    "members"
)

CLAIMS = (
    _claim(
        "t-sign",
        "A student's step toward a teacher of its own initialization never points against the teacher's step.",
        "smallest cosine between the two steps over members, activations, objectives, subsets of logits, inputs and "
        "sizes",
        (0.0, INFINITY),
        worst_of("cosine", xr.DataArray.min),
        place="Cloud, Theorem 1",
        published="not negative, to leading order",
    ),
    _claim(
        "t-inner",
        "The inner product of the steps equals the theorem's quadratic form, to leading order.",
        _SLOPE,
        (0.9, 1.1),
        _mean_order("inner_error"),
        published="leading order",
    ),
    _claim(
        "t-drop",
        "The student's step lowers the teacher's own loss by what the quadratic form predicts, to leading order.",
        _SLOPE,
        (0.9, 1.1),
        _mean_order("drop_error"),
        published="leading order",
    ),
    _claim(
        "t-independent",
        "From another initialization the inner product has either sign equally often.",
        "share of settings in which the inner product is positive though the student starts from another "
        "initialization than its teacher; mean over members",
        (0.4, 0.6),
        mean_of(_mean_share, "logit", initial="independent"),
        seen=BEFORE_DEFAULT,
        alternative=0.5,
        place="Cloud, Theorem 1, its condition",
    ),
)
