"""Many members as one compiled program whose member axis is sharded over all local devices."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, PyTree

from sottovoce.training import devices
from sottovoce.training.axes import map_over_leading_axis
from sottovoce.training.program import Member, MemberProgram
from sottovoce.training.protocol import run_member


def run_members(program: MemberProgram, members: Sequence[int]) -> Member:
    """Run the protocol for the given members and return NumPy arrays with a leading member axis.

    Each value of the program's static part and each number of members per device is compiled once.
    """
    found = for_members(partial(_run_sharded, program), members)
    # Taken apart here, because a compiled program would copy every array of every student one by one.
    n_students = found.student_loss.shape[-1]
    students = (jax.tree.map(lambda leaf, i=i: leaf[:, i], found.students) for i in range(n_students))
    return found._replace(students=tuple(students))


def for_members(run: Callable[..., PyTree], members: Sequence[int], *of_members: PyTree) -> PyTree:
    """Return the results of a compiled function as NumPy arrays with a leading member axis.

    The function's arguments are the `slots` of the members' indices and of each of `of_members`, which are pytrees of
    arrays with a leading member axis.
    """
    stacked = run(*slots(members, *of_members))
    return jax.tree.map(lambda values: np.asarray(values)[: len(members)], stacked)


def slots(members: Sequence[int], *of_members: PyTree) -> tuple[PyTree, ...]:
    """Return the members' indices, as int32, and their other arrays, padded to a multiple of the number of devices.

    The padding repeats the last member, and the results of these slots are discarded.
    """
    n_devices = len(jax.local_devices())
    rows = np.minimum(np.arange(-(-len(members) // n_devices) * n_devices), len(members) - 1)
    one_each = (np.asarray(members, np.int32), *of_members)
    return jax.tree.map(lambda values: jnp.asarray(np.asarray(values)[rows]), one_each)


def sharded(run: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Return a function that applies `run` to each of the `slots` of members, sharded over all local devices."""
    spec, mesh = PartitionSpec("member"), devices.mesh()
    return jax.shard_map(map_over_leading_axis(run), mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)


@jax.jit
def _run_sharded(program: MemberProgram, members: Array) -> PyTree:
    return sharded(partial(run_member, program))(members)
