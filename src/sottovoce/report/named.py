"""The sweeps that the report shows, loaded from a store."""

from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.lab import registry
from sottovoce.lab.experiment import Experiment, NamedSweep
from sottovoce.sweeps.planning import plan
from sottovoce.sweeps.saved import load, load_points

if TYPE_CHECKING:
    import xarray as xr


def load_named(root: Path) -> "dict[str, xr.Dataset]":
    """Load every sweep of which all points are in a store, computing nothing.

    Args:
        root: folder of all runs.

    Returns:
        Datasets by the names of the experiments' sweeps, of the members that all points have, with the attribute
        `command`. Of several datasets that a store has in full, the first is taken.
    """
    found = {}
    for experiment in registry.experiments().values():
        for name, by_dataset in experiment.sweeps.items():
            for dataset, sweep in by_dataset.items():
                result = _load(experiment, dataset, sweep, root)
                if result is not None:
                    command = sweep.command(experiment.name, dataset, result.sizes["member"])
                    found[name] = result.assign_attrs(command=command)
                    break
    return found


def _load(experiment: Experiment, dataset: str, sweep: NamedSweep, root: Path) -> "xr.Dataset | None":
    if not sweep.one_run:
        return load(plan(experiment.name, {sweep.field: sweep.values}, **sweep.settings(dataset)), root)
    planned = plan(experiment.name, points=[{sweep.field: sweep.values}], **sweep.settings(dataset))
    points = load_points(planned, root)
    return experiment.as_sweep(points[0]) if points else None
