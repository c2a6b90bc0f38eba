"""Run or load every point of a plan, with one progress display for all points."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sottovoce import data
from sottovoce.running.run import Execution, results_of, spread
from sottovoce.runs.progress import Progress, choose
from sottovoce.sweeps import saved
from sottovoce.sweeps.joining import join
from sottovoce.sweeps.planning import Plan, plan
from sottovoce.sweeps.sharding import WHOLE

if TYPE_CHECKING:
    import xarray as xr


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
        A point at which more than a tenth of the members diverged is included, with these members flagged.

    Raises:
        UsageError: a field or a value is not allowed; nothing has run then.
    """
    execution = execution or Execution(quiet=True)
    with data.searched_first(execution.data_dir):
        return run_plan(plan(name, over, points, **settings), execution)


def run_plan(planned: Plan, execution: Execution) -> "xr.Dataset":
    """Run every point of a plan; see `sweep`."""
    return join(planned, list(compute(planned, execution)))


def compute(planned: Plan, execution: Execution) -> "Iterator[xr.Dataset]":
    """Run, or load, the members of a plan's shard, point by point.

    Args:
        planned: the sweep; without shards, all its members are meant.
        execution: how to run.

    Yields:
        The result of every point of which the shard has members, also of a point at which more than a tenth of them
        diverged.
    """
    total, missing = sum(map(len, planned.spans)), sum(saved.missing(planned, execution))
    overall = choose(planned.title, quiet=execution.quiet)
    overall.start(total, total - missing)
    part = _Part(overall)
    try:
        # A point without members in this shard has nothing to run or load.
        wanted = [(planned.experiment, *one) for one in zip(planned.configs, planned.spans, strict=True) if one[1]]
        execution, computed = spread(wanted, execution, part)
        for (experiment, config, span), n_computed in zip(wanted, computed, strict=True):
            result = results_of(experiment, config, execution, span, progress=part)
            # What workers have just computed is loaded here, but is not a cached result.
            result.attrs["cached"] &= n_computed == 0
            yield result
    finally:
        overall.finish()


class Done(NamedTuple):
    """What a shard computed, and how much of the whole is still missing.

    Attributes:
        title: name of the shard.
        members: how many members the shard has, over all points; they are on disk now.
        computed: how many of these were not on disk when the shard started.
        total: how many members all shards have.
        missing: how many of these the folder lacks.
    """

    title: str
    members: int
    computed: int
    total: int
    missing: int

    def __str__(self) -> str:
        own = f"{self.title}: {self.members} members, {self.computed} computed now"
        if self.missing:
            rest = f"{self.missing} of {self.total} members are missing here"
            return f"{own}; {rest}: other shards compute them, sottovoce merge brings them from other folders"
        return f"{own}; all {self.total} members are here: the same command without --shard prints the result"


def run_shard(planned: Plan, execution: Execution) -> Done:
    """Compute the members of a plan's shard and keep no result in memory.

    Args:
        planned: the sweep, with its shard.
        execution: how to run.

    Returns:
        What was computed, and how many members of all shards the folder lacks.
    """
    computed = sum(saved.missing(planned, execution))
    for _ in compute(planned, execution):
        pass
    whole = replace(planned, shard=WHOLE)
    # With `refresh`, every member of the whole would count as missing.
    missing = sum(saved.missing(whole, replace(execution, refresh=False)))
    total = sum(map(len, whole.spans))
    return Done(planned.title, sum(map(len, planned.spans)), computed, total, missing)


class _Part:
    """The progress of one point, which is passed on to the progress of the whole sweep."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self.phase = whole.phase
        self.advance = whole.advance

    def start(self, total: int, done: int) -> None:
        """Pass nothing on: the progress of the sweep has started."""

    def finish(self) -> None:
        """Pass nothing on: the progress of the sweep continues."""
