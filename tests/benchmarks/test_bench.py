"""The benchmark's count of operations, by hand and by walking the traced program."""

import subprocess
import sys
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from sottovoce.benchmarks import measure
from sottovoce.networks.initialization import Architecture
from sottovoce.training.program import Images, Protocol
from sottovoce.training.protocol import run_member

SMALL = replace(
    measure.PROTOCOL,
    architecture=Architecture(n_inputs=3, widths=(4, 5), n_class=2, n_aux=3),
    n_inputs=32,
    teacher_epochs=2,
    student_epochs=3,
    batch_size=8,
)
N_TRAIN, N_TEST = 16, 6


def counted(jaxpr) -> int:
    """Return the operations of every matrix product in a traced program, loops counted as often as they run."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
            total += 2 * int(np.prod(out)) * int(np.prod([left[axis] for axis in contracted]))
        times = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        for inner in jaxprs_in_params(equation.params):
            total += times * counted(inner)
    return total


def traced(protocol: Protocol) -> int:
    n_pixels = protocol.architecture.n_inputs
    images = Images(
        train_pixels=jnp.zeros((N_TRAIN, n_pixels), jnp.uint8),
        train_labels=jnp.zeros(N_TRAIN, jnp.int32),
        test_pixels=jnp.zeros((N_TEST, n_pixels), jnp.uint8),
        test_labels=jnp.zeros(N_TEST, jnp.int32),
        low=jnp.asarray(-1.0),
        step=jnp.asarray(0.1),
    )
    run = partial(run_member, measure.published_program(protocol, images))
    return counted(jax.make_jaxpr(run)(jnp.asarray(0)).jaxpr)


def test_count_by_hand():
    # Products of one sample: trunk 12 + 20, class head 10, both heads 25; a step without the input's gradient.
    teacher = 2 * N_TRAIN * 2 * (3 * 42 - 12)
    students = 4 * 3 * 32 * 2 * (3 * 57 - 12)
    forward = 32 * 2 * 57 + 6 * N_TEST * 2 * 42
    assert measure.flops_per_member(SMALL, N_TRAIN, N_TEST) == teacher + students + forward


@pytest.mark.parametrize("teacher_epochs", [1, 2])
def test_count_is_what_the_traced_program_multiplies(teacher_epochs: int):
    protocol = replace(SMALL, teacher_epochs=teacher_epochs)
    assert traced(protocol) == measure.flops_per_member(protocol, N_TRAIN, N_TEST)


@pytest.mark.parametrize("channels", [(2,), (2, 3)])
def test_products_of_convolutions_are_counted_too(channels: tuple[int, ...]):
    protocol = replace(SMALL, architecture=replace(SMALL.architecture, n_inputs=25, channels=channels))
    assert traced(protocol) == measure.flops_per_member(protocol, N_TRAIN, N_TEST)


def test_published_protocol_is_clouds():
    assert measure.PROTOCOL.architecture.widths == (256, 256)
    assert (measure.PROTOCOL.batch_size, measure.PROTOCOL.n_inputs) == (1024, 60_000)
    assert measure.flops_per_member(measure.PROTOCOL, 60_000, 10_000) == pytest.approx(1.85e12, rel=0.05)


def test_toy_draws_are_counted():
    assert measure.toy_draws_per_s() > 0


def test_training_is_measured_where_little_is_installed():
    # What a bare machine lacks is made unimportable; scipy comes with jax.
    code = """
import os, sys
from dataclasses import replace
lacking = "sklearn xarray h5netcdf h5py safetensors matplotlib tyro rich jinja2 pooch filelock pandas torch".split()
sys.modules.update(dict.fromkeys(lacking))
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
from sottovoce.benchmarks import measure as bench
bench.sgemm_peak = lambda: bench.Rate((8, 8, 8), bench._product_gflops(8, 8, 8))
bench.N_TRAIN = bench.N_TEST = bench.TOY_DRAWS = 64
few = {"n_inputs": 64, "teacher_epochs": 1, "student_epochs": 1, "batch_size": 32}
bench.PROTOCOL = replace(bench.PROTOCOL, **few)
bench.measure(1)
bench.toy_draws_per_s()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_pytorch_nothing_is_compared(monkeypatch):
    monkeypatch.setattr(measure.importlib.util, "find_spec", lambda name: None)
    assert measure.speedups(6.0) == {}


def test_the_peak_of_a_process_is_its_own_and_not_its_parents():
    # A page that is touched counts; a child begins anew.
    held = np.ones(60_000_000)
    assert measure._peak_bytes() > held.nbytes
    code = "from sottovoce.benchmarks.measure import _peak_bytes; print(_peak_bytes())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < held.nbytes
