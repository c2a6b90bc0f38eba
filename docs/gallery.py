"""Write the gallery of the site: every kind of figure of the report, from each experiment's smallest configuration.

Run: python docs/gallery.py FOLDER (`make docs` does). Results are kept in out/gallery, so that a second build computes
nothing. They show how to read a figure; what was found stands in the report of `make reproduce`.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sottovoce import sweeps
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.lab import style
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.report import results as report_results
from sottovoce.report.sections import sections
from sottovoce.running.run import Execution, run_config

OPENING = """# Gallery

Every kind of figure that the report draws, from the smallest configuration of each experiment: a few members of a few
small networks, trained for a moment. Read here what a figure shows; what was found stands in `out/report.html`, which
`make reproduce` writes at the published settings.
"""


def smallest_results(execution: Execution) -> Results:
    """Run, or load, every result of the report at its experiment's smallest configuration."""
    results = {}
    for name, experiment, result in report_results.named():
        results[name] = run_config(experiment, replace(experiment.Config.smoke(), **result.fields), execution)
    # One sweep stands for all, over a field whose values share the program of `transfer` above.
    shared = {key: value for key, value in vars(transfer.Config.smoke()).items() if key != "learning_rate"}
    rates = (1e-4, 1e-3, 1e-2)
    swept = sweeps.sweep("transfer", {"learning_rate": rates}, execution=execution, **shared)
    command = f"sottovoce sweep transfer --over learning_rate={','.join(map(str, rates))}"
    return {**results, "sweep_learning_rate": swept.assign_attrs(command=command)}


def page(results: Results, folder: Path) -> Iterator[str]:
    """Draw all figures into a folder and yield the page's blocks."""
    yield OPENING
    for section in sections():
        drawings = section.draw(results)
        if drawings:
            yield f"## {plain(section.title)}\n\n{plain(section.intro)}\n"
        for drawing in drawings:
            yield figure(drawing, folder)


def figure(drawing: Drawing, folder: Path) -> str:
    """Draw one figure and return it with its alt text and caption."""
    svg, _ = style.save(drawing.figure, folder / drawing.key)
    # Options are read as YAML, of which JSON is a part; the caption is Markdown.
    shown = f"```{{figure}} {svg.name}\n:alt: {json.dumps(drawing.alt)}\n\n{plain(drawing.caption)}\n```"
    return f"### {plain(drawing.title)}\n\n{shown}\n"


def plain(text: str) -> str:
    """Return text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~^])", r"\\\1", text)


def write(results: Results, folder: Path) -> None:
    """Write the page and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.md").write_text("\n".join(page(results, folder)), encoding="utf-8")


if __name__ == "__main__":
    write(smallest_results(Execution(out=Path("out/gallery"), device="cpu", quiet=True)), Path(sys.argv[1]))
