"""A figure of the report before it is written to disk, and words on where its numbers come from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import xarray as xr

from sottovoce.lab import estimates, registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = Mapping[str, xr.Dataset]


@dataclass(frozen=True)
class Drawing:
    """One figure of the report before it is written to disk.

    Attributes:
        key: name of the figure's files and its anchor in the page.
        title: heading.
        alt: what the figure shows, for readers who cannot see it.
        caption: how to read the figure, with dataset, members and identity.
        figure: the figure itself, of matplotlib.
        data: the numbers behind it.
        hover: whether the page shows the values of the figure's curves on hover.
    """

    key: str
    title: str
    alt: str
    caption: str
    figure: "Figure"
    data: xr.Dataset = field(repr=False)
    hover: bool = False


def config_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the configuration that a saved result carries."""
    return json.loads(dataset.attrs["config"])


def source_of(dataset: xr.Dataset) -> str:
    """Return where a result's samples come from, in a few words."""
    return registry.of(dataset).source(config_of(dataset))


def setting(dataset: xr.Dataset) -> str:
    """Return a result's dataset, number of members used and identity in a few words."""
    if "swept" in dataset.attrs:
        # Members that diverged are left out at their points; the table says how many are left.
        return f"{source_of(dataset)}, n = {dataset.sizes['member']} members, sweep {dataset.attrs['identity'][:12]}"
    members = estimates.converged(dataset).sizes["member"]
    left_out = dataset.sizes["member"] - members
    without = f" ({left_out} diverged and left out)" if left_out else ""
    return f"{source_of(dataset)}, n = {members} members{without}, run {dataset.attrs['identity'][:12]}"
