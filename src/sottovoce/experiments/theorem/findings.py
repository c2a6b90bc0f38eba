"""Orders of the errors and signs of the inner product in the experiment `theorem`, its rows and its claims."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from sottovoce.lab import estimates
from sottovoce.lab.claims import INFINITY, Claim, Identity, Mean, of_members
from sottovoce.lab.rows import Table, rows_of


def relative_errors(dataset: xr.Dataset) -> xr.Dataset:
    """Return the errors of `inner_error` and `drop_error` by member, activation and size.

    They are root mean squares over objectives, subsets and inputs, so that a setting in which the leading term of the
    error happens to vanish does not decide the order.
    """
    squares = dataset[["inner_error", "drop_error"]] ** 2
    return np.sqrt(squares.mean(["objective", "subset", "inputs"]))


def order(errors: xr.DataArray) -> xr.DataArray:
    """Return the slope of log error against log size, by least squares over the dimension `size`."""
    x = np.log(errors["size"]) - np.log(errors["size"]).mean()
    return (x * np.log(errors)).sum("size") / (x**2).sum("size")


def positive_share(dataset: xr.Dataset) -> xr.DataArray:
    """Return the share of objectives and inputs with a positive sign, by member, activation, initial and subset."""
    return (dataset["sign"] > 0).mean(["objective", "inputs"])


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    rows: Table = {}
    for name in ("inner_error", "drop_error"):
        wording = {"inner_error": "inner product", "drop_error": "drop in teacher's loss"}[name]
        orders = estimates.over_members(order(relative_errors(dataset)[name]))
        rows |= rows_of(orders, "activation", "order", lambda a, wording=wording: f"{a}, order of the error, {wording}")
    # The smallest, because one negative cosine would refute the theorem.
    smallest = estimates.over_members(dataset["cosine"].min(["objective", "subset", "inputs", "size"]), "fisher_z")
    rows |= rows_of(smallest, "activation", "cosine", lambda a: f"{a}, smallest cosine of the steps")
    for initial in dataset["initial"].values.tolist():
        share = estimates.over_members(positive_share(dataset).mean("activation").sel(initial=initial), "logit")
        rows |= rows_of(share, "subset", "share", lambda s, initial=initial: f"{initial}, {s} logits: share positive")
    return rows


# Claims on one step toward a teacher, Theorem 1 of Cloud et al.


def _smallest(dataset: xr.Dataset) -> Identity:
    return Identity(float(dataset["cosine"].min()), dataset.sizes["member"])


def _order(name: str) -> Callable[[xr.Dataset], Mean]:
    def measure(dataset: xr.Dataset) -> Mean:
        return of_members(order(relative_errors(dataset)[name]).mean("activation"))

    return measure


def _independent(dataset: xr.Dataset) -> Mean:
    share = positive_share(dataset).sel(initial="independent")
    return of_members(share.mean(["activation", "subset"]), "logit")


CLAIMS = (
    Claim(
        key="t-sign",
        text="A student's step toward a teacher of its own initialization never points against the teacher's step.",
        place="Cloud, Theorem 1",
        result="theorem",
        statistic="smallest cosine between the two steps over members, activations, objectives, subsets of logits, "
        "inputs and sizes",
        low=0.0,
        high=INFINITY,
        measure=_smallest,
        published="not negative, to leading order",
        figure="theorem",
    ),
    Claim(
        key="t-inner",
        text="The inner product of the steps equals the theorem's quadratic form, to leading order.",
        place="Cloud, Theorem 1; docs/theory.md, section 9",
        result="theorem",
        statistic="slope of the relative error against the size of the teacher's step, both logarithmic; mean over "
        "activations and members",
        low=0.9,
        high=1.1,
        measure=_order("inner_error"),
        published="leading order",
        figure="theorem",
    ),
    Claim(
        key="t-drop",
        text="The student's step lowers the teacher's own loss by what the quadratic form predicts, to leading order.",
        place="Cloud, Theorem 1; docs/theory.md, section 9",
        result="theorem",
        statistic="slope of the relative error against the size of the teacher's step, both logarithmic; mean over "
        "activations and members",
        low=0.9,
        high=1.1,
        measure=_order("drop_error"),
        published="leading order",
        figure="theorem",
    ),
    Claim(
        key="t-independent",
        text="From another initialization the inner product has either sign.",
        place="Cloud, Theorem 1, its condition",
        result="theorem",
        statistic="share of settings in which the inner product is positive though the student starts from another "
        "member's reference; mean over members",
        low=0.05,
        high=0.95,
        beforehand=False,
        measure=_independent,
        published="-",
        figure="theorem",
    ),
)
