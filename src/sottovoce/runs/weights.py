"""Weights of trained members beside their results: weights/member-000003/teacher.safetensors, a file for each network.

A file is complete or absent, says which run, member and role it belongs to, and is never needed to read the results.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote_plus

import numpy as np

from sottovoce.errors import StoreError
from sottovoce.runs.disk import store_errors, write_atomically
from sottovoce.runs.store import RunFolder

Arrays = Mapping[str, np.ndarray]


def file(folder: RunFolder, member: int, role: str) -> Path:
    """Return the path of one network's weights."""
    # Roles may have spaces and other signs. Quoted, no two of them have one name, on any system.
    return folder.path / "weights" / f"member-{member:06d}" / f"{quote_plus(role)}.safetensors"


def of_member(networks: Mapping[str, Arrays], position: int) -> dict[str, dict[str, np.ndarray]]:
    """Return the weights of one member from those of several, which have a leading member axis."""
    return {role: {name: array[position] for name, array in arrays.items()} for role, arrays in networks.items()}


def save(folder: RunFolder, member: int, networks: Mapping[str, Arrays]) -> None:
    """Write the weights of a member's networks by role and name; errors as of `disk.write_atomically`."""
    from safetensors.numpy import save as serialized

    for role, arrays in networks.items():
        said = _described(folder, member, role)
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_atomically(file(folder, member, role), serialized(contiguous, metadata=said))


def load(folder: RunFolder, member: int, roles: Iterable[str]) -> dict[str, dict[str, np.ndarray]] | None:
    """Return the weights of a member's networks by role and name; None where one of the files is missing.

    Raises:
        StoreError: a file is damaged, or belongs to another run, member or role.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, dict[str, np.ndarray]] = {}
    for role in roles:
        path = file(folder, member, role)
        if not path.exists():
            return None
        try:
            with store_errors(path), safe_open(path, "np") as stream:
                names: list[str] = stream.keys()
                said, arrays = stream.metadata(), {name: stream.get_tensor(name) for name in names}
        except SafetensorError as error:
            raise StoreError(f"{path} is damaged ({error}); remove it, and it is made again") from error
        if said != _described(folder, member, role):
            raise StoreError(f"{path} belongs to another run, member or role; remove it, and it is made again")
        found[role] = arrays
    return found


def forget(folder: RunFolder, members: Iterable[int]) -> None:
    """Remove the weights of members."""
    for member in members:
        path = file(folder, member, "any").parent
        with store_errors(path):
            if path.is_dir():
                shutil.rmtree(path)


def _described(folder: RunFolder, member: int, role: str) -> dict[str, str]:
    return {"identity": folder.identity, "member": str(member), "role": role}
