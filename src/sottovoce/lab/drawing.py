"""A figure of the report before it is written to disk, and words on its numbers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import xarray as xr

from sottovoce.lab import estimates

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


def sample_of(dataset: xr.Dataset, source: str) -> str:
    """Return where a result's samples come from and the number of members used, in a few words."""
    return f"{source}, n = {dataset.sizes['member'] - _left_out(dataset)} members"


def setting_of(dataset: xr.Dataset, source: str) -> str:
    """Return where a result's samples come from, the number of members used and its identity in a few words."""
    without = f" ({left_out} diverged and left out)" if (left_out := _left_out(dataset)) else ""
    kind = "sweep" if "swept" in dataset.attrs else "run"
    return f"{sample_of(dataset, source)}{without}, {kind} {dataset.attrs['identity'][:12]}"


def _left_out(dataset: xr.Dataset) -> int:
    # Members of a sweep that diverged are left out at their points; the table says how many are left.
    return 0 if "swept" in dataset.attrs else dataset.sizes["member"] - estimates.converged(dataset).sizes["member"]
