"""Claims on one step toward a teacher, Theorem 1 of Cloud et al."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis import theorem
from sottovoce.analysis.claims import INFINITY, Claim, Identity, Mean, of_members


def _smallest(dataset: xr.Dataset) -> Identity:
    return Identity(float(dataset["cosine"].min()), dataset.sizes["member"])


def _order(name: str) -> Callable[[xr.Dataset], Mean]:
    def measure(dataset: xr.Dataset) -> Mean:
        return of_members(theorem.order(theorem.relative_errors(dataset)[name]).mean("activation"))

    return measure


def _independent(dataset: xr.Dataset) -> Mean:
    share = theorem.positive_share(dataset).sel(initial="independent")
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
        text="The inner product of the steps is its quadratic form, to leading order.",
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
        text="The student's step lowers the teacher's own loss as the quadratic form says, to leading order.",
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
        text="From another initialization the sign is free.",
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
