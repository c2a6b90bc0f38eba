"""Many members as one compiled program, the member axis sharded over all local devices."""

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
    """Run the protocol for the given members.

    Args:
        program: settings and images; one compilation per value of its static part and number of members per device.
        members: indices of the members to compute.

    Returns:
        Every array of `Member` with a leading member axis, as NumPy arrays.
    """
    return for_members(partial(_run_sharded, program), members)


def for_members(run: Callable[..., PyTree], members: Sequence[int], *of_members: PyTree) -> PyTree:
    """Return what a compiled function gives for members, as NumPy arrays with a leading member axis.

    Args:
        run: takes slots of members' indices and of everything in `of_members`; see `slots`.
        members: the members' indices.
        of_members: pytrees of arrays with a leading member axis.
    """
    stacked = run(*slots(members, *of_members))
    return jax.tree.map(lambda values: np.asarray(values)[: len(members)], stacked)


def slots(members: Sequence[int], *of_members: PyTree) -> tuple[PyTree, ...]:
    """Return the members' indices, int32, and what else belongs to them, in a number of slots that devices divide.

    Slots beyond the last member repeat it, and their results are dropped.
    """
    n_devices = len(jax.local_devices())
    rows = np.minimum(np.arange(-(-len(members) // n_devices) * n_devices), len(members) - 1)
    one_each = (np.asarray(members, np.int32), *of_members)
    return jax.tree.map(lambda values: jnp.asarray(np.asarray(values)[rows]), one_each)


def sharded(run: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Return a function that does for `slots` of members, spread over all local devices, what `run` does for one."""
    spec, mesh = PartitionSpec("member"), devices.mesh()
    return jax.shard_map(map_over_leading_axis(run), mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)


@jax.jit
def _run_sharded(program: MemberProgram, members: Array) -> PyTree:
    return sharded(partial(run_member, program))(members)
