"""Run or load every point of a plan, with one progress display for all points."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sottovoce import data
from sottovoce.lab import registry
from sottovoce.lab.quantities import labelled
from sottovoce.running.run import (
    LOCAL,
    Execution,
    chosen_execution,
    prepare,
    results_of,
    spread,
    start_before_trials,
)
from sottovoce.runs.identity import canonical
from sottovoce.runs.progress import Progress, choose
from sottovoce.sweeps.planning import Plan, plan
from sottovoce.sweeps.points import join
from sottovoce.sweeps.sharding import WHOLE, member_seconds

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.lab.experiment import Experiment


def sweep(
    experiment: "str | Experiment",
    /,
    over: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    *,
    execution: Execution | None = None,
    **settings: Any,
) -> "xr.Dataset":
    """Run an experiment at many settings, loading the points that have been run before.

    Args:
        experiment: a name, for example "transfer", or an experiment of your own.
        over: values by field, for example {"n_aux": [2, 3, 8]}: a grid.
        points: settings of each point: a list.
        execution: how to run, as for `run`.
        **settings: fields that all points share.

    Returns:
        The results with the swept fields as dimensions (of a list: the dimension `point`, with the fields along it),
        and attributes of variables and coordinates as `run` gives them; a unit that depends on a swept field names
        every unit that there is.
        A point at which more than a tenth of the members diverged is included, with these members flagged.

    Raises:
        UsageError: a field or a value is not allowed; nothing has run then.
    """
    execution = chosen_execution(execution)
    start_before_trials(registry.experiment(experiment), execution)
    with data.searched_first(execution.data_dir):
        return run_plan(plan(experiment, over, points, **settings), execution)


def run_plan(planned: Plan, execution: Execution) -> "xr.Dataset":
    """Run every point of a plan; see `sweep`."""
    return join(planned, list(_compute(planned, execution)))


class Done(NamedTuple):
    """What a shard computed, and how much of the whole is still missing."""

    title: str
    members: int  # of the shard, over all points; they are on disk now
    computed: int  # of these, how many were not on disk when the shard started
    total: int  # members of all shards
    missing: int  # of these, how many the folder lacks

    def __str__(self) -> str:
        own = f"{self.title}: {self.members} members, {self.computed} computed now"
        if self.missing:
            rest = f"{self.missing} of {self.total} members are missing here"
            return f"{own}; {rest}: other shards compute them, sottovoce merge brings them from other folders"
        return f"{own}; all {self.total} members are here: the same command without --shard prints the result"


def run_shard(planned: Plan, execution: Execution) -> Done:
    """Compute the members of a plan's shard and keep no result in memory."""
    computed = sum(missing(planned, execution))
    # Each point's result is dropped before the next one is computed.
    for _ in _compute(planned, execution):
        pass
    whole = replace(planned, shard=WHOLE)
    # With `refresh`, every member of the whole would count as missing.
    lacking = sum(missing(whole, replace(execution, refresh=False)))
    return Done(planned.title, planned.n_members, computed, whole.n_members, lacking)


def load(planned: Plan, root: Path) -> "xr.Dataset | None":
    """Load a sweep as `sweep` returns it; None where no member is saved at all points (see `load_points`)."""
    points = load_points(planned, root)
    return join(planned, points) if points else None


def load_points(planned: Plan, root: Path) -> "list[xr.Dataset]":
    """Load every point of a sweep, restricted to the members that all points have; empty where there is no such member.

    Nothing is computed, and the number of members in the plan does not matter.
    """
    jobs = planned.jobs(root)
    members = sorted(set.intersection(*(set(job.folder.members()) for job in jobs)))
    if not members:
        return []
    loaded = [
        job.folder.load(members).assign_attrs(
            experiment=job.header["experiment"],
            identity=job.header["identity"],
            config=canonical(job.header["config"]),
            cached=1,
        )
        for job in jobs
    ]
    return [labelled(result, planned.experiment.quantities) for result in loaded]


def missing(planned: Plan, execution: Execution) -> list[int]:
    """Return how many members of each point's span remain to be computed."""
    return [len(job.members) if execution.refresh else job.missing() for job in planned.jobs(execution.out / "runs")]


def announcement(planned: Plan, execution: Execution) -> str:
    """Return one line on what will run, and about how long it will take."""
    points, n_missing = sum(map(bool, planned.spans)), sum(missing(planned, execution))
    counts = f"{points} point{'s' if points != 1 else ''}, {planned.n_members} members, {n_missing} to compute"
    line = f"{planned.title}: {counts}"
    # How fast the workers of a cluster are is not known here.
    if not planned.experiment.trains or not n_missing or execution.executor != LOCAL:
        return line
    from sottovoce.training import devices

    # jax fixes the number of devices when it first computes, so they are started before their rate is measured.
    prepare(execution, trains=True)
    seconds = seconds_expected(planned, execution, devices.product_gflops())
    return f"{line}, about {seconds / 60:.0f} min" if seconds > 90 else f"{line}, about {seconds:.0f} s"


def seconds_expected(planned: Plan, execution: Execution, gflops: float) -> float:
    """Return about how long the points that are not on disk will train; see `sharding.member_seconds`."""
    lacking = missing(planned, execution)
    return sum(member_seconds(config, gflops) * n for config, n in zip(planned.configs, lacking, strict=True))


def _compute(planned: Plan, execution: Execution) -> "Iterator[xr.Dataset]":
    """Run, or load, the members of a plan's shard, and yield the result of every point that has some of them."""
    overall = choose(planned.title, quiet=execution.quiet)
    overall.start(planned.n_members, planned.n_members - sum(missing(planned, execution)))
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


class _Part(Progress):
    """The progress of one point, which begins and ends within that of the whole sweep."""

    def __init__(self, whole: Progress) -> None:
        # Starting and finishing stay silent: the display was started for all points and does not end with one of them.
        self.phase, self.advance = whole.phase, whole.advance
