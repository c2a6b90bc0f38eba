"""One experiment at many settings, as one dataset with the swept fields as dimensions.

Every point is a run of its own in the store, so an enlarged sweep computes only what is new, and points whose
settings change no shape share one compiled program.
"""

from sottovoce.sweeps.planning import Plan, plan, read, single
from sottovoce.sweeps.running import announcement, load, run_plan, run_shard, seconds_expected, sweep
from sottovoce.sweeps.sharding import Shard

__all__ = [
    "Plan",
    "Shard",
    "announcement",
    "load",
    "plan",
    "read",
    "run_plan",
    "run_shard",
    "seconds_expected",
    "single",
    "sweep",
]
