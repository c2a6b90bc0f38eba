"""Claims on what transfer depends on."""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr

from sottovoce.lab.claims import INFINITY, NOTHING, Claim, Mean, of_members
from sottovoce.sweeps import effects, points


def _slope(network: str, variable: str, sign: int = 1) -> Callable[[xr.Dataset], Mean]:
    """Return the statistic that is a network's rise per tenfold of the field; with sign -1 its fall."""

    def measure(sweep: xr.Dataset) -> Mean:
        found = effects.slopes(sweep, variable)
        if found is None or network not in found["network"]:
            return NOTHING
        return of_members(sign * found.sel(network=network))

    return measure


def _beyond_width(objective: str) -> Callable[[xr.Dataset], Mean]:
    """Return the gain from the smallest n_aux that is no smaller than the hidden width to the largest."""

    def measure(sweep: xr.Dataset) -> Mean:
        numbers = sweep["n_aux"].values
        wide = np.flatnonzero(numbers >= json.loads(sweep.attrs["config"])["width"])
        if len(wide) < 2 or objective not in sweep["network"]:
            return NOTHING
        accuracy = points.by_member(sweep).sel(network=objective)
        return of_members(accuracy.isel(n_aux=wide[-1], drop=True) - accuracy.isel(n_aux=wide[0], drop=True))

    return measure


CLAIMS = (
    *(
        Claim(
            key=f"n_aux-{objective}",
            text=f"The more auxiliary logits, the more transfer, under {objective}.",
            place="post, from the toy to MNIST",
            result="sweep_n_aux",
            statistic="least-squares slope of the student's accuracy per tenfold of n_aux; mean over members",
            low=0.05,
            high=INFINITY,
            measure=_slope(objective, "accuracy"),
            published="",
            figure="sweep_n_aux",
            beforehand=False,
        )
        for objective in ("kl", "mse")
    ),
    *(
        Claim(
            key=f"n_aux-beyond-{objective}",
            text="Beyond as many auxiliary logits as the last hidden layer has units, more of them teach nothing, "
            f"under {objective}.",
            place="section 2 of docs/theory.md",
            result="sweep_n_aux",
            statistic="accuracy of the student at the largest n_aux minus that at the smallest one no smaller than the "
            "hidden width; mean over members",
            low=-0.05,
            high=0.05,
            measure=_beyond_width(objective),
            published="",
            figure="sweep_n_aux",
        )
        for objective in ("kl", "mse")
    ),
    Claim(
        key="width",
        text="The wider the network, the less three auxiliary logits transfer.",
        place="section 4 of docs/theory.md: they capture r / hidden of a class direction",
        result="sweep_width",
        statistic="minus the least-squares slope of the student's recovered fraction per tenfold of width; mean over "
        "members",
        low=0.05,
        high=INFINITY,
        measure=_slope("student", "recovered_fraction", -1),
        published="",
        figure="sweep_width",
        beforehand=False,
    ),
    Claim(
        key="teacher_epochs",
        text="The longer a teacher was trained, the less of what it learned its student recovers.",
        place="post, Why This Works: heads that training moves decode with more noise",
        result="sweep_teacher_epochs",
        statistic="minus the least-squares slope of the student's recovered fraction per tenfold of teacher_epochs; "
        "mean over members",
        low=0.05,
        high=INFINITY,
        measure=_slope("student", "recovered_fraction", -1),
        published="",
        figure="sweep_teacher_epochs",
    ),
)
