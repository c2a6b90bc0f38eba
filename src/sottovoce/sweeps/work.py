"""What a member costs, by the operations and steps of its training."""

from typing import Any

# What training reaches of the rate of matrix products on networks as wide as MNIST's, and what a step costs on top.
SHARE_OF_RATE = 0.7
STEP_SECONDS = 2e-4


def member_seconds(config: Any, gflops: float) -> float:
    """Return about how long the training of one member takes.

    Args:
        config: a resolved configuration of an experiment that trains.
        gflops: rate of the machine's matrix products, 10^9 operations per second.

    Returns:
        Seconds, from the operations of training at the share of that rate that training reaches, and the time that a
        step takes however small it is.
    """
    flops, steps = config.member_work()
    return flops / (SHARE_OF_RATE * gflops * 1e9) + steps * STEP_SECONDS
