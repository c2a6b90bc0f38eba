"""The command line: every flag of an experiment is a field of its configuration, whose defaults stand only there."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from json import dumps as to_json
from typing import TYPE_CHECKING, Annotated, Any

import tyro

import sottovoce as sv
from sottovoce.cli import commands, measure, networks
from sottovoce.errors import SottovoceError, not_among
from sottovoce.lab import registry
from sottovoce.running.run import Execution, run_config

if TYPE_CHECKING:
    import xarray as xr

Flat = tyro.conf.OmitArgPrefixes
Texts = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]
Command = Callable[..., None]
CLOSED_PIPE = 128 + 13  # what a shell reports of a program that SIGPIPE ended
DESCRIPTION = "A laboratory for subliminal learning in small models."


def _run_command(experiment: registry.Experiment) -> Command:
    def command(
        config: Any = None,
        execution: Execution = Execution(),  # noqa: B008 - frozen
        shard: str | None = None,
        json: bool = False,
    ) -> None:
        """Run the experiment.

        Args:
            config: what is computed; part of the result's identity.
            execution: how it is computed; changes no result.
            shard: i/n computes only the i-th of n parts and prints no table; n such commands may run anywhere.
            json: print one JSON object instead of a table.
        """
        if shard is None:
            _print_result(run_config(experiment, config, execution), as_json=json)
        else:
            commands.run_shard(experiment, config, shard, execution, as_json=json)

    return _of(experiment, command)


def _sweep_command(experiment: registry.Experiment) -> Command:
    def command(
        over: Texts = (),
        point: Texts = (),
        config: Any = None,
        execution: Execution = Execution(),  # noqa: B008 - frozen
        shard: str | None = None,
        json: bool = False,
    ) -> None:
        """Sweep the experiment.

        Args:
            over: a field and its values, field=a,b,c; repeated, every value meets every value of the others.
            point: settings of one point, field=a,other=b; repeated, a list instead of a grid.
            config: what all points share.
            execution: how it is computed; changes no result.
            shard: i/n computes only the i-th of n parts and prints no table; n such commands may run anywhere.
            json: print one JSON object instead of a table.
        """
        # Only fields that the user set are shared: the others take the preset of each point.
        unset = vars(experiment.Config())
        settings = {name: value for name, value in vars(config).items() if value != unset[name]}
        commands.sweep(experiment, over, point, settings, execution, part=shard, as_json=json)

    return _of(experiment, command)


def _of(experiment: registry.Experiment, command: Command) -> Command:
    """Give a command the experiment's summary, and the fields of its `Config` as flags."""
    # tyro reads the flags from the signature, which names a class that is known only here.
    command.__annotations__["config"] = experiment.Config
    defaults = list(command.__defaults__ or ())
    # In both commands `config` is the fourth parameter from the end.
    defaults[-4] = experiment.Config()
    command.__defaults__ = tuple(defaults)
    command.__doc__ = "\n".join([experiment.summary, *(command.__doc__ or "").splitlines()[1:]])
    return command


def _print_result(result: "xr.Dataset", *, as_json: bool) -> None:
    experiment = registry.of(result)
    table = experiment.table(result)
    if as_json:
        attributes = {key: result.attrs[key] for key in ("experiment", "identity")}
        print(to_json({**attributes, "config": sv.lab.drawing.config_of(result), "table": table}))
    else:
        from sottovoce.cli import console

        console.print_table(result, table, experiment.notes(result))


def _commands() -> dict[str, Any]:
    """Return every command by name; a nested dict is a group of commands with its summary under the empty name."""
    # Partial, so that only the command that is meant imports its experiment's configuration.
    experiments = registry.experiments().items()
    measured = measure.directions, measure.spectrum, measure.subspaces, measure.cka, networks.graft, networks.risk
    return {
        "reproduce": commands.reproduce,
        # The empty name holds the summary of a group, because no command can be called by it.
        "run": {"": "Run one experiment and print its table.", **{n: partial(_run_command, e) for n, e in experiments}},
        "sweep": {
            "": "Run one experiment at many settings.",
            **{n: partial(_sweep_command, e) for n, e in experiments},
        },
        "merge": commands.merge,
        "report": commands.report,
        "explore": commands.explore,
        "list": commands.list_,
        "show": commands.show,
        "data": {"": "See and fetch datasets.", "list": commands.data_list, "fetch": commands.data_fetch},
        "measure": {"": "Measure your own checkpoints.", **{command.__name__: command for command in measured}},
        "doctor": commands.doctor,
        "bench": commands.bench,
    }


def _parse(words: Sequence[str]) -> None:
    """Descend through groups of commands, then let tyro parse the flags of the command.

    A misspelt command is refused here, with the nearest, which tyro does not name.
    """
    prog, what, known = "sottovoce", "command", _commands()
    while words and not words[0].startswith("-"):
        name, *words = words
        if name not in known or not name:
            raise not_among(what, name, [other for other in known if other])
        chosen = known[name]
        prog, what = f"{prog} {name}", {"run": "experiment", "sweep": "experiment"}.get(name, f"{name} command")
        if not isinstance(chosen, dict):
            command = chosen() if isinstance(chosen, partial) else chosen
            # Comments beside fields are for readers of the code; help comes from docstrings alone.
            tyro.cli(command, args=words, prog=prog, config=(Flat, tyro.conf.HelptextFromCommentsOff))
            return
        known = chosen
    _help(prog, known, asked=bool(words))


def _help(prog: str, listed: dict[str, Any], *, asked: bool) -> None:
    """Print the commands of a group and exit, with an error where the user asked for no help."""
    width = max(map(len, listed))
    lines = [f"  {name:{width}} {_summary(command)}" for name, command in listed.items() if name]
    print(
        *(f"usage: {prog} [--debug] COMMAND ...", "", listed.get("", DESCRIPTION), "", *lines, ""),
        f"{prog} COMMAND --help explains one command; --debug shows tracebacks.",
        sep="\n",
        file=sys.stdout if asked else sys.stderr,
    )
    sys.exit(0 if asked else 2)


def _summary(command: Any) -> str:
    if isinstance(command, dict):
        return command[""]
    return command.args[0].summary if isinstance(command, partial) else command.__doc__.splitlines()[0]


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; `--debug` anywhere shows tracebacks."""
    given = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in given
    try:
        try:
            _parse([word for word in given if word != "--debug"])
        finally:
            sys.stdout.flush()  # a closed pipe shows itself here, not while Python shuts down
    except BrokenPipeError:
        # Whoever read the output (head, less) has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(CLOSED_PIPE)
    # Every failure that a user can meet is a SottovoceError; anything else is a fault of the program and shows its
    # traceback.
    except SottovoceError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
