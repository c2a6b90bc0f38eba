"""What an experiment is: one value from which commands, runs, tables, claims and the report are derived."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from sottovoce.errors import UsageError
from sottovoce.lab.configurations import completed
from sottovoce.lab.fields import flags, label, own_parts
from sottovoce.lab.quantities import Quantity
from sottovoce.parts import source_digest

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


class Trained(NamedTuple):
    """Trained members: the arrays of their networks by role and name, with a leading member axis, and their results."""

    arrays: Mapping[str, Mapping[str, Any]]
    dataset: "xr.Dataset"


class Experiment(ABC):
    """An experiment: what is computed for a member from a configuration, and what is made of the results.

    A subclass states `name`, `version`, `summary` and `Config`, and defines `simulate`; all else has a default. An
    instance is given to `sottovoce.run` and `sottovoce.sweep`. A package that names the class as an entry point of the
    group `sottovoce.experiments` adds it to the command line and to the report (docs/own_experiment.md).

    Attributes:
        name: the experiment's name on the command line, in stores and in the report: lower case, a Python name.
        version: version of the experiment's definition, a whole number; part of the identity of every result, and to be
            raised whenever the same configuration gives other values than before.
        summary: the experiment's question, in one line.
        Config: a frozen dataclass of the fields that decide the values, each of a type that `lab.checks.check` knows
            and with a default. Fields `members` and `seed`, a method `resolve` that checks every field by its
            annotation, and a method `smoke` that returns two members are added where they lack.
        trains: whether the experiment trains networks on jax's devices, from the images of the dataset that the field
            `dataset` names. The resolved configuration then has `member_bytes()`, the memory of a member.
        vectorized: how many members are computed together at little more than the cost of one; None: no such gain.
        results: the runs that the report shows, by name; by default the saved run under the experiment's name, which
            `sottovoce reproduce` does not compute.
        section: the experiment under whose heading the report shows the figures; by default this one.
        claims: the claims that are judged on the experiment's results and sweeps.
        sweeps: the sweeps that the report shows, by name and dataset; of several datasets, the first that is saved.
        quantities: by name of a variable, a coordinate or a field that a sweep makes a coordinate, its attributes
            `long_name` and `units` in results. They are added where a result is returned and are no part of what is
            saved. A name that is not declared has its words as `long_name`.
    """

    name: str
    version: int
    summary: str
    Config: type[Any]
    trains: bool = False
    vectorized: int | None = None
    results: Mapping[str, Result]
    section: str
    claims: "Sequence[Claim]" = ()
    sweeps: Mapping[str, Mapping[str, NamedSweep]] = MappingProxyType({})
    quantities: Mapping[str, Quantity] = MappingProxyType({})

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Complete the configuration of a subclass that states one, and give it the defaults that follow its name.

        Raises:
            UsageError: the configuration cannot be one.
        """
        super().__init_subclass__(**arguments)
        stated = vars(cls)
        # Taken now, because a file may change while its code runs.
        cls._digest = source_digest(cls)
        if isinstance(stated.get("Config"), type):
            cls.Config = completed(cls.Config, cls)
        if isinstance(name := stated.get("name"), str):
            cls.results = stated.get("results", {name: Result(on_request=True)})
            cls.section = stated.get("section", name)

    def __repr__(self) -> str:
        return f"<experiment {self.name}>"

    @abstractmethod
    def simulate(self, config: Any, members: Sequence[int]) -> "xr.Dataset":
        """Compute members of a resolved configuration.

        A member's values may depend on the configuration and the member's index alone, so that it is the same in any
        company: derive its random numbers from (seed, index).

        Args:
            config: a `Config` of which every field is checked.
            members: the indices of the members.

        Returns:
            Numbers over `member`, with the coordinate `member`, and any other dimensions. A boolean variable `diverged`
            by member marks members whose numbers are no results. Attributes of variables, such as `units`, are saved
            with each chunk and take the place of `quantities`; those that differ between chunks, or between the points
            of a sweep, are left out of the result.
        """

    def train(self, config: Any, members: Sequence[int]) -> Trained:  # noqa: ARG002
        """Compute members of a resolved configuration, as `simulate` does, and return their networks as well.

        Raises:
            UsageError: the experiment returns no networks.
        """
        raise UsageError(f"{self.name} returns no networks; allowed: experiments that define `train`")

    def roles(self, config: Any) -> tuple[str, ...]:  # noqa: ARG002
        """Return the roles of the networks that `train` returns; none where it returns no networks."""
        return ()

    def networks(self, config: Any, arrays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:  # noqa: ARG002
        """Return the networks of one member by role from their arrays by role and name."""
        return dict(arrays)

    @property
    def heading(self) -> tuple[str, str]:
        """Title and introduction of the report's section that the experiment heads."""
        return self.name.replace("_", " ").capitalize(), self.summary

    def check_data(self, config: Any) -> None:
        """Load the configuration's dataset, if it has one.

        Raises:
            DataError: its files are missing or damaged.
        """
        if self.trains:
            from sottovoce.data import load_dataset

            load_dataset(config.dataset)

    def table(self, dataset: "xr.Dataset") -> "Table":
        """Return the rows that `sottovoce run` prints of a result; by default one for each entry of each variable.

        Args:
            dataset: as `runs.execution.execute` returns it.

        Returns:
            By label: `mean`, `ci95` (ends of the 95 % interval over members, None below four), `members`, `published`
            (None where nothing comparable is published) and `quantity`.
        """
        from sottovoce.lab import defaults

        return defaults.table(dataset)

    def notes(self, dataset: "xr.Dataset") -> list[str]:
        """Return what a result shows, in short sentences."""
        from sottovoce.lab import defaults

        return defaults.notes(dataset)

    def draw(self, results: "Results") -> "list[Drawing]":
        """Return the experiment's figures for the report, drawn from those of its results that are available."""
        from sottovoce.lab import defaults
        from sottovoce.lab.drawing import config_of

        shown = {name: results[name] for name in self.results if name in results}
        return [defaults.draw(name, one, self.source(config_of(one))) for name, one in shown.items()]

    def as_sweep(self, dataset: "xr.Dataset") -> "xr.Dataset":
        """Return one run whose members were measured at all values of a field as a sweep over that field."""
        raise NotImplementedError(f"no sweep of {self.name} is made of one run")

    def source(self, config: Mapping[str, Any]) -> str:
        """Return where the samples of a configuration come from, in a few words: its dataset, if it has one."""
        return config.get("dataset", self.name)

    def sources(self, config: Any) -> dict[str, str]:
        """Return the SHA-256 of the sources behind a configuration's values that are not this package's own, by what.

        They are the experiment's, and those of the parts that users registered, as far as Python keeps them.
        """
        digests = {"experiment": self.digest} | {f"{p.kind} {p.name}": p.digest for p in own_parts(config)}
        return {what: digest for what, digest in digests.items() if digest is not None}

    @property
    def origin(self) -> str:
        """Module and name of the experiment's class, as a worker imports it."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @property
    def digest(self) -> str | None:
        """SHA-256 of the source that defines the experiment, as it was then; None where Python keeps none."""
        return self._digest
