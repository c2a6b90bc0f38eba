"""What this machine offers, and the commands that install or fetch what is missing."""

import importlib.util
import shutil
from pathlib import Path

import jax

from sottovoce import data
from sottovoce.data import folders
from sottovoce.runs import provenance
from sottovoce.training import devices


def lines() -> list[str]:
    """Return one line per property of this machine that decides what runs and how fast, then the missing parts."""
    datasets = [data.status(name) for name in data.NAMES]
    return [
        *(f"{name}: {value}" for name, value in provenance.describe(0.0).items() if name != "wall_seconds"),
        f"cores: {devices.n_cores()}",
        f"jax devices: {', '.join(map(str, jax.devices()))}",
        *(str(status) for status in datasets if status.verified),
        f"cache: {folders.cache_folder()}",
        f"free disk here: {shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB",
        *([f"missing: {what}" for what in _missing(datasets)] or ["nothing is missing"]),
    ]


def _missing(datasets: list[data.Status]) -> list[str]:
    """Return, for each missing part, what it is for and the command that installs or fetches it."""
    absent = [status.problem for status in datasets if status.problem]
    if importlib.util.find_spec("torch") is None:
        absent.append("torch, for the baselines of `bench`; fix: pip install 'sottovoce[torch]'")
    # The driver's own tool shows that there is a GPU, which a jax without support for it cannot see.
    if shutil.which("nvidia-smi") and jax.default_backend() == "cpu":
        absent.append("an NVIDIA GPU, but jax computes on the CPU; fix: pip install 'sottovoce[gpu]'")
    return absent
