"""Trained networks as named arrays, and networks from named arrays.

An array is named by the path to it in the network: `trunk.0.weight`, `class_head.bias`. These are the names by which
`interop.networks` and `sottovoce measure` read files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from sottovoce.errors import StoreError
from sottovoce.experiments.protocol.config import ResolvedProtocol
from sottovoce.experiments.protocol.program import student_architecture, teacher_architecture
from sottovoce.networks.own import OwnNetwork
from sottovoce.training.program import Member
from sottovoce.training.students import Student

Arrays = Mapping[str, np.ndarray]


def arrays_of(trained: Member, students: Sequence[Student]) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of trained members by role and name, with a leading member axis."""
    networks = {"reference": trained.reference, "teacher": trained.teacher}
    networks |= {student.role: network for student, network in zip(students, trained.students, strict=True)}
    return {role: named(network) for role, network in networks.items()}


def networks_of(config: ResolvedProtocol, networks: Mapping[str, Arrays]) -> dict[str, Any]:
    """Return the networks of one member from their arrays by role and name; a user's own as the module it was built as.

    Raises:
        StoreError: the arrays are not those of the configuration's networks.
    """
    teachers = teacher_architecture(config)
    shapes = {"reference": teachers, "teacher": teachers}
    students = student_architecture(config, teachers) or teachers
    made = {role: _filled(role, shapes.get(role, students).shape(), arrays) for role, arrays in networks.items()}
    return {role: network.module if isinstance(network, OwnNetwork) else network for role, network in made.items()}


def named(network: PyTree) -> dict[str, np.ndarray]:
    """Return the arrays of a network by name."""
    return {_name(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(network)}


def _filled(role: str, shape: PyTree, arrays: Arrays) -> PyTree:
    """Return a network of a shape with the given arrays."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(shape)
    expected = {_name(path): leaf.shape for path, leaf in leaves}
    if expected != {name: array.shape for name, array in arrays.items()}:
        raise StoreError(f"the saved arrays of {role} are not those of a network of this configuration")
    return jax.tree.unflatten(structure, [jnp.asarray(arrays[name]) for name in expected])


def _name(path: Sequence[Any]) -> str:
    # The module of a user's own network lies within the network that training takes.
    return jax.tree_util.keystr(tuple(path), simple=True, separator=".").removeprefix("arrays.")
