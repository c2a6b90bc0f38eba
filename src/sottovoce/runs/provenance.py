"""Provenance of a chunk: versions, device, commit and time.

Provenance is stored beside the values, never among them: equal values are equal bytes wherever they are computed.
"""

import functools
import importlib.metadata
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def describe(wall_seconds: float) -> dict[str, Any]:
    """Describe where, when and in how many seconds a chunk was computed, as values for JSON.

    A version is None where the package is not installed; the commit ends with "-dirty" where files were changed, and
    is None outside a source tree.
    """
    return {
        "versions": {name: _version(name) for name in ("sottovoce", "jax", "numpy", "xarray")},
        "python": platform.python_version(),
        "device": _device(),
        "platform": platform.platform(),
        "commit": _commit(),
        "wall_seconds": round(wall_seconds, 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device() -> str:
    # An experiment that never imported jax computed on the processor, and starting jax would take a second.
    if "jax" not in sys.modules:
        return f"cpu ({platform.machine()})"
    devices = sys.modules["jax"].devices()
    return f"{len(devices)} x {devices[0].platform} ({devices[0].device_kind})"


# Every chunk asks for the commit, and the source that a process runs does not change.
@functools.cache
def _commit() -> str | None:
    package = Path(__file__).resolve().parent.parent
    top = _git(package, "rev-parse", "--show-toplevel")
    # An installed package may lie inside some other project's repository, whose commit says nothing here.
    if top is None or Path(top) / "src" / "sottovoce" != package:
        return None
    # Excluding all tags leaves the commit itself, in full.
    return _git(package, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        # The time limit is for a git that hangs, on a network drive for instance: provenance must not hold up a run.
        return subprocess.check_output(
            ["git", "-C", str(folder), *arguments], stderr=subprocess.DEVNULL, text=True, timeout=10
        ).strip()
    except (OSError, subprocess.SubprocessError):
        return None
