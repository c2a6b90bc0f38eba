"""Words on where a result's numbers come from, as its experiment says."""

import xarray as xr

from sottovoce.lab import registry
from sottovoce.lab.drawing import config_of, sample_of, setting_of


def source_of(dataset: xr.Dataset) -> str:
    """Return where a result's samples come from, in a few words."""
    return registry.of(dataset).source(config_of(dataset))


def sample(dataset: xr.Dataset) -> str:
    """Return where a result's samples come from and the number of members used, in a few words."""
    return sample_of(dataset, source_of(dataset))


def setting(dataset: xr.Dataset) -> str:
    """Return a result's dataset, number of members used and identity in a few words."""
    return setting_of(dataset, source_of(dataset))
