"""An experiment of one number a member, on the command line of a process of its own; slow on demand."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from sottovoce.lab import registry
from sottovoce.lab.experiment import Experiment


@dataclass(frozen=True)
class Config:
    """Fields.

    Attributes:
        scale: of the number.
        members: how many.
        seed: behind the numbers.
    """

    scale: float = 1.0
    members: int = 4
    seed: int = 0


class Quick(Experiment):
    """One normal number a member."""

    name, summary, version, Config = "quick", "Quick?", 1, Config

    def simulate(self, config: Config, members: Sequence[int]) -> xr.Dataset:
        time.sleep(float(os.environ.get("QUICK_SECONDS", "0")))
        draws = [config.scale * np.random.default_rng([config.seed, member]).normal() for member in members]
        return xr.Dataset({"draw": ("member", draws)}, coords={"member": list(members)})


if __name__ == "__main__":
    from sottovoce.cli.main import main

    registry.ADDED["quick"] = Quick()
    main()
