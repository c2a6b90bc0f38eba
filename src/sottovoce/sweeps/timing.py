"""The expected duration of a sweep, announced before it runs."""

from sottovoce.running.run import LOCAL, Execution, prepare
from sottovoce.sweeps import saved
from sottovoce.sweeps.planning import Plan
from sottovoce.sweeps.sharding import member_seconds


def announcement(planned: Plan, execution: Execution) -> str:
    """Return one line on what will run, and about how long it will take."""
    missing = sum(saved.missing(planned, execution))
    points, members = sum(map(bool, planned.spans)), sum(map(len, planned.spans))
    counts = f"{points} point{'s' if points != 1 else ''}, {members} members, {missing} to compute"
    line = f"{planned.title}: {counts}"
    # How fast the workers of a cluster are is not known here.
    if not planned.experiment.trains or not missing or execution.executor != LOCAL:
        return line
    from sottovoce.training import devices

    prepare(execution, trains=True)
    seconds = seconds_expected(planned, execution, devices.product_gflops())
    return f"{line}, about {seconds / 60:.0f} min" if seconds > 90 else f"{line}, about {seconds:.0f} s"


def seconds_expected(planned: Plan, execution: Execution, gflops: float) -> float:
    """Return about how long the points that are not on disk will take.

    Args:
        planned: the sweep.
        execution: where the results are stored.
        gflops: rate of this machine's matrix products, 10^9 operations per second.

    Returns:
        Seconds of training, estimated as `sharding.member_seconds` describes.
    """
    missing = saved.missing(planned, execution)
    return sum(member_seconds(config, gflops) * n for config, n in zip(planned.configs, missing, strict=True))
