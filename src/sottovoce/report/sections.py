"""The sections of the report: one for the experiments that share a heading, and a last one for the sweeps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sottovoce.lab import registry
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.sweeps import figures as sweep_figures


@dataclass(frozen=True)
class Section:
    """A section of the report before its figures are written to disk.

    Attributes:
        key: the section's anchor.
        title: the section's heading.
        intro: what stands below the heading.
        draw: makes the section's figures, in order, from results by name.
        results: names of the results whose tables belong to the section.
    """

    key: str
    title: str
    intro: str
    draw: Callable[[Results], list[Drawing]]
    results: frozenset[str]


def sections() -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    together: dict[str, list[registry.Experiment]] = {}
    for experiment in registry.experiments().values():
        together.setdefault(experiment.section, []).append(experiment)
    for key, members in together.items():
        # The default binds the experiments now: at the call, the loop's variable is at another section.
        def draw(results: Results, members: list[registry.Experiment] = members) -> list[Drawing]:
            return [drawing for experiment in members for drawing in experiment.draw(results)]

        names = frozenset(name for experiment in members for name in experiment.results)
        yield Section(key, *registry.experiment(key).heading, draw, names)
    swept = frozenset(name for experiment in registry.experiments().values() for name in experiment.sweeps)
    yield Section("sweep", sweep_figures.TITLE, sweep_figures.INTRO, sweep_figures.draw_section, swept)
