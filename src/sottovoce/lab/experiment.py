"""What an experiment is: one value from which commands, runs, tables, claims and the report are derived."""

import dataclasses
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from sottovoce.lab.fields import flags, label

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.lab.claims import Claim
    from sottovoce.lab.drawing import Drawing, Results
    from sottovoce.lab.rows import Table


class Config(Protocol):
    """What every experiment's configuration offers: a frozen dataclass of scientific fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    members: Any

    def resolve(self) -> Self:
        """Return the configuration with every field filled in and checked."""
        ...

    @classmethod
    def smoke(cls) -> Self:
        """Return the smallest configuration that still runs everything, in seconds."""
        ...


@dataclass(frozen=True)
class Result:
    """A run of an experiment that the report shows under a name of its own.

    Attributes:
        fields: the fields that distinguish this result's run; all others are at their presets.
        on_request: whether `sottovoce reproduce` skips the run because it takes long; the report shows the run once it
            is saved.
    """

    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    on_request: bool = False


@dataclass(frozen=True)
class NamedSweep:
    """A sweep of an experiment that the report shows once all its points are saved.

    Attributes:
        field: the field that is swept.
        values: its values.
        fixed: other fields that are not at their presets.
        one_run: whether a single run has all values, because its students differ in the field.
    """

    field: str
    values: tuple[Any, ...]
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    one_run: bool = False

    def settings(self, dataset: str) -> dict[str, Any]:
        """Return the fields that all points share."""
        return {"dataset": dataset, **self.fixed}

    def command(self, experiment: str, dataset: str, members: int) -> str:
        """Return the command that makes the sweep."""
        shared = {**self.settings(dataset), "members": members}
        if self.one_run:
            return f"sottovoce run {experiment} {flags({self.field: self.values, **shared})}"
        values = ",".join(str(label(value)) for value in self.values)
        return f"sottovoce sweep {experiment} --over {self.field}={values} {flags(shared)}"


# Equal to itself alone and hashable: a hash of the fields would fail on the mapping `results`.
@dataclass(frozen=True, eq=False)
class Experiment:
    """One experiment: a folder with `config.py`, `simulate.py`, `findings.py` and `figures.py`.

    The folder's modules are imported when they are first needed, so that a list of experiments imports none of them.

    Attributes:
        package: the folder's dotted name; its last part is the experiment's name.
        version: version of the experiment's definition; part of the identity of every result.
        summary: the experiment's question, in one line.
        trains: whether the experiment trains networks on jax's devices, from a dataset's images.
        vectorized: how many members are computed together at little more than the cost of one; None: no such gain.
        results: the runs that the report shows, by name; by default the run at presets, under the experiment's name.
        section: the experiment under whose heading the report shows the figures; empty: this one.
    """

    package: str
    version: int
    summary: str
    trains: bool = True
    vectorized: int | None = None
    results: Mapping[str, Result] = dataclasses.field(default_factory=dict)
    section: str = ""

    def __post_init__(self) -> None:
        """Fill in the defaults that follow from the experiment's name."""
        # The one way to assign to a field of a frozen dataclass.
        object.__setattr__(self, "results", self.results or {self.name: Result()})
        object.__setattr__(self, "section", self.section or self.name)

    @property
    def name(self) -> str:
        """The experiment's name on the command line, in stores and in the report."""
        return self.package.rpartition(".")[2]

    @property
    def Config(self) -> type[Any]:  # noqa: N802 - the value is a class
        """The frozen dataclass of the experiment's fields."""
        return self._part("config").Config

    def check_data(self, config: Any) -> None:
        """Load the configuration's dataset, if it has one.

        Raises:
            DataError: its files are missing or damaged.
        """
        if self.trains:
            from sottovoce.data import load_dataset

            load_dataset(config.dataset)

    def simulate(self, config: Any, members: Sequence[int]) -> "xr.Dataset":
        """Compute the given members of a resolved configuration."""
        return self._part("simulate").simulate(config, members)

    def table(self, dataset: "xr.Dataset") -> "Table":
        """Return the rows that `sottovoce run` prints of a result.

        Args:
            dataset: as `runs.execution.execute` returns it.

        Returns:
            By label: `mean`, `ci95` (ends of the 95 % interval over members, None below four), `members`, `published`
            (None where nothing comparable is published) and `quantity`.
        """
        return self._part("findings").table(dataset)

    def notes(self, dataset: "xr.Dataset") -> list[str]:
        """Return what a result shows, in short sentences."""
        findings = self._part("findings")
        return findings.notes(dataset) if hasattr(findings, "notes") else []

    @cached_property
    def claims(self) -> "tuple[Claim, ...]":
        """The claims that are judged on the experiment's results and sweeps."""
        parts = [self._part("findings"), *([self._part("sweeps")] if self._has("sweeps") else [])]
        return tuple(claim for part in parts for claim in getattr(part, "CLAIMS", ()))

    @property
    def sweeps(self) -> Mapping[str, Mapping[str, NamedSweep]]:
        """The sweeps that the report shows, by name and dataset; of several datasets, the first that is saved."""
        return self._part("sweeps").SWEEPS if self._has("sweeps") else {}

    def as_sweep(self, dataset: "xr.Dataset") -> "xr.Dataset":
        """Return one run whose students differ in a field as a sweep over that field."""
        return self._part("sweeps").as_sweep(dataset)

    @property
    def heading(self) -> tuple[str, str]:
        """Title and introduction of the report's section that the experiment heads."""
        figures = self._part("figures")
        return figures.TITLE, figures.INTRO

    def draw(self, results: "Results") -> "list[Drawing]":
        """Return the experiment's figures for the report, drawn from those of its results that are available."""
        return self._part("figures").draw_section(results)

    def source(self, config: Mapping[str, Any]) -> str:
        """Return where the samples of a configuration come from, in a few words: its dataset, if it has one."""
        described = getattr(self._part("config"), "source", None)
        return described(config) if described else config["dataset"]

    def _has(self, part: str) -> bool:
        # Looked up, not imported: a test for a part should not load it.
        return importlib.util.find_spec(f"{self.package}.{part}") is not None

    def _part(self, part: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{part}")
