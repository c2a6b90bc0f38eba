"""The command line: every flag is a field of a configuration, so there is no second list of defaults."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from json import dumps as to_json
from json import loads as from_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from sottovoce.api import Execution, run_config
from sottovoce.errors import SottovoceError, not_among
from sottovoce.experiments import registry

if TYPE_CHECKING:
    import xarray as xr

Flat = tyro.conf.OmitArgPrefixes
DESCRIPTION = "A laboratory for subliminal learning in small models."


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
    from sottovoce import data, reproduction

    with data.searched_first(execution.data_dir):
        chosen = data.choose_dataset(dataset)
    print(f"dataset: {chosen}" + (" (chosen by auto)" if dataset == "auto" else ""))
    results = reproduction.run_all(execution, print, dataset=chosen, members=members, seed=seed)
    _write_report(results, execution.out)


def report(runs: Annotated[Path, tyro.conf.Positional] = Path("out/runs"), out: Path | None = None) -> None:
    """Redraw figures and report from saved runs, computing nothing.

    Args:
        runs: folder of saved runs.
        out: folder for figures/ and report.html; unset: the folder that holds the runs' folder.
    """
    from sottovoce import reproduction

    _write_report(reproduction.load_all(runs), out or runs.parent)


def list_(out: Path = Path("out")) -> None:
    """List the experiments, then the saved runs, newest first, with what sets them apart.

    Args:
        out: folder whose runs/ are listed.
    """
    from sottovoce.runs import catalog

    print("experiments")
    for experiment in registry.REGISTRY.values():
        print(f"  {experiment.name:10} {experiment.summary}")
    runs = catalog.runs(out / "runs")
    print(f"runs in {out / 'runs'}: {len(runs)}")
    for experiment in dict.fromkeys(run.experiment for run in runs):
        own = [run for run in runs if run.experiment == experiment]
        differing = catalog.differences([run.folder.header()["config"] for run in own])
        for run, fields in zip(own, differing, strict=True):
            print(f"  {run.name}  " + " ".join(f"{name}={value}" for name, value in fields.items()))


def show(name: Annotated[str, tyro.conf.Positional], out: Path = Path("out")) -> None:
    """Show one saved run: its configuration, its members and how they were made.

    Args:
        name: a run's name, the beginning of its identity, or an experiment (its newest run).
        out: folder whose runs/ are searched.
    """
    from sottovoce.runs import catalog

    run = catalog.find(out / "runs", name)
    spans = [f"{span[0]}-{span[-1]}" for span in run.folder.spans()]
    print(to_json({**run.folder.header(), "members": spans, "provenance": run.folder.provenance()}, indent=2))


def data_list(data_dir: Path | None = None) -> None:
    """List the datasets: where each is and whether its checksums are right.

    Args:
        data_dir: folder looked at first.
    """
    from sottovoce import data

    print("\n".join(str(data.status(name, data_dir)) for name in data.NAMES))


def data_fetch(name: Annotated[str, tyro.conf.Positional] = "mnist") -> None:
    """Download a dataset to the cache, each file checked against its SHA-256.

    Args:
        name: mnist or fashion-mnist.
    """
    from sottovoce import data

    print(data.fetch.fetch(name))


def doctor() -> None:
    """Say which versions, devices, threads, data and disk this machine offers, and what mends what is missing."""
    from sottovoce import diagnosis

    print("\n".join(diagnosis.lines()))


def bench(members: int | None = None, json: bool = False) -> None:
    """Measure this machine: products, training as a share of them, memory, toy draws.

    Args:
        members: members trained; unset: one per CPU device, 100 on an accelerator.
        json: print one JSON object instead of lines.
    """
    from sottovoce import bench as benchmark

    found = benchmark.measure(members) | benchmark.measure_machine()
    print(to_json(found) if json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def _run_command(experiment: registry.Experiment) -> Callable[..., None]:
    """Return the command `sottovoce run NAME`, whose flags are the fields of the experiment's `Config`."""

    def command(config: Any, execution: Execution = Execution(), json: bool = False) -> None:  # noqa: B008 - frozen
        _print_result(run_config(experiment, config, execution), as_json=json)

    command.__annotations__["config"] = experiment.Config
    command.__defaults__ = (experiment.Config(), Execution(), False)
    command.__doc__ = f"""{experiment.summary}

    Args:
        config: what is computed; part of the result's identity.
        execution: how it is computed; changes no result.
        json: print one JSON object instead of a table.
    """
    return command


def _print_result(result: "xr.Dataset", *, as_json: bool) -> None:
    from sottovoce.analysis import tables

    table = tables.table(result)
    if as_json:
        attributes = {key: result.attrs[key] for key in ("experiment", "identity")}
        print(to_json({**attributes, "config": from_json(result.attrs["config"]), "table": table}))
        return
    from sottovoce.console import print_table

    print_table(result, table)


def _write_report(results: "dict[str, xr.Dataset]", out: Path) -> None:
    from sottovoce import presentation

    print(f"report: {presentation.write(results, out)}")


def _commands() -> dict[str, Any]:
    """Return every command by name; a nested dict is a group of commands with its summary under the empty name."""
    experiments = {name: partial(_run_command, experiment) for name, experiment in registry.REGISTRY.items()}
    return {
        "reproduce": reproduce,
        "run": {"": "Run one experiment and print its table.", **experiments},
        "report": report,
        "list": list_,
        "show": show,
        "data": {"": "See and fetch datasets.", "list": data_list, "fetch": data_fetch},
        "doctor": doctor,
        "bench": bench,
    }


def _parse(words: Sequence[str]) -> None:
    """Descend through groups of commands, then let tyro parse the flags of the one that is meant.

    Raises:
        UsageError: a command is misspelt; the message names the nearest, which tyro's does not.
    """
    prog, what, commands = "sottovoce", "command", _commands()
    while words and not words[0].startswith("-"):
        name, *words = words
        if name not in commands or not name:
            raise not_among(what, name, [other for other in commands if other])
        chosen = commands[name]
        prog, what = f"{prog} {name}", {"run": "experiment"}.get(name, f"{name} command")
        if not isinstance(chosen, dict):
            command = chosen() if isinstance(chosen, partial) else chosen
            tyro.cli(command, args=words, prog=prog, config=(Flat, tyro.conf.HelptextFromCommentsOff))
            return
        commands = chosen
    _help(prog, commands, asked=bool(words))


def _help(prog: str, commands: dict[str, Any], *, asked: bool) -> None:
    """Print the commands of a group; without being asked for, that is a usage error."""
    lines = [f"usage: {prog} [--debug] COMMAND ...", "", commands.get("", DESCRIPTION), ""]
    for name, command in commands.items():
        if isinstance(command, dict):
            summary = command[""]
        elif isinstance(command, partial):
            summary = command.args[0].summary
        else:
            summary = (command.__doc__ or "").splitlines()[0]
        if name:
            lines.append(f"  {name:10} {summary}")
    lines += ["", f"{prog} COMMAND --help explains one command; --debug shows tracebacks."]
    print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
    sys.exit(0 if asked else 2)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; `--debug` anywhere shows tracebacks."""
    given = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in given
    try:
        _parse([word for word in given if word != "--debug"])
    except SottovoceError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
