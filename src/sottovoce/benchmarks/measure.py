"""The peak rate of this machine's matrix products, and the share of that peak that training reaches.

Both are measured in one process, so that their ratio is comparable between machines. Operations are counted from
shapes: a product (m, k) by (k, n) takes 2 m k n. A sample's training step through layers of sizes d0, ..., dL takes 2
sum(d_i d_{i+1}) for the forward pass, the same again for the gradients of the weights, and the same without the first
layer for the gradients of the activations. Evaluations and the teacher's logits on the distillation inputs take a
forward pass only. Activations, losses, Adam, random numbers and batches are not counted: the time that they take keeps
the share below one.
"""

import importlib.util
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from sottovoce.data.inputs import STANDARD
from sottovoce.networks.initialization import Architecture
from sottovoce.networks.products import float32
from sottovoce.theory import generators, linear
from sottovoce.training import devices
from sottovoce.training.ensemble import run_members
from sottovoce.training.program import Images, MemberProgram, Protocol, TracedSettings
from sottovoce.training.students import PARTNER, Student, arrays_of

STUDENTS = (
    Student("student", "kl", 3),
    Student("student_all", "kl", 3, all_logits=True),
    Student("cross_model", "kl", 3, start=PARTNER),
    Student("cross_model_all", "kl", 3, all_logits=True, start=PARTNER),
)
PROTOCOL = Protocol(
    architecture=Architecture(n_inputs=784, widths=(256, 256), n_class=10, n_aux=3),
    fresh_heads=False,
    inputs="uniform",
    n_inputs=60_000,
    fresh_inputs=False,
    teacher_epochs=5,
    student_epochs=5,
    batch_size=1024,
)
T = TypeVar("T")
# The sizes of MNIST.
N_TRAIN, N_TEST = 60_000, 10_000
PEAK_REPEATS = 8
TOY_DRAWS = 10_000
# Two sizes of ensemble show whether memory grows with the number of members.
RSS_MEMBERS = (4, 32)


class Rate(NamedTuple):
    """The best rate of a product (m, k) by (k, n)."""

    shape: tuple[int, int, int]  # (m, k, n)
    gflops: float  # 10^9 operations per second


def flops_per_member(protocol: Protocol, n_train: int, n_test: int) -> int:
    """Return how many multiplications and additions the matrix products of one member take, exactly."""
    shape = protocol.architecture
    body = [layer.products for layer in shape.layers().values()]
    to_classes, to_all = (sum(body) + shape.widths[-1] * n for n in (shape.n_class, shape.n_class + shape.n_aux))

    def step(products: int) -> int:
        # Nothing below the first layer needs a gradient of its activations, which are the inputs.
        return 2 * (3 * products - body[0])

    teacher = protocol.teacher_epochs * n_train * step(to_classes)
    students = len(STUDENTS) * protocol.student_epochs * protocol.n_inputs * step(to_all)
    targets = protocol.n_inputs * 2 * to_all
    # The reference and the teacher are evaluated as well.
    evaluations = (2 + len(STUDENTS)) * n_test * 2 * to_classes
    return teacher + students + targets + evaluations


def sgemm_peak() -> Rate:
    """Return the best float32 rate over square products of sides 1024 to 4096 and products of the protocol's shapes."""
    sizes = (PROTOCOL.architecture.n_inputs, *PROTOCOL.architecture.widths)
    own = [(PROTOCOL.batch_size, *fan) for fan in pairwise(sizes)]
    shapes = [(n, n, n) for n in (1024, 2048, 4096)] + own + [(k, m, n) for m, k, n in own]
    return max((Rate(shape, _product_gflops(*shape)) for shape in shapes), key=lambda rate: rate.gflops)


def measure(n_members: int | None = None) -> dict[str, Any]:
    """Measure matrix products and training in this process, which needs only jax, optax, equinox and numpy.

    By default one member per CPU device is trained, or 100 members on an accelerator.
    """
    n_devices = devices.configure()
    members = range(n_members or (n_devices if jax.default_backend() == "cpu" else 100))
    program, before = published_program(PROTOCOL), sgemm_peak()
    run = partial(run_members, program, members)
    # The first run compiles the program; the second only trains.
    _, first_s = _timed(run)
    _, train_s = _timed(run)
    # The peak is measured before and after training, because the clock rate of a machine varies over time.
    peak = max(before, sgemm_peak(), key=lambda rate: rate.gflops)
    train_gflops = len(members) * flops_per_member(PROTOCOL, N_TRAIN, N_TEST) / train_s / 1e9
    memory = jax.local_devices()[0].memory_stats()  # None on a CPU
    return {
        "device": f"{n_devices} x {jax.devices()[0].device_kind} ({jax.default_backend()})",
        "sgemm_peak_gflops": peak.gflops,
        "sgemm_peak_shape": list(peak.shape),
        "train_gflops": train_gflops,
        "share_of_peak": train_gflops / peak.gflops,
        "members": len(members),
        "members_per_minute": len(members) / train_s * 60,
        "train_s": train_s,
        "compile_s": first_s - train_s,
    } | ({"device_peak_gb": memory["peak_bytes_in_use"] / 1e9} if memory else {})


def measure_machine() -> dict[str, Any]:
    """Measure start-up time and peak memory in other processes, and the rate of closed-form draws in this one."""
    _, startup_s = _timed(lambda: _in_new_process("import sottovoce.training.ensemble"))
    # A process of its own for each size, because the peak of a process never falls.
    memory = {
        n: float(_in_new_process(f"from {__name__} import _print_peak_rss as peak; peak({n})")) for n in RSS_MEMBERS
    }
    return {
        "startup_s": startup_s,
        "peak_rss_gb": memory[max(RSS_MEMBERS)],
        "peak_rss_gb_by_members": memory,
        "toy_draws_per_s": toy_draws_per_s(),
    }


def speedups(members_per_minute: float) -> dict[str, float]:
    """Return the speedup over two PyTorch baselines on the same work and device; empty without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return {}
    from sottovoce.benchmarks import baselines

    device, stacked = ("cpu", 4) if jax.default_backend() == "cpu" else ("cuda", 25)
    runs = {"loop": (baselines.loop, 2), "stacked": (baselines.stacked, stacked)}
    measured = (N_TRAIN, PROTOCOL.teacher_epochs, device)
    seconds = {name: baselines.seconds_per_member(*run, *measured) for name, run in runs.items()}
    return {f"speedup_vs_torch_{name}": value * members_per_minute / 60 for name, value in seconds.items()}


def toy_draws_per_s() -> float:
    """Return how many Gaussian toys (hidden 2, one auxiliary logit) are drawn and solved in closed form per second."""
    rng = np.random.default_rng(0)

    def solve() -> None:
        W1, W2 = generators.gaussian_toy(rng, TOY_DRAWS, 2, 2, 1, 1)
        linear.end_to_end(linear.student(W1, W2, 1), W2)

    solve()
    return TOY_DRAWS / min(_timed(solve)[1] for _ in range(PEAK_REPEATS))


def synthetic_images() -> Images:
    """Return random images and labels of MNIST's shape, which take the same time to train on as MNIST."""
    rng = np.random.default_rng(0)
    parts = [
        jnp.asarray(part)
        for n in (N_TRAIN, N_TEST)
        for part in (rng.integers(0, 256, (n, 784), np.uint8), rng.integers(0, 10, n, np.int32))
    ]
    return Images(*parts, low=jnp.float32(-1.0), step=jnp.float32(2 / 255))


def published_program(protocol: Protocol, images: Images | None = None) -> MemberProgram:
    """Return the program of a member with the published traced settings (Cloud et al. 2025), on `synthetic_images`."""
    traced = TracedSettings(
        seed=jnp.asarray(0),
        students=arrays_of(protocol.architecture, STUDENTS),
        inputs=STANDARD,
        teacher_rate=jnp.asarray(3e-4),
        student_rate=jnp.asarray(3e-4),
        temperature=jnp.asarray(1.0),
    )
    return MemberProgram(protocol, traced, images or synthetic_images())


def _in_new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def _print_peak_rss(n_members: int) -> None:
    """Print the peak memory, in 10^9 bytes, of training on the CPU; it does not depend on the number of epochs."""
    n_devices = devices.configure("cpu")
    program = published_program(replace(PROTOCOL, teacher_epochs=1, student_epochs=1))
    for first in range(0, n_members, n_devices):
        run_members(program, range(first, min(first + n_devices, n_members)))
    print(_peak_bytes() / 1e9)


def _peak_bytes() -> int:
    """Return the peak resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    # On Linux getrusage is not used, because a child process inherits the peak of its parent there.
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024


def _product_gflops(m: int, k: int, n: int) -> float:
    left, right = jnp.ones((m, k)), jnp.ones((k, n))
    product = jax.jit(float32)
    product(left, right).block_until_ready()
    # jax returns before a product is computed. The fastest repeat counts, because the others were disturbed.
    seconds = min(_timed(lambda: product(left, right).block_until_ready())[1] for _ in range(PEAK_REPEATS))
    return 2 * m * k * n / seconds / 1e9


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
