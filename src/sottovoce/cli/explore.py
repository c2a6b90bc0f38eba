"""The figures of the live page, and the server that shows the page on this machine only."""

import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import UsageError
from sottovoce.lab import registry
from sottovoce.report import results
from sottovoce.running.run import Execution, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sottovoce.lab.drawing import Drawing
    from sottovoce.runs.catalog import Run

# The page starts training and reads files, so no other machine may reach it.
LOOPBACK = "127.0.0.1"
LARGEST_PORT = 65_535
LIVE_MEMBERS = 3


def serve(out: Path, port: int, *, browser: bool) -> None:
    """Show the live page until interrupted.

    Raises:
        UsageError: marimo is not installed, or the port is out of range or in use.
    """
    if importlib.util.find_spec("marimo") is None:
        raise UsageError("explore needs marimo, which is not installed; run: pip install 'sottovoce[explore]'")
    if not 1 <= port <= LARGEST_PORT:
        raise UsageError(f"--port is {port}; allowed: 1 to {LARGEST_PORT}")
    with socket.socket() as probe:
        # A program that answers would be shown in place of the page.
        if probe.connect_ex((LOOPBACK, port)) == 0:
            raise UsageError(f"--port is {port}, which another program has taken; name another, such as {port + 1}")
    # marimo starts in a process of its own, because it runs a file, not a module that is imported already.
    page = Path(__file__).with_name("explore_app.py")
    options = ["--host", LOOPBACK, "--port", str(port), *([] if browser else ["--headless"])]
    marimo = [sys.executable, "-m", "marimo", "--quiet", "run", str(page), *options]
    print(f"http://{LOOPBACK}:{port} shows the toy, the runs in {out / 'runs'} and live training; Ctrl-C ends it")
    try:
        # marimo reports Ctrl-C by its exit code, which is no failure here.
        subprocess.run([*marimo, "--", "--out", str(out.absolute())], check=False)
    except KeyboardInterrupt:
        print()


def toy_figure(hidden: int, n_aux: int, objective: str, seed: int) -> "Figure":
    """Draw teachers and students of the linear toy with two inputs and one class logit."""
    from sottovoce.experiments.toy import experiment, figures

    fields = {"generator": "gaussian", "d_in": 2, "n_class": 1, "members": 1}
    config = experiment.Config(**fields, hidden=hidden, n_aux=n_aux, objective=objective, seed=seed).resolve()
    return figures.draw(experiment.simulate(config, [0]))


def drawings_of(picked: "Run") -> "tuple[list[Drawing], str]":
    """Return the report's figures of one saved run, and a sentence that describes the run."""
    if not picked.folder.spans():
        return [], f"`{picked.name}` has no finished member yet."
    name, dataset = results.name_of(picked), results.load(picked)
    drawn = registry.experiment(picked.experiment).draw({name: dataset})
    members = dataset.sizes["member"]
    return drawn, f"`{picked.name}`: {members} members" + ("" if drawn else "; it has no figure in the report") + "."


def training_figures(out: Path) -> "Iterator[Figure]":
    """Train on digits member by member; after each, yield a figure of the accuracies of all members so far."""
    from sottovoce.experiments.alignment import figures, findings

    execution = Execution(out=out, quiet=True)
    # A larger ensemble contains the smaller, so each of these runs trains one more member and loads the others.
    for members in range(1, LIVE_MEMBERS + 1):
        result = run("alignment", dataset="digits", interventions=(), members=members, execution=execution)
        title = f"Accuracy along training: digits, n = {members} of {LIVE_MEMBERS} members"
        yield figures.draw_accuracy(findings.traces(result), title)
