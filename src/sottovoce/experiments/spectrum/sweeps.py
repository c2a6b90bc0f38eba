"""The students of `spectrum` as a sweep over the number of auxiliary logits, and the claims on this sweep."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import xarray as xr

from sottovoce.lab.claims import INFINITY, Claim
from sottovoce.lab.experiment import NamedSweep
from sottovoce.sweeps.findings import beyond_width, slope

_DESCRIBED = {"variant": "described"}
# Narrow, so that the numbers of auxiliary logits on digits reach beyond the hidden width.
_NARROW = {**_DESCRIBED, "width": 64}

SWEEPS: Mapping[str, Mapping[str, NamedSweep]] = MappingProxyType(
    {
        "sweep_n_aux": {
            "mnist": NamedSweep("n_aux", (1, 2, 3, 5, 10, 20, 50, 100, 300, 1000), _DESCRIBED, one_run=True),
            "digits": NamedSweep("n_aux", (1, 2, 3, 5, 10, 20, 50, 100, 200), _NARROW, one_run=True),
        },
    }
)

_claim = partial(Claim, result="sweep_n_aux", figure="sweep_n_aux", published="")

CLAIMS = (
    *(
        _claim(
            f"n_aux-{objective}",
            f"The more auxiliary logits, the more transfer, under {objective}.",
            "least-squares slope of the student's accuracy per tenfold of n_aux; mean over members",
            (0.05, INFINITY),
            slope(objective, "accuracy"),
            place="post, from the toy to MNIST",
        )
        for objective in ("kl", "mse")
    ),
    *(
        _claim(
            f"n_aux-beyond-{objective}",
            "Beyond as many auxiliary logits as the last hidden layer has units, more of them teach nothing, under "
            f"{objective}.",
            "accuracy of the student at the largest n_aux minus its accuracy at the smallest n_aux not smaller than "
            "the hidden width; mean over members",
            (-0.05, 0.05),
            beyond_width(objective),
            place="section 2 of docs/theory.md",
        )
        for objective in ("kl", "mse")
    ),
)


def as_sweep(spectrum: xr.Dataset) -> xr.Dataset:
    """Return one run of `spectrum`, whose students differ in n_aux, as a sweep over n_aux.

    Args:
        spectrum: the run, with its configuration as attribute.

    Returns:
        By n_aux, member and network ("reference", "teacher" and one student per objective): `accuracy`, NaN where there
        is no such student. By n_aux and member: `diverged`. The attributes are those of a result of `sottovoce.sweep`,
        with the smallest n_aux that has a student of every objective as baseline.
    """
    students = np.flatnonzero(spectrum["n_aux"] > 0)
    taught = spectrum["accuracy"].isel(network=students).set_index(network=("objective", "n_aux")).unstack("network")
    numbers = taught["n_aux"]
    # Reference and teacher do not depend on n_aux, so every point of the sweep has the same two.
    fixed = spectrum["accuracy"].sel(network=["reference", "teacher"]).drop_vars(("objective", "n_aux"))
    accuracy = xr.concat(
        [fixed.expand_dims(n_aux=numbers.values), taught.rename(objective="network")], dim="network", join="outer"
    )
    swept = xr.Dataset({"accuracy": accuracy.transpose("n_aux", "member", "network")})
    swept["diverged"] = spectrum["diverged"].expand_dims(n_aux=numbers.values)
    # `argmax` of truth values is the first true one: the smallest number at which no objective lacks its student.
    complete = swept["accuracy"].notnull().any("member").all("network").values
    # All points of this sweep come from one run, and so have one configuration.
    configs = [spectrum.attrs["config"]] * numbers.size
    return swept.assign_attrs(spectrum.attrs, swept=["n_aux"], configs=configs, baseline=int(complete.argmax()))
