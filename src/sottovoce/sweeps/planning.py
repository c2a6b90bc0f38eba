"""The plan of a sweep: every configuration is made and checked before anything runs."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sottovoce.errors import UsageError
from sottovoce.lab import fields, registry
from sottovoce.runs.execution import Job
from sottovoce.sweeps import sharding

POINT = "point"


@dataclass(frozen=True)
class Plan:
    """What a sweep will run."""

    experiment: registry.Experiment
    over: Mapping[str, tuple[Any, ...]]  # values of each swept field; for a list of points, one value per point
    shape: tuple[int, ...]  # number of values along each dimension; for a list, the number of points
    configs: tuple[Any, ...]  # one resolved configuration per point, the last dimension fastest
    baseline: int  # the point that others are compared with: the one at the preset's values, else the first
    shard: sharding.Shard = sharding.WHOLE  # the part that is to be computed

    @cached_property
    def spans(self) -> tuple[range, ...]:
        """The members of each point that belong to the shard."""
        works = [sharding.member_work(self.experiment, config) for config in self.configs]
        return sharding.spans(works, [config.members for config in self.configs], self.shard)

    @property
    def title(self) -> str:
        """A few words on what runs."""
        whole = f"{'sweep' if self.over else 'run'} {self.experiment.name}"
        return whole if self.shard.n == 1 else f"shard {self.shard} of {whole}"

    @property
    def n_members(self) -> int:
        """How many members of all points belong to the shard."""
        return sum(map(len, self.spans))

    @property
    def dims(self) -> list[str]:
        """The dimensions along which the points lie: the swept fields of a grid, or `POINT` for a list of points."""
        return list(self.over) if len(self.shape) == len(self.over) else [POINT]

    def jobs(self, root: Path) -> list[Job]:
        """Return each point's members in the shard as a job of the store under `root`."""
        points = zip(self.configs, self.spans, strict=True)
        return [Job.of(self.experiment, config, span, root=root) for config, span in points]


def plan(
    given: str | registry.Experiment,
    /,
    over: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    **settings: Any,
) -> Plan:
    """Make and check every configuration of a sweep (see `running.sweep`) before anything runs.

    Raises:
        UsageError: the experiment, a field or a value is not allowed, or not exactly one of a grid and a list is given.
    """
    experiment = registry.experiment(given)
    if bool(over) == bool(points):
        raise UsageError("a sweep is over fields with their values, or over a list of points; give one of the two")
    if not isinstance(over or {}, Mapping) or not all(isinstance(point, Mapping) for point in points or ()):
        raise UsageError(
            f"a sweep is over {over or points!r:.60}; allowed: values by field, or a list of settings by field"
        )
    settings = fields.converted(experiment.Config, settings)
    if over:
        values = {field: _values(experiment, field, several) for field, several in over.items()}
        chosen = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
        shape = tuple(map(len, values.values()))
    else:
        chosen = [fields.converted(experiment.Config, point) for point in points or ()]
        if any(point.keys() != chosen[0].keys() for point in chosen):
            raise UsageError("points differ in their fields; give every point a value for each swept field")
        values = {field: tuple(point[field] for point in chosen) for field in chosen[0]}
        shape = (len(chosen),)
    _check(values, settings, distinct=bool(over))
    common = {**fields.shared(experiment.Config, values, settings), **settings}
    configs = tuple(experiment.Config(**common, **point).resolve() for point in chosen)
    return Plan(experiment, values, shape, configs, _baseline(experiment, common, configs))


def single(experiment: registry.Experiment, config: Any) -> Plan:
    """Return a sweep over no field: one configuration."""
    return Plan(experiment, {}, (), (config.resolve(),), 0)


def read(
    experiment: registry.Experiment, over: Sequence[str], point: Sequence[str]
) -> tuple[dict[str, list[Any]], list[dict[str, Any]]]:
    """Read a grid ("field=a,b,c" for each field) and a list of points ("field=a,other=b") from the command line.

    Raises:
        UsageError: a text is not of this form, or a field or value is not allowed.
    """
    grid = {}
    for text in over:
        field, values = _assignment("--over", text, "field=a,b,c")
        if field in grid:
            raise UsageError(f"--over names {field} twice; give all its values at once")
        grid[field] = [fields.parse(experiment.Config, field, value) for value in values.split(",")]
    pairs = [[_assignment("--point", part, "field=a,other=b") for part in text.split(",")] for text in point]
    return grid, [{field: fields.parse(experiment.Config, field, value) for field, value in at} for at in pairs]


def _assignment(flag: str, text: str, form: str) -> tuple[str, str]:
    field, _, values = text.partition("=")
    if not (field and values):
        raise UsageError(f"{flag} is {text!r}; allowed: {form}")
    # Flags are written with hyphens, so users write fields so too.
    return field.strip().replace("-", "_"), values


def _values(experiment: registry.Experiment, field: str, given: Iterable[Any]) -> tuple[Any, ...]:
    # A word is iterable too, letter by letter.
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UsageError(f"{field} is swept over {given!r}; allowed: several values, such as a list or an array")
    return tuple(fields.converted(experiment.Config, {field: value})[field] for value in given)


def _check(over: Mapping[str, Any], settings: Mapping[str, Any], distinct: bool) -> None:
    for field, values in over.items():
        if field in ("members", "seed"):
            raise UsageError(f"{field} cannot be swept; members are the replicates of every point")
        if field in settings:
            raise UsageError(f"{field} is swept and also set to {settings[field]!r}; give it once")
        # By repr, because 1 and True are equal but are different values; a list of points may repeat a field's value.
        if not values or (distinct and len(set(map(repr, values))) < len(values)):
            raise UsageError(f"{field} is swept over {list(values)}; allowed: one value or more, none twice")


def _baseline(experiment: registry.Experiment, common: Mapping[str, Any], configs: tuple[Any, ...]) -> int:
    try:
        preset = experiment.Config(**common).resolve()
    except UsageError:
        # The shared settings may be allowed only together with swept values, such as an objective with its n_aux.
        return 0
    return configs.index(preset) if preset in configs else 0
