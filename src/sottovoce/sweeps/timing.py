"""What a sweep will take, said before it runs."""

from sottovoce.api import LOCAL, Execution
from sottovoce.sweeps import saved
from sottovoce.sweeps.planning import Plan

# What training reaches of the rate of matrix products on networks as wide as MNIST's, and what a step costs on top.
SHARE_OF_RATE = 0.7
STEP_SECONDS = 2e-4


def announcement(planned: Plan, execution: Execution) -> str:
    """Return one line on what will run, and about how long it will take."""
    members = planned.configs[0].members
    missing = sum(saved.missing(planned, config, execution) for config in planned.configs)
    counts = f"{len(planned.configs)} points, {members} members each, {missing} members to compute"
    line = f"sweep {planned.experiment.name}: {counts}"
    if not planned.experiment.trains or not missing or execution.executor != LOCAL:
        return line
    from sottovoce.training import devices

    devices.configure(execution.device, execution.devices)
    seconds = seconds_expected(planned, execution, devices.product_gflops())
    return f"{line}, about {seconds / 60:.0f} min" if seconds > 90 else f"{line}, about {seconds:.0f} s"


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
        seconds += member * saved.missing(planned, config, execution)
    return seconds
