"""The time from the start of a fresh process, without compiled programs, to the first member of an experiment."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

# On the small dataset, where compiling weighs most; of several results of an experiment, the first.
_CODE = """
import sys
from pathlib import Path
from sottovoce.lab import registry
from sottovoce.running.run import Execution, run_config
experiment = registry.experiment(sys.argv[1])
fields = next(iter(experiment.results.values())).fields
config = experiment.Config(**{"dataset": "digits", "members": 1, **fields})
run_config(experiment, config, Execution(out=Path(sys.argv[2]), device="cpu", devices=1, quiet=True))
"""


def first_member_seconds(experiments: Iterable[str]) -> dict[str, float]:
    """Return, for each experiment, the seconds to its first member and the seconds of all cores together.

    The second figure depends less on what else the machine does.
    """
    found = {}
    for name in experiments:
        with TemporaryDirectory() as folder:
            environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(Path(folder, "programs"))}
            start, before = time.perf_counter(), _core_seconds()
            subprocess.run([sys.executable, "-c", _CODE, name, folder], check=True, env=environment)
            found[f"first_member_{name}_s"] = time.perf_counter() - start
            found[f"first_member_{name}_core_s"] = _core_seconds() - before
    return found


def _core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
