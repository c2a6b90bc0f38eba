"""Members over eight devices, in chunks, and over two processes of one jax.distributed cluster: always the same."""

import os
import socket
import subprocess
import sys

import numpy as np

# Trains members 0 to 2 in chunks of each size and saves what they started from, what they saw and what they became.
TRAIN = """
import sys
import jax
import numpy as np
from sottovoce.training import devices

folder, *numbers = sys.argv[1:]
n_devices, n_members, *chunks = map(int, numbers)
assert devices.configure("cpu", n_devices) == n_devices
jax.config.update("jax_disable_most_optimizations", True)
sys.path.insert(0, "tests")
from conftest import digits, program
from sottovoce.data.inputs import distillation_inputs
from sottovoce.streams import Stream, member_key
from sottovoce.training.ensemble import run_members
from sottovoce.training.loop import batches
from sottovoce.training.students import PARTNER, Student

images = digits.__wrapped__()
students = (Student("student", "kl", 3), Student("cross", "mse", 2, start=PARTNER))
setting = program.__wrapped__(images)(students)
drawn = []
for member in range(3):
    keys = {stream: member_key(0, stream, member) for stream in Stream}
    drawn += [jax.random.key_data(key) for key in keys.values()]
    pixels = images.scaled(images.train_pixels)
    drawn.append(distillation_inputs("uniform", keys[Stream.DISTILLATION_INPUTS], (150, 64), pixels))
    drawn += [batches(keys[stream], 150, 64)[0] for stream in (Stream.TEACHER_BATCHES, Stream.STUDENT_BATCHES)]
for chunk in chunks:
    spans = [range(first, min(first + chunk, n_members)) for first in range(0, n_members, chunk)]
    parts = [run_members(setting, span) for span in spans]
    together = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:3], *parts)
    exact = [*jax.tree.leaves(together.reference), *drawn]
    trained = jax.tree.leaves((together.teacher, together.students))
    np.savez(
        f"{folder}/{chunk}.npz",
        accuracy=together.accuracy,
        **{f"exact_{i}": np.asarray(v) for i, v in enumerate(exact)},
        **{f"trained_{i}": np.asarray(v) for i, v in enumerate(trained)},
    )
"""


def trained(folder, n_devices, n_members, *chunks):
    """Train members 0 to 2 of an ensemble in a process of its own, once for each size of chunks."""
    folder.mkdir()
    words = [sys.executable, "-c", TRAIN, str(folder), *map(str, (n_devices, n_members, *chunks))]
    subprocess.run(words, check=True, env=os.environ, capture_output=True, text=True)
    return [np.load(folder / f"{chunk}.npz") for chunk in chunks]


def test_members_are_the_same_on_one_device_and_on_eight_in_any_chunks_of_any_ensemble(tmp_path):
    alone, in_twos = trained(tmp_path / "one", 1, 3, 1, 2)
    for other in (*trained(tmp_path / "eight", 8, 8, 8), in_twos):
        assert alone.files == other.files
        for name in alone.files:
            if name.startswith("exact"):
                np.testing.assert_array_equal(alone[name], other[name])
            elif name.startswith("trained"):
                # Six steps of at most 1e-3; see test_protocol's ROUNDING.
                np.testing.assert_allclose(alone[name], other[name], atol=2e-5)
        # Two near ties of 200 images may fall the other way.
        np.testing.assert_allclose(alone["accuracy"], other["accuracy"], atol=2.5 / 200)


# Joins the cluster, then runs the same command as the other process.
JOIN = """
import sys
from pathlib import Path
import jax

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_disable_most_optimizations", True)
jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", num_processes=2, process_id=int(sys.argv[2]))
assert (jax.local_device_count(), jax.device_count()) == (2, 4)
import sottovoce as sv
from sottovoce.running.run import Execution

fields = dict(dataset="digits", width=16, teacher_epochs=1, student_epochs=1, n_inputs=256, members=6)
result = sv.run("transfer", execution=Execution(out=Path(sys.argv[3]), device="cpu", quiet=True), **fields)
print(result.sizes["member"], result["accuracy"].values.tobytes().hex())
jax.distributed.shutdown()
"""


def test_two_processes_of_a_cluster_share_an_ensemble_and_return_the_same(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", JOIN, str(port), str(i), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for i in range(2)
    ]
    first, second = (process.communicate(timeout=240)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert first == second
    assert first.startswith("6 ")
    # Each member is in one chunk, whoever computed it.
    chunks = sorted(file.name for file in tmp_path.glob("runs/*/chunks/*.h5"))
    assert chunks == [f"members-{i:06d}-{i + 1:06d}.h5" for i in (0, 2, 4)]
