"""A sweep in n parts that do not communicate, for schedulers that start the same command n times.

Members are laid along one line, those of the first point first, each with its work as its length. The line is cut into
n equal lengths, and a member belongs to the part in which its middle lies. The cuts follow from the plan and n alone,
never from what is on disk or from the machine, so that parts started anywhere at any time agree. Parts are contiguous:
each has few points, hence few programs to compile, and consecutive members, which an accelerator computes vectorized.
"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sottovoce.errors import UsageError
from sottovoce.lab.registry import Experiment

# The rate of the actual machine would move the cuts from machine to machine; only the ratio between points matters.
NOMINAL_GFLOPS = 100.0
BASE_SECONDS = 1e-3  # what a member takes besides training; the whole cost of a member that trains nothing
SHARE_OF_RATE = 0.7  # share of the rate of matrix products that training reaches at the widths of the MNIST protocol
STEP_SECONDS = 2e-4  # what a training step takes besides its operations, however few they are


@dataclass(frozen=True)
class Shard:
    """Part `index`, from 1 to n, of n parts."""

    index: int
    n: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a part "i/n" from the command line; a UsageError where the text is not of this form."""
        match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        index, n = map(int, match.groups()) if match else (0, 0)
        if not 1 <= index <= n:
            raise UsageError(f"--shard is {text!r}; allowed: i/n, the i-th of n parts, from 1/n to n/n, such as 1/4")
        return cls(index, n)

    def __str__(self) -> str:
        return f"{self.index}/{self.n}"


WHOLE = Shard(1, 1)


def member_work(experiment: Experiment, config: Any) -> float:
    """Return the work of one member, by which parts are made equal: seconds on a nominal machine."""
    return BASE_SECONDS + (member_seconds(config, NOMINAL_GFLOPS) if experiment.trains else 0.0)


def spans(works: Sequence[float], members: Sequence[int], shard: Shard) -> tuple[range, ...]:
    """Return the members of each point that belong to one part: contiguous, empty where the part has none.

    Each point has a number of members, each of which has the point's work, a positive number. The parts of one n
    together hold every member once; the work of a part differs from an n-th of the whole by at most one member's.
    """
    lengths = [work * count for work, count in zip(works, members, strict=True)]
    *starts, total = itertools.accumulate(lengths, initial=0.0)
    first, last = (
        [
            # How many members of the point have their middle before the cut. Where works are equal, cuts lie between
            # members, half a member from any middle, so that rounding decides nothing.
            min(max(math.ceil((total * cut / shard.n - start) / work - 0.5), 0), count)
            for start, work, count in zip(starts, works, members, strict=True)
        ]
        for cut in (shard.index - 1, shard.index)
    )
    return tuple(range(*bounds) for bounds in zip(first, last, strict=True))


def member_seconds(config: Any, gflops: float) -> float:
    """Return about how many seconds the training of one member takes; `gflops` is the rate of matrix products."""
    flops, steps = config.member_work()
    return flops / (SHARE_OF_RATE * gflops * 1e9) + steps * STEP_SECONDS
