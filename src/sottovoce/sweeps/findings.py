"""Statistics of the claims about what transfer depends on."""

import json

import numpy as np
import xarray as xr

from sottovoce.lab.claims import Measure
from sottovoce.lab.evidence import NOTHING, Mean, of_members
from sottovoce.sweeps import effects, points


def slope(network: str, variable: str, sign: int = 1, least: int | float = -np.inf) -> Measure:
    """Return the statistic of each member's rise in accuracy per tenfold of the field; for sign -1, its fall.

    The points are those at which the field is at least `least`.
    """

    def measure(sweep: xr.Dataset) -> Mean:
        slopes = effects.slopes(sweep, variable, least)
        if slopes is None or network not in slopes["network"]:
            return NOTHING
        return of_members(sign * slopes.sel(network=network))

    return measure


def beyond_width(objective: str) -> Measure:
    """Return the statistic of each member's gain from the smallest n_aux >= hidden width to the largest n_aux."""

    def measure(sweep: xr.Dataset) -> Mean:
        # `config` holds what all points share, and the width is among it where n_aux alone is swept.
        wide = np.flatnonzero(sweep["n_aux"].values >= json.loads(sweep.attrs["config"])["width"])
        if len(wide) < 2 or objective not in sweep["network"]:
            return NOTHING
        accuracy = points.by_member(sweep).sel(network=objective)
        return of_members(accuracy.isel(n_aux=wide[-1], drop=True) - accuracy.isel(n_aux=wide[0], drop=True))

    return measure
