"""Networks of a run's members, from their saved weights or trained again and held against the saved results."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import StoreError, UsageError
from sottovoce.lab import registry
from sottovoce.runs import weights
from sottovoce.runs.store import RunFolder

if TYPE_CHECKING:
    import xarray as xr

Arrays = dict[str, dict[str, np.ndarray]]


def complete(experiment: registry.Experiment, config: Any, saved: "xr.Dataset", folder: RunFolder, size: int) -> None:
    """Save the weights of the members of a result that have none; the members are trained again.

    Raises:
        StoreError: a member that is trained again has other results than the saved ones.
    """
    roles = experiment.roles(config)
    lacking = [m for m in saved["member"].values.tolist() if weights.load(folder, m, roles) is None]
    for member, arrays in trained_again(experiment, config, lacking, saved, size):
        weights.save(folder, member, arrays)


def trained_again(
    experiment: registry.Experiment, config: Any, members: Sequence[int], saved: "xr.Dataset | None", size: int
) -> Iterable[tuple[int, Arrays]]:
    """Yield members with the arrays of their networks, trained `size` at a time and held against saved results."""
    for at in range(0, len(members), size):
        some = members[at : at + size]
        trained = experiment.train(config, some)
        for i, member in enumerate(some):
            if saved is not None and member in saved["member"]:
                _refuse_difference(trained.dataset.sel(member=member), saved.sel(member=member), member, experiment)
            yield member, weights.of_member(trained.arrays, i)


def networks(
    experiment: registry.Experiment, config: Any, members: Sequence[int], folder: RunFolder, size: int
) -> dict[int, dict[str, Any]]:
    """Return the networks of members by role: from the weights that are saved, all others trained.

    Raises:
        UsageError: the experiment returns no networks, or a member is not one of the configuration's.
        StoreError: saved weights are damaged, or a member that is trained again differs from its saved results.
    """
    for member in members:
        if type(member) is not int or not 0 <= member < config.members:
            raise UsageError(f"of has the member {member!r}; allowed: 0 to {config.members - 1}, the run's members")
    roles = experiment.roles(config)
    if not roles:
        raise UsageError(f"{experiment.name} returns no networks; docs/checkpoints.md names the experiments that do")
    arrays: dict[int, Arrays] = {}
    if folder.path.exists():
        arrays = {m: found for m in members if (found := weights.load(folder, m, roles)) is not None}
    saved = _saved(folder, members)
    arrays |= dict(trained_again(experiment, config, [m for m in members if m not in arrays], saved, size))
    return {member: experiment.networks(config, arrays[member]) for member in members}


def _saved(folder: RunFolder, members: Sequence[int]) -> "xr.Dataset | None":
    if not folder.path.exists():
        return None
    held = set(folder.members())
    here = [member for member in members if member in held]
    return folder.load(here) if here else None


def _refuse_difference(again: "xr.Dataset", saved: "xr.Dataset", member: int, experiment: registry.Experiment) -> None:
    # In the same order of operations on the same kind of device the numbers are equal, not merely close.
    differing = [
        str(name)
        for name, values in saved.data_vars.items()
        if name not in again or not np.array_equal(again[name].values, values.values, equal_nan=True)
    ]
    if differing:
        raise StoreError(
            f"member {member} of {experiment.name}, trained again, has other values of {', '.join(differing)} than the "
            "saved ones: they were computed by another version or on another device; run it again with refresh"
        )
