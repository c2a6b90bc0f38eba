"""The points and members of a sweep that a store already holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.running.run import Execution
from sottovoce.runs.identity import canonical, run_header
from sottovoce.runs.store import RunFolder
from sottovoce.sweeps.joining import join
from sottovoce.sweeps.planning import Plan

if TYPE_CHECKING:
    import xarray as xr


def missing(planned: Plan, execution: Execution) -> list[int]:
    """Return how many members of each point's span remain to be computed."""
    if execution.refresh:
        return [len(span) for span in planned.spans]
    folders = (RunFolder.of(execution.out / "runs", _header(planned, config)) for config in planned.configs)
    return [len(folder.missing(span)) for folder, span in zip(folders, planned.spans, strict=True)]


def load_points(planned: Plan, root: Path) -> "list[xr.Dataset]":
    """Load every point of a sweep; nothing is computed.

    Args:
        planned: the sweep; the number of members in its configurations does not matter.
        root: folder of all runs.

    Returns:
        One result per point, restricted to the members that all points have; an empty list where there is no such
        member.
    """
    headers = [_header(planned, config) for config in planned.configs]
    folders = [RunFolder.of(root, header) for header in headers]
    members = sorted(set.intersection(*(set(folder.members()) for folder in folders)))
    if not members:
        return []
    return [
        folder.load(members).assign_attrs(
            experiment=header["experiment"], identity=header["identity"], config=canonical(header["config"]), cached=1
        )
        for folder, header in zip(folders, headers, strict=True)
    ]


def load(planned: Plan, root: Path) -> "xr.Dataset | None":
    """Load a sweep as `sweep` returns it; None where no member is saved at all points (see `load_points`)."""
    points = load_points(planned, root)
    return join(planned, points) if points else None


def _header(planned: Plan, config: Any) -> dict[str, Any]:
    return run_header(planned.experiment.name, planned.experiment.version, config)
