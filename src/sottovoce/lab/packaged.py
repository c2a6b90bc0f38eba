"""The built-in experiments: a folder each, whose modules are imported when they are first needed."""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sottovoce.lab.experiment import Experiment, NamedSweep, Result, Trained
from sottovoce.lab.quantities import Quantity, words

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.lab.claims import Claim
    from sottovoce.lab.drawing import Drawing, Results
    from sottovoce.lab.rows import Table


class Packaged(Experiment):
    """An experiment that is a folder with `config.py`, `simulate.py`, `findings.py` and `figures.py`.

    A list of experiments therefore imports none of them.
    """

    def __init__(
        self,
        package: str,
        *,
        version: int,
        summary: str,
        trains: bool = True,
        vectorized: int | None = None,
        results: Mapping[str, Result] | None = None,
        section: str = "",
    ) -> None:
        """Describe the experiment of a folder.

        Args:
            package: the folder's dotted name; its last part is the experiment's name.
            version: as for `Experiment`, like the following.
            summary: the experiment's question.
            trains: whether networks are trained.
            vectorized: how many members are computed together.
            results: the runs that the report shows; by default the run at presets, under the experiment's name.
            section: the experiment under whose heading the report shows the figures; by default this one.
        """
        self.package, self.name = package, package.rpartition(".")[2]
        self.version, self.summary, self.trains, self.vectorized = version, summary, trains, vectorized
        self.results = results or {self.name: Result()}
        self.section = section or self.name

    @property
    def Config(self) -> type[Any]:  # noqa: N802  # pyright: ignore[reportIncompatibleVariableOverride]
        """The frozen dataclass of the experiment's fields."""
        return self._part("config").Config

    def simulate(self, config: Any, members: Sequence[int]) -> "xr.Dataset":
        """Compute the given members of a resolved configuration."""
        return self._part("simulate").simulate(config, members)

    def train(self, config: Any, members: Sequence[int]) -> Trained:
        """Compute members and return their networks as well; errors as for `Experiment.train`."""
        simulate = self._part("simulate")
        if not hasattr(simulate, "train"):
            return super().train(config, members)
        trained = simulate.train(config, members)
        arrays = self._weights().arrays_of(trained, simulate.students_of(config))
        return Trained(arrays, simulate.results_of(config, members, trained))

    def roles(self, config: Any) -> tuple[str, ...]:
        """Return the roles of the networks that `train` returns; none where it returns no networks."""
        simulate = self._part("simulate")
        if not hasattr(simulate, "train"):
            return ()
        return ("reference", "teacher", *(student.role for student in simulate.students_of(config)))

    def networks(self, config: Any, arrays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the networks of one member by role from their arrays by role and name."""
        return self._weights().networks_of(config, arrays)

    def table(self, dataset: "xr.Dataset") -> "Table":
        """Return the rows that `sottovoce run` prints of a result."""
        return self._part("findings").table(dataset)

    def notes(self, dataset: "xr.Dataset") -> list[str]:
        """Return what a result shows, in short sentences."""
        findings = self._part("findings")
        return findings.notes(dataset) if hasattr(findings, "notes") else []

    @cached_property
    def claims(self) -> "tuple[Claim, ...]":  # pyright: ignore[reportIncompatibleVariableOverride]
        """The claims that are judged on the experiment's results and sweeps."""
        parts = [self._part("findings"), *([self._part("sweeps")] if self._has("sweeps") else [])]
        return tuple(claim for part in parts for claim in getattr(part, "CLAIMS", ()))

    @property
    def sweeps(self) -> Mapping[str, Mapping[str, NamedSweep]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The sweeps that the report shows, by name and dataset; of several datasets, the first that is saved."""
        return self._part("sweeps").SWEEPS if self._has("sweeps") else {}

    @property
    def quantities(self) -> Mapping[str, Quantity]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the variables and coordinates of results are, with the fields that a sweep makes coordinates.

        Fields are pure numbers where `QUANTITIES` of `config.py` says nothing else.
        """
        swept = {field.name: Quantity(words(field.name)) for field in fields(self.Config)}
        return swept | self._part("config").QUANTITIES

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

    @property
    def digest(self) -> None:
        """None: the commit of the package, which is stored beside the values, says which source there was."""

    def _weights(self) -> ModuleType:
        # Beside the experiments' folders, and imported by name, because the kernel depends on none of them.
        return importlib.import_module(f"{self.package.rpartition('.')[0]}.protocol.weights")

    def _has(self, part: str) -> bool:
        # Looked up, not imported: a test for a part should not load it.
        return importlib.util.find_spec(f"{self.package}.{part}") is not None

    def _part(self, part: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{part}")
