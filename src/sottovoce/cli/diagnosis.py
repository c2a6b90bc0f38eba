"""What this machine offers, and the command that mends what is missing."""

import importlib.util
import shutil
from pathlib import Path

import jax

from sottovoce import data
from sottovoce.data import folders
from sottovoce.runs import provenance
from sottovoce.training import devices


def lines() -> list[str]:
    """Return one line per thing that decides what runs here and how fast, then one per thing that is missing."""
    described = provenance.describe(0.0)
    found = [f"{name}: {value}" for name, value in described.items() if name != "wall_seconds"]
    found.append(f"cores: {devices.n_cores()}")
    found.append(f"jax devices: {', '.join(map(str, jax.devices()))}")
    datasets = [data.status(name) for name in data.NAMES]
    found += [str(status) for status in datasets if status.verified]
    found.append(f"cache: {folders.cache_folder()}")
    found.append(f"free disk here: {shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB")
    return found + (_missing(datasets) or ["nothing is missing"])


def _missing(datasets: list[data.Status]) -> list[str]:
    """Return what is not there, what it is for, and the command that mends it."""
    absent = [status.problem for status in datasets if status.problem]
    if importlib.util.find_spec("torch") is None:
        absent.append("torch, for the baselines of `bench`; mend it with: pip install 'sottovoce[torch]'")
    if shutil.which("nvidia-smi") and jax.default_backend() == "cpu":
        absent.append("an NVIDIA GPU, but jax computes on the CPU; mend it with: pip install 'sottovoce[gpu]'")
    return [f"missing: {what}" for what in absent]
