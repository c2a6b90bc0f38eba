"""The runs in a folder: listed by name and time alone, opened one at a time."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from sottovoce.errors import UsageError
from sottovoce.runs.disk import store_errors
from sottovoce.runs.store import RunFolder

# The first group takes all but the last hyphen, so the name of an experiment may contain one itself.
_RUN = re.compile(r"(.+)-([0-9a-f]{12})")


@dataclass(frozen=True)
class Run:
    """One run, as the name of its folder describes it."""

    folder: RunFolder
    experiment: str
    short_identity: str  # the first 12 hexadecimal digits
    modified: float  # when the last chunk was saved (seconds since 1970)

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.path.name

    @property
    def config(self) -> dict[str, Any]:
        """The run's configuration without `members`."""
        return self._header["config"]

    @property
    def version(self) -> int:
        """The version of the experiment's definition by which the run was made."""
        return self._header["version"]

    @cached_property
    def _header(self) -> dict[str, Any]:
        # run.json is read once, when something in it is first asked for.
        return self.folder.header()


def runs(root: Path, experiment: str | None = None) -> list[Run]:
    """List all runs under `root`, or those of one experiment, newest first, without opening any file."""
    listed = []
    with store_errors(root):
        for entry in os.scandir(root) if root.is_dir() else ():
            match = _RUN.fullmatch(entry.name)
            if match and experiment in {None, match[1]}:
                folder = RunFolder(Path(entry.path))
                # Saving a chunk changes the time of the folder that holds it.
                newest = folder.chunks if folder.chunks.exists() else folder.path
                listed.append(Run(folder, match[1], match[2], newest.stat().st_mtime))
    # By name where times are equal, because `scandir` has no order of its own.
    return sorted(listed, key=lambda run: (-run.modified, run.name))


def find(root: Path, name: str) -> Run:
    """Find one run by its folder's name, the beginning of its identity, or its experiment (the newest).

    Raises:
        UsageError: no run, or more than one, has this name.
    """
    listed = runs(root)
    if newest := next((run for run in listed if name in {run.name, run.experiment}), None):
        return newest
    # A whole identity is longer than the part that folders are named after, and the empty text begins all of them.
    matches = [run for run in listed if name and run.short_identity.startswith(name[:12])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"run is {name!r}; it is the beginning of {', '.join(run.name for run in matches)}")
    nearest = get_close_matches(name, [run.name for run in listed], n=1, cutoff=0.3)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise UsageError(f"run is {name!r}; allowed: the {len(listed)} runs in {root} (sottovoce list){hint}")


def differences(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reduce each configuration of one experiment to the fields that another one lacks or sets differently."""
    names = dict.fromkeys(name for config in configs for name in config)
    absent = object()  # differs from every value, None among them
    # By repr, because lists cannot be members of a set, and because 1 and True would be one value.
    varying = [name for name in names if len({repr(config.get(name, absent)) for config in configs}) > 1]
    return [{name: config[name] for name in varying if name in config} for config in configs]
