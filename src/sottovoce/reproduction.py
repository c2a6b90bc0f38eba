"""The main job: every result of the post and of Cloud's MNIST section, as runs, figures and one report."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.api import Execution, run_config
from sottovoce.errors import UsageError
from sottovoce.experiments import registry

if TYPE_CHECKING:
    import xarray as xr

# Name of each result -> its experiment and the fields that make it this result.
RESULTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "toy_1": ("toy", {"generator": "post", "n_aux": 1}),
    "toy_2": ("toy", {"generator": "post", "n_aux": 2}),
    "toy_training": ("toy_training", {}),
    "capture": ("capture", {}),
    "transfer": ("transfer", {}),
    "decoding": ("decoding", {}),
    "spectrum_described": ("spectrum", {"variant": "described"}),
    "spectrum_published": ("spectrum", {"variant": "published"}),
}
# What `reproduce` leaves out for its length; the report shows it once it has been run.
ON_REQUEST: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "spectrum_long": ("spectrum", {"variant": "long"}),
    "calibration": ("calibration", {}),
}


def run_all(execution: Execution, announce: Callable[[str], None], **settings: Any) -> "dict[str, xr.Dataset]":
    """Run, or load, every result.

    Args:
        execution: how to run.
        announce: told one line per result.
        **settings: fields given to every experiment that has them (dataset, members, seed); None: the preset.

    Returns:
        Datasets by the names of `RESULTS`.
    """
    results = {}
    for name, (experiment_name, fixed) in RESULTS.items():
        experiment = registry.experiment(experiment_name)
        given = {key: value for key, value in settings.items() if value is not None}
        if not experiment.trains:
            given.pop("dataset", None)
            given.pop("members", None)
        dataset = run_config(experiment, experiment.Config(**given, **fixed), execution)
        results[name] = dataset
        announce(f"{name}: {dataset.sizes['member']} members, {'cached' if dataset.attrs['cached'] else 'computed'}")
    return results


def load_all(root: Path) -> "dict[str, xr.Dataset]":
    """Load the newest saved run of every result, computing nothing.

    Args:
        root: folder of all runs.

    Returns:
        Datasets by the names of `RESULTS` and `ON_REQUEST`, those that are there.

    Raises:
        UsageError: none is there.
    """
    from sottovoce.runs import catalog

    results = {}
    for name, (experiment_name, fixed) in {**RESULTS, **ON_REQUEST}.items():
        for run in catalog.runs(root, experiment_name):
            config = run.folder.header()["config"]
            members = sorted({member for span in run.folder.spans() for member in span})
            if members and all(config.get(key) == value for key, value in fixed.items()):
                results[name] = run.folder.load(members).assign_attrs(
                    experiment=experiment_name,
                    identity=run.folder.header()["identity"],
                    config=json.dumps(config),
                )
                break
    if not results:
        raise UsageError(f"no saved run of the post's experiments is in {root}; make them with: sottovoce reproduce")
    return results
