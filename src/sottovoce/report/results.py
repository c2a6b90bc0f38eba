"""The results that the report shows: run by `sottovoce reproduce`, or loaded from saved runs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce import data
from sottovoce.errors import StoreError, UsageError
from sottovoce.lab import registry
from sottovoce.lab.checks import DEFAULT_SEED
from sottovoce.lab.experiment import Experiment, NamedSweep, Result
from sottovoce.lab.fields import flags
from sottovoce.lab.quantities import labelled
from sottovoce.running.run import Execution, run_config, spread
from sottovoce.runs import catalog
from sottovoce.runs.catalog import Run
from sottovoce.runs.identity import plain
from sottovoce.runs.progress import choose
from sottovoce.sweeps.planning import plan
from sottovoce.sweeps.running import load as load_sweep
from sottovoce.sweeps.running import load_points

if TYPE_CHECKING:
    import xarray as xr


def named() -> Iterator[tuple[str, Experiment, Result]]:
    """Yield the results that the report shows by name, with their experiments."""
    for experiment in registry.experiments().values():
        for name, result in experiment.results.items():
            yield name, experiment, result


def run_all(execution: Execution, announce: Callable[[str], None], **settings: Any) -> "dict[str, xr.Dataset]":
    """Run every result that `reproduce` makes, or load it where it is saved.

    Args:
        execution: how to run.
        announce: called with one line per result.
        **settings: fields given to every experiment that has them (dataset, members, seed); None: the preset.

    Returns:
        Datasets by name.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    # A dataset and a number of trained members mean nothing to an experiment that trains no networks.
    untrained = {key: value for key, value in given.items() if key not in {"dataset", "members"}}
    # All configurations are made before anything runs, so that a wrong setting fails at once and workers get all of
    # them.
    configs = {
        name: (experiment, experiment.Config(**(given if experiment.trains else untrained), **result.fields))
        for name, experiment, result in named()
        if not result.on_request
    }
    with data.searched_first(execution.data_dir):
        progress = choose("reproduce", quiet=execution.quiet)
        execution, computed = spread([(*one, None) for one in configs.values()], execution, progress)
    results = {}
    for (name, (experiment, config)), n_computed in zip(configs.items(), computed, strict=True):
        dataset = run_config(experiment, config, execution)
        # What workers have just computed is loaded here, but is not a cached result.
        dataset.attrs["cached"] &= n_computed == 0
        results[name] = dataset
        announce(f"{name}: {dataset.sizes['member']} members, {'cached' if dataset.attrs['cached'] else 'computed'}")
    return results


def load_all(root: Path) -> "dict[str, xr.Dataset]":
    """Load a saved run of every result: the newest at preset settings, else the newest; nothing is computed.

    Of runs at preset settings, those of the default seed come first, because claims are judged on it.

    A sweep leaves many runs of one experiment, so a run at the preset is the one that represents it. A sweep of the
    report is loaded if all its points are saved.

    Raises:
        UsageError: none is saved.
    """
    results, runs = {}, catalog.runs(root)
    for name, experiment, result in named():
        if chosen := _shown([run for run in runs if run.experiment == experiment.name], result.fields):
            results[name] = load(chosen)
    results |= load_named(root)
    if not results:
        raise UsageError(f"no saved run of the post's experiments is in {root}; make them with: sottovoce reproduce")
    return results


def load_replications(root: Path, results: "Mapping[str, xr.Dataset]") -> "dict[str, xr.Dataset]":
    """Load the newest saved run of each result that differs from it in seed and members alone; nothing is computed."""
    replications, runs = {}, catalog.runs(root)
    for name, experiment, _ in named():
        if name not in results:
            continue
        # Members are no part of what a run is; a result that was just computed names them all the same.
        config = {k: v for k, v in json.loads(results[name].attrs["config"]).items() if k != "members"}
        for run in runs:
            same = run.experiment == experiment.name and run.config == config | {"seed": run.config.get("seed")}
            if same and run.config != config and run.folder.spans():
                replications[name] = load(run)
                break
    return replications


def load_named(root: Path) -> "dict[str, xr.Dataset]":
    """Load every sweep of the report whose points are all saved, by name; nothing is computed.

    A sweep is restricted to the members that all points have; its attribute `command` is the command line that makes
    it. Where a sweep is complete on several datasets, the first of these is taken.
    """
    sweeps = {}
    for experiment in registry.experiments().values():
        for name, by_dataset in experiment.sweeps.items():
            for dataset, sweep in by_dataset.items():
                if (result := _load_sweep(experiment, dataset, sweep, root)) is not None:
                    command = sweep.command(experiment.name, dataset, result.sizes["member"])
                    sweeps[name] = result.assign_attrs(command=command)
                    break
    return sweeps


def _load_sweep(experiment: Experiment, dataset: str, sweep: NamedSweep, root: Path) -> "xr.Dataset | None":
    if not sweep.one_run:
        return load_sweep(plan(experiment.name, {sweep.field: sweep.values}, **sweep.settings(dataset)), root)
    # The one run has all values, so the plan is of one point, at which the field's value is their tuple.
    planned = plan(experiment.name, points=[{sweep.field: sweep.values}], **sweep.settings(dataset))
    points = load_points(planned, root)
    return labelled(experiment.as_sweep(points[0]), experiment.quantities) if points else None


def load(run: Run) -> "xr.Dataset":
    """Load every member of a saved run, with its experiment, identity and configuration as attributes.

    Raises:
        StoreError: the run has no members yet, or cannot be read.
    """
    # The header is read first: a run of a newer format is refused before its chunks are opened.
    header, members = run.folder.header(), run.folder.members()
    if not members:
        command = f"sottovoce run {run.experiment} {flags(run.config)}"
        raise StoreError(f"{run.folder.path} has no members yet; compute them with: {command}")
    result = run.folder.load(members).assign_attrs(
        experiment=run.experiment, identity=header["identity"], config=json.dumps(header["config"])
    )
    # A saved run is loaded in programs too that do not know its experiment.
    known = registry.experiments().get(run.experiment)
    return labelled(result, known.quantities if known else {})


def name_of(run: Run) -> str:
    """Return the name under which the report shows a run, or the experiment's name where it does not show it."""
    known = registry.experiment(run.experiment).results
    return next((name for name, result in known.items() if _fits(run, result.fields)), run.experiment)


def _shown(runs: Sequence[Run], fixed: Mapping[str, Any]) -> Run | None:
    """Return the first run with members at preset settings, the judging seed before others, else the first with any.

    Runs of an older definition of the experiment lack variables that figures and claims need, and are passed over.
    """

    def first(wanted: Callable[[Run], bool]) -> Run | None:
        # Whether a run has members takes a listing of its folder, so it is asked last.
        fitting = (run for run in runs if _fits(run, fixed) and _current(run) and wanted(run))
        return next((run for run in fitting if run.folder.spans()), None)

    return (
        first(lambda run: run.config.get("seed") == DEFAULT_SEED and _is_preset(run, fixed))
        or first(lambda run: _is_preset(run, fixed))
        or first(lambda _: True)
    )


def _fits(run: Run, fixed: Mapping[str, Any]) -> bool:
    return all(run.config.get(key) == value for key, value in fixed.items())


def _current(run: Run) -> bool:
    return run.version == registry.experiment(run.experiment).version


def _is_preset(run: Run, fixed: Mapping[str, Any]) -> bool:
    """Return whether a run's configuration sets nothing but dataset, seed and the fields that make the result."""
    given = {name: run.config[name] for name in ("dataset", "seed") if name in run.config}
    try:
        preset = registry.experiment(run.experiment).Config(**fixed, **given).resolve()
    except UsageError:
        # The preset of someone's own images is known only while these are at hand.
        return False
    return run.config == {name: value for name, value in plain(preset).items() if name != "members"}
