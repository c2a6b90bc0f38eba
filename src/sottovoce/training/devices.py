"""The devices of a process and its cache of compiled programs, to be configured before jax is first used."""

import contextlib
import os
import timeit
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from sottovoce.errors import UsageError, not_among
from sottovoce.networks.products import float32

DEVICES = ("auto", "cpu", "gpu")
# Programs that compile faster than this are compiled again instead of being read from the cache.
WORTH_KEEPING_SECONDS = 0.5
# The rest of an accelerator's memory is left to temporary arrays of the compiled program and to fragmentation.
SHARE_OF_FREE_MEMORY = 0.8


def start(device: str = "auto", n_devices: int | None = None) -> None:
    """Configure the devices of a process that trains networks, as `configure` does, and its cache of programs on disk.

    Raises:
        UsageError: the device is unknown or absent, or jax has already started with other devices.
    """
    from sottovoce.data.folders import cache_folder  # needs pooch, which training itself does not

    configure(device, n_devices)
    keep_programs(cache_folder() / "programs")


def configure(device: str = "auto", n_devices: int | None = None) -> int:
    """Choose the platform and the number of devices, and return this number.

    A CPU is split into as many devices as it has cores, with different members on different cores. If all cores worked
    on the same member, most of them would be idle during its serial sections.

    Args:
        device: one of `DEVICES`; "auto" takes an accelerator if jax finds one, else the CPU.
        n_devices: number of devices that share the members; None: all (on a CPU one per core, or the number that jax
            has already started with).

    Raises:
        UsageError: the device is unknown or absent, or jax has already started with other devices.
    """
    if device not in DEVICES:
        raise not_among("--device", device, DEVICES)
    if n_devices is not None and n_devices < 1:
        raise UsageError(f"--devices is {n_devices}; allowed: 1 or more")
    before = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    # jax refuses this once it has started; the number of devices that it started with is checked below.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", n_devices or n_cores())
    try:
        if device != "auto":
            jax.config.update("jax_platforms", {"gpu": "cuda", "cpu": "cpu"}[device])
        available, platform = jax.local_device_count(), jax.default_backend()
    except (RuntimeError, AssertionError) as error:  # AssertionError if jax has no plugin for the platform
        jax.config.update("jax_platforms", before)
        reason = str(error).partition("\n")[0] or "jax finds none"
        raise UsageError(f"--device is {device!r}: {reason}; use --device cpu") from None
    if device not in {"auto", platform}:
        jax.config.update("jax_platforms", before)
        raise UsageError(f"--device is {device!r}, but jax has started on {platform}; choose it in a fresh process")
    if n_devices not in {None, available}:
        fix = "choose them in a fresh process" if platform == "cpu" else "choose them by CUDA_VISIBLE_DEVICES"
        raise UsageError(f"--devices is {n_devices}, but jax has started with {available} on {platform}; {fix}")
    return available


def n_cores() -> int:
    """Return the number of cores that this process may use; where the system does not say, the number of all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_programs(folder: Path) -> None:
    """Keep compiled programs on disk for later processes, unless the user has set JAX_COMPILATION_CACHE_DIR."""
    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING_SECONDS)


def members_at_once(member_bytes: int) -> int:
    """Return the number of members to compute together on one device, given the memory of a member in its training.

    It is 1 on a CPU, which computes members one after another, and on an accelerator the number that fits into most of
    its free memory, at least 1.
    """
    if jax.default_backend() == "cpu":
        return 1
    memory = jax.local_devices()[0].memory_stats() or {}
    free = memory.get("bytes_limit", 0) - memory.get("bytes_in_use", 0)
    return max(1, int(SHARE_OF_FREE_MEMORY * free) // member_bytes)


def product_gflops(size: int = 1024, repeats: int = 5) -> float:
    """Return the best rate of float32 products of square matrices of this size, summed over all local devices.

    Its unit is 10^9 operations per second.
    """
    square = jnp.ones((size, size))
    product = jax.jit(float32)
    product(square, square).block_until_ready()
    seconds = timeit.repeat(lambda: product(square, square).block_until_ready(), number=1, repeat=repeats)
    # The devices of a CPU share its cores, and a single product already uses all of them.
    n_devices = 1 if jax.default_backend() == "cpu" else jax.local_device_count()
    return n_devices * 2 * size**3 / min(seconds) / 1e9


def mesh() -> Mesh:
    """Return all local devices along the one axis `member`."""
    return Mesh(np.array(jax.local_devices()), ("member",))
