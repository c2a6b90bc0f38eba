"""The sections of the report: one for each group of experiments under a heading, and a last one for the sweeps."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sottovoce.lab import registry
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.sweeps import figures as sweep_figures


class Section(NamedTuple):
    """A section of the report before its figures are written to disk."""

    key: str
    title: str
    intro: str
    draw: Callable[[Results], list[Drawing]]
    results: frozenset[str]  # names of the results whose tables belong to the section


def sections() -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    experiments = registry.experiments().values()
    # In the order in which the experiments are listed; a dict keeps the first place of a heading.
    for key in dict.fromkeys(experiment.section for experiment in experiments):
        members = [experiment for experiment in experiments if experiment.section == key]

        # The default binds the experiments now: at the call, the loop's variable is at another section.
        def draw(results: Results, members: list[registry.Experiment] = members) -> list[Drawing]:
            return [drawing for experiment in members for drawing in experiment.draw(results)]

        names = frozenset(name for experiment in members for name in experiment.results)
        yield Section(key, *registry.experiment(key).heading, draw, names)
    swept = frozenset(name for experiment in experiments for name in experiment.sweeps)
    yield Section("sweep", sweep_figures.TITLE, sweep_figures.INTRO, sweep_figures.draw_section, swept)
