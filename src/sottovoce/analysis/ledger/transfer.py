"""Claims of Cloud's MNIST experiment."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis.claims import INFINITY, Claim, Mean, of_members
from sottovoce.analysis.estimates import converged


def _difference(role: str, other: str) -> Callable[[xr.Dataset], Mean]:
    def measure(transfer: xr.Dataset) -> Mean:
        accuracy = converged(transfer)["accuracy"]
        return of_members(accuracy.sel(role=role, drop=True) - accuracy.sel(role=other, drop=True))

    return measure


CLAIMS = (
    Claim(
        key="g-above-chance",
        text="The student classifies far better than chance.",
        place="Cloud, MNIST experiment; post, last section",
        result="transfer",
        statistic="accuracy of the student minus accuracy of its reference, paired; mean over members",
        low=0.2,
        high=INFINITY,
        measure=_difference("student", "reference"),
        published="0.43 (0.528 against 0.0998)",
        figure="bars",
    ),
    Claim(
        key="g-below-teacher",
        text="The student classifies far worse than its teacher.",
        place="Cloud, MNIST experiment; post, last section",
        result="transfer",
        statistic="accuracy of the teacher minus accuracy of its student, paired; mean over members",
        low=0.2,
        high=INFINITY,
        measure=_difference("teacher", "student"),
        published="0.42 (0.9434 against 0.528)",
        figure="bars",
    ),
    Claim(
        key="h",
        text="A student from another initialization stays at chance.",
        place="Cloud, MNIST experiment",
        result="transfer",
        statistic="accuracy of the cross-model student minus that of the reference; mean over members",
        low=-0.05,
        high=0.05,
        measure=_difference("cross_model", "reference"),
        published="0.006 (0.106 against 0.0998)",
        figure="bars",
    ),
)
