"""Many members as one compiled program, the member axis sharded over all local devices."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Int, PyTree

from sottovoce.training import devices
from sottovoce.training.program import Images, Knobs, Member, Protocol
from sottovoce.training.protocol import run_member


def run_members(protocol: Protocol, knobs: Knobs, images: Images, members: Sequence[int]) -> Member:
    """Run the protocol for the given members.

    Args:
        protocol: static settings; one compilation per value and number of members per device.
        knobs: traced settings.
        images: training and test images.
        members: indices of the members to compute.

    Returns:
        Every array of `Member` with a leading member axis, as NumPy arrays.
    """
    stacked = _run_sharded(protocol, knobs, images, slots(members))
    return jax.tree.map(lambda values: np.asarray(values)[: len(members)], stacked)


def slots(members: Sequence[int]) -> Int[Array, " slot"]:
    """Return one slot per member and device; slots beyond the last member repeat it, and their results are dropped."""
    n_devices = len(jax.local_devices())
    n_slots = -(-len(members) // n_devices) * n_devices
    return jnp.asarray(list(members) + [members[-1]] * (n_slots - len(members)), dtype=jnp.int32)


def sharded(run: Callable[[Array], PyTree]) -> Callable[[Array], PyTree]:
    """Return a function that does for `slots` of members, spread over all local devices, what `run` does for one."""
    spec = PartitionSpec("member")
    return jax.shard_map(devices.across(run), mesh=devices.mesh(), in_specs=spec, out_specs=spec, check_vma=False)


@partial(jax.jit, static_argnums=0)
def _run_sharded(protocol: Protocol, knobs: Knobs, images: Images, members: Array) -> PyTree:
    return sharded(partial(run_member, protocol, knobs, images))(members)
