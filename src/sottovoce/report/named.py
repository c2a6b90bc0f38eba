"""The sweeps that the report shows by name, loaded from a store."""

from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.lab import registry
from sottovoce.lab.experiment import Experiment, NamedSweep
from sottovoce.sweeps.planning import plan
from sottovoce.sweeps.running import load, load_points

if TYPE_CHECKING:
    import xarray as xr


def load_named(root: Path) -> "dict[str, xr.Dataset]":
    """Load every sweep whose points are all in a store; nothing is computed.

    Args:
        root: folder of all runs.

    Returns:
        Results by the names of the experiments' sweeps, restricted to the members that all points have, with the
        attribute `command`. Where a sweep is complete on several datasets, the first of these is taken.
    """
    sweeps = {}
    for experiment in registry.experiments().values():
        for name, by_dataset in experiment.sweeps.items():
            for dataset, sweep in by_dataset.items():
                if (result := _load(experiment, dataset, sweep, root)) is not None:
                    command = sweep.command(experiment.name, dataset, result.sizes["member"])
                    sweeps[name] = result.assign_attrs(command=command)
                    break
    return sweeps


def _load(experiment: Experiment, dataset: str, sweep: NamedSweep, root: Path) -> "xr.Dataset | None":
    if not sweep.one_run:
        return load(plan(experiment.name, {sweep.field: sweep.values}, **sweep.settings(dataset)), root)
    planned = plan(experiment.name, points=[{sweep.field: sweep.values}], **sweep.settings(dataset))
    points = load_points(planned, root)
    return experiment.as_sweep(points[0]) if points else None
