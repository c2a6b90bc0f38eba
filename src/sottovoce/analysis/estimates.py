"""Means over members with intervals; members whose training diverged are left out by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sottovoce.analysis.published import (
    SPECTRUM,
    SPECTRUM_SETTINGS,
    TRANSFER,
    TRANSFER_SETTINGS,
    Published,
    comparable,
)
from sottovoce.measure import spectra, statistics


def converged(dataset: xr.Dataset) -> xr.Dataset:
    """Return the members whose losses stayed finite."""
    if "diverged" not in dataset:
        return dataset
    return dataset.isel(member=np.flatnonzero(~dataset["diverged"].values.astype(bool)))


def over_members(values: xr.DataArray) -> xr.Dataset:
    """Estimate a mean over members.

    Args:
        values: any array with a dimension `member`.

    Returns:
        `mean`, `low`, `high` (95 % bootstrap over members, the same resampling for all entries) and `half_width`
        (1.96 sd / sqrt(n)), with the other dimensions of `values`; the number of members as attribute `members`.
    """
    values = values.transpose("member", ...)
    mean, low, high = statistics.bootstrap_mean(values.values)
    template = values.isel(member=0, drop=True)
    arrays = {"mean": mean, "low": low, "high": high, "half_width": statistics.normal_half_width(values.values)}
    return xr.Dataset(
        {name: template.copy(data=array) for name, array in arrays.items()},
        attrs={"members": values.sizes["member"]},
    )


def transfer_bars(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return accuracy by role with published numbers beside it (NaN where the setting is not the published one)."""
    bars = over_members(converged(dataset)["accuracy"])
    compared = comparable(config, TRANSFER_SETTINGS)
    rows = [TRANSFER[role] if compared else Published(np.nan) for role in bars["role"].values.tolist()]
    bars["published"] = ("role", [row.mean for row in rows])
    bars["published_half_width"] = ("role", [np.nan if row.half_width is None else row.half_width for row in rows])
    return bars


def spectrum_curves(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return mean spectra over members by network and component, with published points where their settings hold.

    Also `edge`: the largest first component of the members' own initializations, above which a component counts as
    learned (`components_above_edge`, mean over members).
    """
    kept = converged(dataset)
    ratios = kept["weight_explained_variance_ratio"]
    edge = float(ratios.sel(network="reference", component=1).max())
    curves = kept.drop_vars(("diverged", "update_null_largest", "objective", "n_aux"), errors="ignore").mean("member")
    curves["ratio_low"] = ratios.min("member")
    curves["ratio_high"] = ratios.max("member")
    published = np.full((curves.sizes["network"], curves.sizes["component"]), np.nan)
    if comparable(config, SPECTRUM_SETTINGS):
        for row, network in enumerate(curves["network"].values.tolist()):
            points = SPECTRUM.get(network, ())[: published.shape[1]]
            published[row, : len(points)] = points
    curves["published_ratio"] = (("network", "component"), published)
    counts = components_above_edge(kept)
    curves["components_above_edge"] = counts.mean("member")
    return curves.assign_attrs(edge=edge, members=kept.sizes["member"])


def components_above_edge(dataset: xr.Dataset) -> xr.DataArray:
    """Return for each member and network how many explained-variance ratios exceed the edge of the initializations."""
    ratios = dataset["weight_explained_variance_ratio"].transpose("member", "network", "component")
    edge = float(ratios.sel(network="reference", component=1).max())
    return xr.DataArray(
        spectra.count_above(ratios.values, edge),
        dims=("member", "network"),
        coords={"member": ratios["member"], "network": ratios["network"]},
    )


def part_recovered_fraction(decoding: xr.Dataset) -> xr.DataArray:
    """Return (part - reference) / (teacher - reference) test accuracy of every part, dimensions of `part_accuracy`."""
    own = decoding["graft_accuracy"]
    reference, teacher = (own.sel(body=name, head=name, drop=True) for name in ("reference", "teacher"))
    return (decoding["part_accuracy"] - reference) / (teacher - reference)
