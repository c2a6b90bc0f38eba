"""The main job: every result of the post and of Cloud's MNIST section, as runs, figures and one report."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce import data
from sottovoce.errors import StoreError, UsageError
from sottovoce.lab import fields as of_fields
from sottovoce.lab import registry
from sottovoce.running.run import Execution, run_config, spread
from sottovoce.runs.identity import plain
from sottovoce.runs.progress import choose

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.runs.catalog import Run


def named(*, on_request: bool | None = None) -> dict[str, tuple[registry.Experiment, Mapping[str, Any]]]:
    """Return the results that the report shows by name: their experiments and the fields that make them.

    Args:
        on_request: whether those that `reproduce` leaves out, or those that it runs; None: all.
    """
    return {
        name: (experiment, result.fields)
        for experiment in registry.experiments().values()
        for name, result in experiment.results.items()
        if on_request is None or result.on_request == on_request
    }


def run_all(execution: Execution, announce: Callable[[str], None], **settings: Any) -> "dict[str, xr.Dataset]":
    """Run, or load, every result.

    Args:
        execution: how to run.
        announce: told one line per result.
        **settings: fields given to every experiment that has them (dataset, members, seed); None: the preset.

    Returns:
        Datasets by name.
    """
    configs = {name: _config(*result, settings) for name, result in named(on_request=False).items()}
    with data.searched_first(execution.data_dir):
        progress = choose("reproduce", quiet=execution.quiet)
        execution, computed = spread([(*one, None) for one in configs.values()], execution, progress)
    results = {}
    for (name, (experiment, config)), n_computed in zip(configs.items(), computed, strict=True):
        dataset = run_config(experiment, config, execution)
        dataset.attrs["cached"] &= n_computed == 0
        results[name] = dataset
        announce(f"{name}: {dataset.sizes['member']} members, {'cached' if dataset.attrs['cached'] else 'computed'}")
    return results


def _config(
    experiment: registry.Experiment, fixed: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[registry.Experiment, Any]:
    """Return an experiment and its configuration; a setting that is None, or not for toys, stays unset."""
    given = {key: value for key, value in settings.items() if value is not None}
    if not experiment.trains:
        given.pop("dataset", None)
        given.pop("members", None)
    return experiment, experiment.Config(**given, **fixed)


def load_all(root: Path) -> "dict[str, xr.Dataset]":
    """Load a saved run of every result, computing nothing: the newest at preset settings, else the newest of all.

    A sweep leaves many runs of one experiment; what stands for the experiment is its preset. The report's own sweeps
    are there if all their points are.

    Args:
        root: folder of all runs.

    Returns:
        Datasets by the names of `RESULTS`, `ON_REQUEST` and `report.named.SWEEPS`, those that are there.

    Raises:
        UsageError: none is there.
    """
    from sottovoce.report.named import load_named
    from sottovoce.runs import catalog

    results, runs = {}, catalog.runs(root)
    for name, (experiment, fixed) in named().items():
        if chosen := _shown([run for run in runs if run.experiment == experiment.name], fixed):
            results[name] = load(chosen)
    results |= load_named(root)
    if not results:
        raise UsageError(f"no saved run of the post's experiments is in {root}; make them with: sottovoce reproduce")
    return results


def load(run: "Run") -> "xr.Dataset":
    """Load every member of a saved run, with its experiment, identity and configuration as attributes.

    Raises:
        StoreError: it has no members yet, or cannot be read.
    """
    header, members = run.folder.header(), run.folder.members()
    if not members:
        command = f"sottovoce run {run.experiment} {of_fields.flags(run.config)}"
        raise StoreError(f"{run.folder.path} has no members yet; compute them with: {command}")
    return run.folder.load(members).assign_attrs(
        experiment=run.experiment, identity=header["identity"], config=json.dumps(header["config"])
    )


def name_of(run: "Run") -> str:
    """Return by which name the report shows a run; its experiment's name, if by none."""
    known = registry.experiment(run.experiment).results
    return next((name for name, result in known.items() if _fits(run, result.fields)), run.experiment)


def _shown(runs: "Iterable[Run]", fixed: Mapping[str, Any]) -> "Run | None":
    """Return the first run with members at preset settings, else the first with members; reads no chunk.

    Args:
        runs: of one experiment.
        fixed: the fields that make the result.
    """
    newest = None
    for run in runs:
        if _fits(run, fixed):
            is_preset = _is_preset(run, fixed)
            if (is_preset or newest is None) and run.folder.spans():
                newest = run
                if is_preset:
                    break
    return newest


def _fits(run: "Run", fixed: Mapping[str, Any]) -> bool:
    return all(run.config.get(key) == value for key, value in fixed.items())


def _is_preset(run: "Run", fixed: Mapping[str, Any]) -> bool:
    """Return whether only dataset and seed, and what makes the result, are set in a run's configuration."""
    given = {name: run.config[name] for name in ("dataset", "seed") if name in run.config}
    preset = registry.experiment(run.experiment).Config(**fixed, **given).resolve()
    return run.config == {name: value for name, value in plain(preset).items() if name != "members"}
