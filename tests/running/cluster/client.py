"""A client in a process of its own, which tests kill: a sweep of the fake experiment with workers started for it."""

import signal
import sys
from pathlib import Path

import dask
from mischief import Fake

from sottovoce.cli.main import main
from sottovoce.lab import registry

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited: a test presses Ctrl-C
    registry.ADDED["fake"] = Fake()
    dask.config.set({"distributed.worker.preload": ["mischief"]})
    words = (
        "sweep fake --over rate=0.1,0.2 --members 6 --seconds 0.1 --chunk 1 --executor dask --workers 2 --json --out"
    )
    main([*words.split(), str(Path(sys.argv[1]))])
