"""The commands besides `run`: each is a function whose parameters are the command's flags."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from json import dumps as to_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

import sottovoce as sv
from sottovoce.errors import StoreError, UsageError
from sottovoce.lab import registry
from sottovoce.running.run import Execution, start_before_trials

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.sweeps import Plan

# `sv` imports its modules when they are used, and commands import the others, so that `sottovoce --help` loads no array
# library.


def reproduce(
    dataset: str = "auto",
    members: int | None = None,
    seed: int | None = None,
    execution: Execution = Execution(),  # noqa: B008 - frozen
) -> None:
    """Run the post's figures and Cloud's six bars, judge the claims, write out/report.html.

    Args:
        dataset: auto (mnist where its files are at hand, else digits), mnist, fashion-mnist or digits.
        members: replicates of every trained experiment; unset: each one's preset.
        seed: the one integer behind every random number.
        execution: how to run.
    """
    with sv.data.searched_first(execution.data_dir):
        # The choice has to look in the same folders as the runs.
        chosen = sv.data.choose_dataset(dataset)
    print(f"dataset: {chosen}" + (" (chosen by auto)" if dataset == "auto" else ""))
    results = sv.report.results.run_all(execution, print, dataset=chosen, members=members, seed=seed)
    _write_report(results, execution.out / "runs", execution.out)


def sweep(
    experiment: registry.Experiment,
    over: Sequence[str],
    point: Sequence[str],
    settings: dict[str, Any],
    execution: Execution,
    *,
    part: str | None,
    as_json: bool,
) -> None:
    """Run an experiment at many settings, or one shard of them; write a figure if accuracies were measured."""
    from sottovoce import sweeps
    from sottovoce.cli import console
    from sottovoce.sweeps import tables

    start_before_trials(experiment, execution)
    with sv.data.searched_first(execution.data_dir):
        grid, points = sweeps.read(experiment, over, point)
        planned = sweeps.plan(experiment.name, grid, points, **settings)
        if part is not None:
            _shard(planned, part, execution, as_json=as_json)
            return
        if not execution.quiet:
            # On standard error, so that standard output holds one JSON object and nothing else.
            print(sweeps.announcement(planned, execution), file=sys.stderr)
        result = sweeps.run_plan(planned, execution)
    figure = sv.report.build.write_sweep(result, execution.out)
    points, effects = tables.by_point(result), tables.effects_of(result)
    if as_json:
        described = {name: result.attrs[name] for name in ("experiment", "identity", "swept")}
        print(to_json({**described, "config": sv.lab.drawing.config_of(result), "points": points, **effects}))
        return
    console.print_sweep(result, points, effects)
    if figure:
        print(f"figure: {figure}")


def run_shard(experiment: registry.Experiment, config: Any, part: str, execution: Execution, *, as_json: bool) -> None:
    """Compute one shard of a run."""
    from sottovoce import sweeps

    start_before_trials(experiment, execution)
    with sv.data.searched_first(execution.data_dir):
        _shard(sweeps.single(experiment, config), part, execution, as_json=as_json)


def merge(sources: Annotated[tuple[Path, ...], tyro.conf.Positional], out: Path) -> None:
    """Bring the runs of other folders, such as those of shards on separate disks, into one.

    Args:
        sources: folders that hold runs/; they are only read.
        out: folder to bring the runs to.

    Raises:
        StoreError: something was not brought over; each is named.
    """
    if not sources:
        raise UsageError("merge names no source; allowed: one folder that holds runs/, or more")
    refused = 0
    # Every source is merged before an error is raised: one damaged chunk keeps no other out.
    for source in sources:
        tally = sv.runs.merging.merge(source / "runs", out / "runs")
        print("\n  ".join([str(tally), *tally.refused]))
        refused += len(tally.refused)
    if refused:
        raise StoreError(f"{refused} runs, chunks or parts of chunks were not brought over; they are named above")


def report(
    runs: Annotated[Path, tyro.conf.Positional] = Path("out/runs"), out: Path | None = None, json: bool = False
) -> None:
    """Redraw figures and report from saved runs, computing nothing.

    Args:
        runs: folder of saved runs.
        out: folder for figures/ and report.html; unset: the folder that holds the runs' folder.
        json: print one JSON object with every claim's estimate, tests and verdict.
    """
    _write_report(sv.report.results.load_all(runs), runs, out or runs.parent, as_json=json)


def explore(out: Path = Path("out"), port: int = 2718, browser: bool = True) -> None:
    """Open a live page: the toy to play with, saved runs to pick, members to train. On this machine only.

    Args:
        out: folder whose runs/ can be picked, and where new runs are saved.
        port: port of the loopback interface.
        browser: open a browser on the page.
    """
    from sottovoce.cli.explore import serve

    serve(out, port, browser=browser)


def list_(out: Path = Path("out")) -> None:
    """List the experiments, then the saved runs, newest first, with what sets them apart.

    Args:
        out: folder whose runs/ are listed.
    """
    width = max(map(len, registry.experiments()))
    print("experiments", *(f"{e.name:{width}} {e.summary}" for e in registry.experiments().values()), sep="\n  ")
    runs = sv.runs.catalog.runs(out / "runs")
    print(f"runs in {out / 'runs'}: {len(runs)}")
    # By experiment, because only configurations of the same experiment have the same fields.
    for experiment in dict.fromkeys(run.experiment for run in runs):
        own = [run for run in runs if run.experiment == experiment]
        differing = sv.runs.catalog.differences([run.config for run in own])
        for run, fields in zip(own, differing, strict=True):
            print(f"  {run.name}  " + " ".join(f"{name}={value}" for name, value in fields.items()))


def show(name: Annotated[str, tyro.conf.Positional], out: Path = Path("out")) -> None:
    """Show one saved run: its configuration, its members and how they were made.

    Args:
        name: a run's name, the beginning of its identity, or an experiment (its newest run).
        out: folder whose runs/ are searched.
    """
    run = sv.runs.catalog.find(out / "runs", name)
    spans = [f"{span[0]}-{span[-1]}" for span in run.folder.spans()]
    print(to_json({**run.folder.header(), "members": spans, "provenance": run.folder.provenance()}, indent=2))


def data_list(data_dir: Path | None = None) -> None:
    """List the datasets: where each is and whether its checksums are right.

    Args:
        data_dir: folder looked at first.
    """
    print("\n".join(str(sv.data.status(name, data_dir)) for name in sv.data.NAMES))


def data_fetch(name: Annotated[str, tyro.conf.Positional] = "mnist") -> None:
    """Download a dataset to the cache, each file checked against its SHA-256.

    Args:
        name: mnist or fashion-mnist.
    """
    print(sv.data.fetch.fetch(name))


def doctor() -> None:
    """Say which versions, devices, threads, data and disk this machine offers, and how to get what is missing."""
    from sottovoce.cli import diagnosis

    print("\n".join(diagnosis.lines()))


def bench(members: int | None = None, json: bool = False) -> None:
    """Measure this machine: products, training, memory, toy draws, predictions, PyTorch baselines, first members.

    Args:
        members: members trained; unset: one per CPU device, 100 on an accelerator.
        json: print one JSON object instead of lines.
    """
    from sottovoce.benchmarks import cold, costs
    from sottovoce.benchmarks import measure as benchmark

    found = benchmark.measure(members)
    found |= costs.prediction_seconds(benchmark.published_program(benchmark.PROTOCOL))
    found |= benchmark.measure_machine() | benchmark.speedups(found["members_per_minute"])
    found |= cold.first_member_seconds(name for name, one in registry.experiments().items() if one.trains)
    print(to_json(found) if json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def _shard(whole: "Plan", part: str, execution: Execution, *, as_json: bool) -> None:
    """Compute one shard; say what it did and what the whole still lacks."""
    from sottovoce import sweeps

    planned = replace(whole, shard=sweeps.Shard.read(part))
    if not execution.quiet:
        print(sweeps.announcement(planned, execution), file=sys.stderr)
    done = sweeps.run_shard(planned, execution)
    print(to_json(done._asdict()) if as_json else done)


def _write_report(results: "dict[str, xr.Dataset]", runs: Path, out: Path, *, as_json: bool = False) -> None:
    replications = sv.report.results.load_replications(runs, results)
    path = sv.report.build.write(results, out, replications)
    if as_json:
        from sottovoce.report import ledger

        others = {judgment.claim.key: judgment for judgment in ledger.judge(replications)}
        claims = [ledger.described(judgment, others.get(judgment.claim.key)) for judgment in ledger.judge(results)]
        print(to_json({"report": str(path), "claims": claims}))
    else:
        print(f"report: {path}")
