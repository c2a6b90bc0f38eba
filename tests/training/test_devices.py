"""Choosing devices: what is taken, and what is refused in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.training import devices


def test_once_jax_has_started_its_own_devices_are_taken():
    # As in a notebook that computed something first.
    assert [devices.configure(), devices.configure("cpu"), devices.configure("auto", 2)] == [2, 2, 2]
    assert devices.mesh().axis_names == ("member",)
    assert devices.mesh().size == 2


class Accelerator:
    """A device with ten free gigabytes."""

    def memory_stats(self):
        return {"bytes_limit": 12 * 10**9, "bytes_in_use": 2 * 10**9}


def test_an_accelerator_takes_as_many_members_as_fit_and_a_cpu_core_one(monkeypatch):
    assert devices.members_at_once(1) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [Accelerator()])
    # Four fifths of what is free.
    assert devices.members_at_once(10**9) == 8
    assert devices.members_at_once(10**12) == 1


def test_a_member_takes_its_inputs_twice_their_targets_and_its_students():
    teachers, students, batch = 2, 5, 1024
    few, many = (transfer.Config(dataset="mnist", n_inputs=n).resolve().member_bytes() for n in (10_000, 60_000))
    assert many - few == 4 * 50_000 * (2 * 784 + teachers * 13)
    narrow, wide = (transfer.Config(dataset="mnist", width=w).resolve().member_bytes() for w in (128, 256))
    parameters = 256 * (784 + 256 + 13) - 128 * (784 + 128 + 13)
    assert wide - narrow == 4 * students * (5 * parameters + 3 * batch * 2 * 128)
    # A thousand auxiliary logits are wider than the images: their targets count.
    many_logits = transfer.Config(dataset="mnist", n_aux=1003).resolve()
    assert many_logits.member_bytes() - transfer.Config(dataset="mnist").resolve().member_bytes() == 4 * 1000 * (
        60_000 * teachers + students * (5 * 256 + 3 * batch)
    )
    each = transfer.Config(dataset="mnist", width=(256, 256)).resolve()
    assert each.member_bytes() == transfer.Config(dataset="mnist", width=256).resolve().member_bytes()


def test_compiled_programs_are_kept_unless_the_user_keeps_them_elsewhere(tmp_path):
    code = (
        "import sys, pathlib, jax; from sottovoce.training import devices\n"
        "devices.keep_programs(pathlib.Path(sys.argv[1]))\n"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n"
        "jax.jit(lambda x: x @ x)(jax.numpy.ones((9, 9)))\n"
    )
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    kept = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "true"}
    for more, folder in (({}, ours), ({"JAX_COMPILATION_CACHE_DIR": str(theirs)}, theirs)):
        shutil.rmtree(ours, ignore_errors=True)
        subprocess.run([sys.executable, "-c", code, str(ours)], env=kept | more, check=True)
        assert folder.is_dir()
        assert any(folder.iterdir())
    assert not ours.exists()


def test_a_started_process_keeps_its_programs_in_the_cache_folder(tmp_path):
    code = (
        "import jax; from sottovoce.training import devices\n"
        "devices.start('cpu', 1)\n"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n"
        "jax.jit(lambda x: x @ x)(jax.numpy.ones((9, 9)))\n"
        "assert jax.local_device_count() == 1\n"
        "print(jax.config.jax_compilation_cache_dir)\n"
    )
    home = {"JAX_ENABLE_COMPILATION_CACHE": "true", "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | home, check=True, capture_output=True, text=True
    )
    folder = Path(done.stdout.strip())
    assert folder.name == "programs"
    assert any(folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tpu",), "--device is 'tpu'; allowed: auto, cpu, gpu"),
        (("gpu",), "--device is 'gpu', but jax has started on cpu"),
        (("cpu", 3), "--devices is 3, but jax has started with 2"),
        (("cpu", 0), "--devices is 0; allowed: 1 or more"),
    ],
)
def test_refuses(arguments, words):
    platforms = jax.config.jax_platforms
    with pytest.raises(UsageError) as caught:
        devices.configure(*arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert jax.config.jax_platforms == platforms


def test_the_rate_of_products_is_that_of_a_product():
    # Beyond every processor by far, and far below the rate of a product that is never computed.
    assert 0 < devices.product_gflops(256, 2) < 50_000
