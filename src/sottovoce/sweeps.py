"""One experiment at many settings, as one dataset with the swept fields as dimensions.

Every point is a run of its own in the store, so an enlarged sweep computes only what is new, and points whose
settings change no shape share one compiled program.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce import data
from sottovoce.api import Execution, run_config
from sottovoce.errors import DivergenceError, UsageError
from sottovoce.experiments import registry
from sottovoce.experiments import settings as of_fields
from sottovoce.runs.identity import canonical, run_header
from sottovoce.runs.progress import Progress, choose
from sottovoce.runs.store import RunFolder

if TYPE_CHECKING:
    import xarray as xr

POINT = "point"
# What training reaches of the rate of matrix products on networks as wide as MNIST's, and what a step costs on top.
SHARE_OF_RATE = 0.7
STEP_SECONDS = 2e-4


@dataclass(frozen=True)
class Plan:
    """What a sweep will run.

    Attributes:
        experiment: the experiment.
        over: values of each swept field; of a list of points, in the order of the points.
        shape: number of values along each dimension; of a list, how many points.
        configs: one resolved configuration per point, the last dimension fastest.
    """

    experiment: registry.Experiment
    over: Mapping[str, tuple[Any, ...]]
    shape: tuple[int, ...]
    configs: tuple[Any, ...]

    @property
    def is_grid(self) -> bool:
        """Whether every value of a field meets every value of the others."""
        return len(self.shape) == len(self.over)


def plan(
    name: str,
    over: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    **settings: Any,
) -> Plan:
    """Make and check every configuration of a sweep before anything runs.

    Args:
        name: an experiment.
        over: values by field: a grid.
        points: settings of each point, all of the same fields: a list.
        **settings: fields that all points share.

    Returns:
        The plan.

    Raises:
        UsageError: experiment, field or value is not allowed, or what is swept is not one grid or one list.
    """
    experiment = registry.experiment(name)
    if bool(over) == bool(points):
        raise UsageError("a sweep is over fields with their values, or over a list of points; give one of the two")
    if over:
        values = {field: tuple(given) for field, given in over.items()}
        chosen = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
        shape = tuple(len(given) for given in values.values())
    else:
        chosen = [dict(point) for point in points or ()]
        if any(point.keys() != chosen[0].keys() for point in chosen):
            raise UsageError("points differ in their fields; give every point a value for each swept field")
        values = {field: tuple(point[field] for point in chosen) for field in chosen[0]}
        shape = (len(chosen),)
    _check(experiment, values, settings, distinct=bool(over))
    common = {**of_fields.shared(experiment.Config, values, settings), **settings}
    configs = tuple(experiment.Config(**common, **point).resolve() for point in chosen)
    return Plan(experiment, values, shape, configs)


def sweep(
    name: str,
    over: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    *,
    execution: Execution | None = None,
    **settings: Any,
) -> "xr.Dataset":
    """Run an experiment at many settings, loading the points that have been run before.

    Args:
        name: an experiment, for example "transfer".
        over: values by field, for example {"n_aux": [2, 3, 8]}: a grid.
        points: settings of each point: a list.
        execution: how to run; silent by default.
        **settings: fields that all points share.

    Returns:
        The results with the swept fields as dimensions (of a list: the dimension `point`, with the fields along it).
        A point at which more than a tenth of the members diverged is there with these members flagged.

    Raises:
        UsageError: a field or a value is not allowed; nothing has run then.
    """
    execution = execution or Execution(quiet=True)
    with data.searched_first(execution.data_dir):
        return run_plan(plan(name, over, points, **settings), execution)


def read(
    experiment: registry.Experiment, over: Sequence[str], point: Sequence[str]
) -> tuple[dict[str, list[Any]], list[dict[str, Any]]]:
    """Read a grid and a list of points from the command line.

    Args:
        experiment: whose fields are meant.
        over: "field=a,b,c", one per swept field.
        point: "field=a,other=b", one per point.

    Returns:
        Values by field, and settings by point.

    Raises:
        UsageError: a text is not of this form, or a field or value is not allowed.
    """
    grid = {}
    for text in over:
        field, values = _assignment("--over", text, "field=a,b,c")
        if field in grid:
            raise UsageError(f"--over names {field} twice; give all its values at once")
        grid[field] = [of_fields.parse(experiment.Config, field, value) for value in values.split(",")]
    points = []
    for text in point:
        pairs = [_assignment("--point", part, "field=a,other=b") for part in text.split(",")]
        points.append({field: of_fields.parse(experiment.Config, field, value) for field, value in pairs})
    return grid, points


def announcement(planned: Plan, execution: Execution) -> str:
    """Return one line on what will run, and about how long it will take."""
    members = planned.configs[0].members
    missing = sum(_missing(planned, config, execution) for config in planned.configs)
    counts = f"{len(planned.configs)} points, {members} members each, {missing} members to compute"
    line = f"sweep {planned.experiment.name}: {counts}"
    if not planned.experiment.trains or not missing:
        return line
    from sottovoce.training import devices

    devices.configure(execution.device, execution.devices)
    seconds = seconds_expected(planned, execution, devices.product_gflops())
    return f"{line}, about {seconds / 60:.0f} min" if seconds > 90 else f"{line}, about {seconds:.0f} s"


def run_plan(planned: Plan, execution: Execution) -> "xr.Dataset":
    """Run every point of a plan; see `sweep`."""
    total = sum(config.members for config in planned.configs)
    missing = sum(_missing(planned, config, execution) for config in planned.configs)
    overall = choose(f"sweep {planned.experiment.name}", quiet=execution.quiet)
    overall.start(total, total - missing)
    results = []
    try:
        for config in planned.configs:
            try:
                results.append(run_config(planned.experiment, config, execution, progress=_Part(overall)))
            except DivergenceError as error:
                results.append(error.dataset)
    finally:
        overall.finish()
    return _join(planned, results)


def _assignment(flag: str, text: str, form: str) -> tuple[str, str]:
    field, equals, values = text.partition("=")
    if not (field and equals and values):
        raise UsageError(f"{flag} is {text!r}; allowed: {form}")
    return field.strip().replace("-", "_"), values


class _Part:
    """The progress of one point, told to that of the whole."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self.phase = whole.phase
        self.advance = whole.advance

    def start(self, total: int, done: int) -> None:
        """Tell nothing: the whole has started."""

    def finish(self) -> None:
        """Tell nothing: the whole goes on."""


def _check(
    experiment: registry.Experiment, over: Mapping[str, Any], settings: Mapping[str, Any], distinct: bool
) -> None:
    for field in (*over, *settings):
        of_fields.check_name(experiment.Config, field)
    for field, values in over.items():
        if field in ("members", "seed"):
            raise UsageError(f"{field} cannot be swept; members are the replicates of every point")
        if field in settings:
            raise UsageError(f"{field} is swept and also set to {settings[field]!r}; give it once")
        if not values or (distinct and len(set(map(repr, values))) < len(values)):
            raise UsageError(f"{field} is swept over {list(values)}; allowed: one value or more, none twice")


def _missing(planned: Plan, config: Any, execution: Execution) -> int:
    header = run_header(planned.experiment.name, planned.experiment.VERSION, config)
    if execution.refresh:
        return config.members
    return len(RunFolder.of(execution.out / "runs", header).missing(range(config.members)))


def _join(planned: Plan, results: "Sequence[xr.Dataset]") -> "xr.Dataset":
    """Put the points' datasets together along the swept fields."""
    import numpy as np
    import xarray as xr

    labels = {field: [of_fields.label(value) for value in values] for field, values in planned.over.items()}
    dims = list(planned.over) if planned.is_grid else [POINT]
    nested: Any = np.empty(planned.shape, dtype=object)
    for index, result in zip(np.ndindex(planned.shape), results, strict=True):
        # Points of different sizes are padded, which takes an index along every dimension.
        unnamed = {dim: np.arange(size) for dim, size in result.sizes.items() if dim not in result.coords}
        nested[index] = result.drop_attrs().assign_coords(unnamed)
    joined = xr.combine_nested(
        nested.tolist(), concat_dim=dims, combine_attrs="drop", join="outer", coords="minimal", compat="override",
        data_vars="all",
    )  # fmt: skip
    along = {field: (field if planned.is_grid else POINT, label) for field, label in labels.items()}
    joined = joined.transpose(*dims, ...).assign_coords(along)
    common = {k: v for k, v in json.loads(canonical(planned.configs[0])).items() if k not in planned.over}
    identities = [result.attrs["identity"] for result in results]
    return joined.assign_attrs(
        experiment=planned.experiment.name,
        config=canonical(common),
        swept=list(planned.over),
        identity=hashlib.sha256("".join(identities).encode()).hexdigest(),
        cached=int(all(result.attrs["cached"] for result in results)),
        members=planned.configs[0].members,
    )


def seconds_expected(planned: Plan, execution: Execution, gflops: float) -> float:
    """Return about how long the points that are not on disk will take.

    Args:
        planned: the sweep.
        execution: where results are.
        gflops: rate of this machine's matrix products, 10^9 operations per second.

    Returns:
        Seconds, from the operations of training at the share of that rate that training reaches, and the time that a
        step takes however small it is.
    """
    seconds = 0.0
    for config in planned.configs:
        flops, steps = config.member_work()
        member = flops / (SHARE_OF_RATE * gflops * 1e9) + steps * STEP_SECONDS
        seconds += member * _missing(planned, config, execution)
    return seconds
