"""Spectra of the post's Figure 3 compared with initialization: the curves, and the components that stand above.

The post counts by eye how many components of a spectrum stand above an initialization's. That can be measured in
several reasonable ways, `SPECIFICATIONS`, which are all computed; a verdict stands only where they agree.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.published import SPECTRUM, SPECTRUM_SETTINGS, comparable
from sottovoce.experiments.spectrum.counts import PRIMARY, direction_counts, layer_shape
from sottovoce.lab.estimates import converged, flat, over_members
from sottovoce.measure import counting, spectra
from sottovoce.measure.null_curves import NullCurve, leading_run, null_curve
from sottovoce.measure.nulls import noise_shape

SPECIFICATIONS: Mapping[str, str] = {
    "band": "the first ranks, without a gap, at which the explained-variance ratio lies above the band that contains "
    "the whole curve of 95 % of fresh initializations",
    "line": "components whose explained-variance ratio exceeds the largest first component of the members' "
    "initializations",
    "edge": "singular values above the analytic edge of noise at the scale of their bulk",
}
"""Ways to count the components above initialization, the post's own comparison first."""


def above_initialization(dataset: xr.Dataset) -> xr.DataArray:
    """Count by member, network and specification the components that stand above initialization."""
    members = converged(dataset).transpose("member", "network", ...)
    counted = direction_counts(dataset)
    upper = _null_curve(dataset).upper
    ratios = members["weight_explained_variance_ratio"]
    run = leading_run(ratios.values[..., : upper.size] > upper)
    ways = {
        "band": ratios.isel(component=0, drop=True).copy(data=run.astype(float)),
        "line": components_above_edge(members),
        "edge": counted["weight_count"].sel(PRIMARY, drop=True),
    }
    names = xr.DataArray(list(ways), dims="specification", name="specification")
    return xr.concat([way.astype(float) for way in ways.values()], names, coords="minimal", compat="override")


def relative_to_initialization(dataset: xr.Dataset) -> xr.DataArray:
    """Return every network's explained-variance ratio over the mean ratio of fresh initializations at the same rank."""
    mean = _null_curve(dataset).mean
    ratios = converged(dataset)["weight_explained_variance_ratio"].isel(component=slice(mean.size))
    return ratios / xr.DataArray(mean, dims="component")


def _null_curve(dataset: xr.Dataset) -> NullCurve:
    config = json.loads(dataset.attrs["config"])
    n_in, n_out = layer_shape(config)
    if config["initialization"] == counting.ORTHOGONAL:
        # All singular values of orthogonal weights are equal, in every draw, but for what centering takes.
        flat_curve = np.full(rank := min(noise_shape(n_in, n_out)), 1 / rank)
        return NullCurve(flat_curve, flat_curve * (1 + counting.ORTHOGONAL_ROUNDING) ** 2)
    return null_curve(config["initialization"], n_in, n_out)


def slopes(counted: xr.DataArray, objective: str) -> xr.DataArray:
    """Return by member, and further dimensions, the least-squares slope of counts over k; NaN for fewer than two k."""
    students = counted.sel(network=(counted["objective"] == objective).values)
    k = students["n_aux"] - students["n_aux"].mean()
    spread = float((k**2).sum())
    # A single number of logits has no slope.
    return (students * k).sum("network") / (spread if spread > 0 else np.nan)


def specification_curve(dataset: xr.Dataset) -> xr.Dataset:
    """Return the students' and the teacher's components above initialization, by specification, flat with intervals.

    Returns:
        `count` by specification, objective and n_aux, and `teacher` by specification, with the ends of their 95 %
        intervals over members.
    """
    counted = above_initialization(dataset)
    students = counted.isel(network=np.flatnonzero(counted["n_aux"] > 0))
    by_k = students.to_dataset(name="count").set_index(network=("objective", "n_aux")).unstack("network")["count"]
    teacher = counted.sel(network="teacher", drop=True).drop_vars(("objective", "n_aux"), errors="ignore")
    return flat({"count": over_members(by_k), "teacher": over_members(teacher)})


def spectrum_curves(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return mean spectra over the members that converged.

    Returns:
        By network and component: the means of the dataset's variables; `ratio_low` and `ratio_high`, the smallest and
        largest member's explained-variance ratio; `published_ratio`, NaN where the configuration is not the published
        one or no point was read. By component: `null_upper`, the upper end of the band of fresh initializations. By
        network: `components_above_edge`, mean over members. Attributes: `members`, and `edge`, the largest first
        component of the members' own initializations.
    """
    members = converged(dataset)
    ratios = members["weight_explained_variance_ratio"]
    not_drawn = ("diverged", "update_null_largest", "objective", "n_aux")
    curves = members.drop_vars(not_drawn, errors="ignore").mean("member")
    curves["ratio_low"], curves["ratio_high"] = ratios.min("member"), ratios.max("member")
    # Points were read off the published figure for the first components only, and for some of the networks.
    published = np.full((curves.sizes["network"], curves.sizes["component"]), np.nan)
    if comparable(config, SPECTRUM_SETTINGS):
        for row, network in enumerate(curves["network"].values.tolist()):
            points = SPECTRUM.get(network, ())[: published.shape[1]]
            published[row, : len(points)] = points
    curves["published_ratio"] = (("network", "component"), published)
    curves["components_above_edge"] = components_above_edge(members).mean("member")
    null = _null_curve(dataset)
    missing = curves.sizes["component"] - null.upper.size
    # Centering leaves the last component of a matrix with as many inputs as outputs at zero.
    curves["null_upper"] = ("component", np.append(null.upper, np.zeros(missing)))
    return curves.assign_attrs(edge=_edge(ratios), members=members.sizes["member"])


def components_above_edge(dataset: xr.Dataset) -> xr.DataArray:
    """Return by member and network how many explained-variance ratios exceed the largest one of any initialization."""
    ratios = dataset["weight_explained_variance_ratio"].transpose("member", "network", "component")
    above = spectra.count_above(ratios.values, _edge(ratios))
    return xr.DataArray(above, dims=ratios.dims[:2], coords={dim: ratios[dim] for dim in ratios.dims[:2]})


def _edge(ratios: xr.DataArray) -> float:
    return float(ratios.sel(network="reference", component=1).max())
