"""What this machine offers, and the command that mends what is missing."""

import importlib.util
import os
import shutil
from pathlib import Path

import jax

from sottovoce import data
from sottovoce.runs import provenance


def lines() -> list[str]:
    """Return one line per thing that decides what runs here and how fast."""
    described = provenance.describe(0.0)
    found = [f"{name}: {value}" for name, value in described.items() if name != "wall_seconds"]
    found.append(f"cores: {len(os.sched_getaffinity(0))}")
    found.append(f"jax devices: {', '.join(map(str, jax.devices()))}")
    found += [str(data.status(name)) for name in data.NAMES]
    found.append(f"free disk here: {shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB")
    if importlib.util.find_spec("torch") is None:
        found.append(
            "torch: not installed (only needed for PyTorch checkpoints); mend with: pip install 'sottovoce[torch]'"
        )
    return found
