"""Which devices a process computes on. Must be chosen before jax is first used."""

import os

import jax
import numpy as np
from jax.sharding import Mesh

from sottovoce.errors import UsageError, not_among

DEVICES = ("auto", "cpu", "gpu")


def configure(device: str = "auto", n_devices: int | None = None) -> int:
    """Choose platform and number of devices.

    A CPU is split into as many devices as it has cores: members on different cores overlap each other's serial
    sections, which one after another would leave a core idle.

    Args:
        device: "auto" takes an accelerator where jax finds one, else the CPU.
        n_devices: how many devices share the members; None takes all (on a CPU: one per core).

    Returns:
        How many devices share the members.

    Raises:
        UsageError: the device is unknown or absent, or jax has already started with other devices.
    """
    if device not in DEVICES:
        raise not_among("--device", device, DEVICES)
    try:
        jax.config.update("jax_num_cpu_devices", n_devices or len(os.sched_getaffinity(0)))
        if device != "auto":
            jax.config.update("jax_platforms", {"gpu": "cuda", "cpu": "cpu"}[device])
        available = jax.devices()
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {device} --devices {n_devices}: {reason}; use --device cpu") from None
    if n_devices is not None and n_devices > len(available):
        raise UsageError(f"--devices is {n_devices}; allowed: 1 to {len(available)} on this machine")
    return len(available)


def mesh() -> Mesh:
    """Return all local devices along the one axis `member`."""
    return Mesh(np.array(jax.local_devices()), ("member",))
