"""Parts of someone else: the page's module, found by its entry point, does all that a built-in part can."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from documents import ROOT, offline

PAGE = (ROOT / "docs" / "own_parts.md").read_text(encoding="utf-8")
# One member at a time and one device, as each worker has, so that all commands share one compiled program.
TINY = (
    *("--dataset", "shapes.npz", "--network", "residual", "--width", "12", "--depth", "1", "--inputs", "stripes"),
    *("--interventions", "clipped", "--teacher-epochs", "2", "--student-epochs", "1", "--n-inputs", "200"),
    *("--n-probe", "64", "--chunk", "1", "--quiet", "--json"),
)
ONE = ("--devices", "1")


def block(number: int) -> str:
    """Return one of the page's blocks of Python."""
    return re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)[number]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder that Python takes for one of installed packages: the page's module and its entry point."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "own_parts.py").write_text(block(0))
    described = folder / "own_parts-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: own-parts\nVersion: 1\n")
    points = re.search(r'^\[project\.entry-points\."sottovoce\.parts"\]\nown_parts = "(\w+)"$', PAGE, flags=re.M)
    assert points
    (described / "entry_points.txt").write_text(f"[sottovoce.parts]\nown_parts = {points[1]}\n")
    return folder


@pytest.fixture(scope="module")
def environment(installed) -> dict[str, str]:
    path = f"{installed}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep)
    # Every command compiles the same many small programs; a cache that begins at a second would keep none of them.
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    return offline(PYTHONPATH=path, **quick)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the page's images of three classes."""
    made: dict[str, np.ndarray] = {}
    exec(block(1).partition("own = ")[0].replace("import own_parts\n", "import numpy as np\n"), made)
    folder = tmp_path_factory.mktemp("work")
    np.savez(folder / "shapes.npz", images=made["images"], labels=made["labels"])
    return folder


@pytest.fixture(scope="module")
def command(environment, folder):
    """Run `sottovoce` where the images are, and return what it printed."""

    def call(*words: str) -> str:
        words = (sys.executable, "-m", "sottovoce", *words)
        done = subprocess.run(words, cwd=folder, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="module")
def aligned(command) -> dict:
    """What one run of `alignment` with own network, inputs and intervention printed."""
    return json.loads(command("run", "alignment", *TINY, "--members", "6", *ONE))


def test_a_run_of_own_parts_has_its_table_and_its_section(aligned, command, folder):
    config = aligned["config"]
    assert (config["network"], config["inputs"], config["interventions"]) == ("residual", "stripes", ["clipped"])
    assert config["dataset"].startswith("own-")
    assert config["classes"] == [0, 1, 2]
    rows = aligned["table"]
    assert rows["clipped"]["members"] == 6
    # The teacher, alone, has learned the three shapes.
    assert rows["teacher"]["mean"] > 0.9 > rows["reference"]["mean"]
    assert rows["clipped, accuracy less the student's"]["quantity"]
    (run,) = (folder / "out" / "runs").glob("alignment-*")
    described = next(run.glob("chunks/*.json")).read_text()
    assert {*json.loads(described)["sources"]} == {"network residual", "inputs stripes", "intervention clipped"}
    printed = command("run", "alignment", *(word for word in TINY if word != "--json"), "--members", "6", *ONE)
    assert re.search(r"^\W*clipped\W+[0-9.]+", printed, flags=re.M)
    command("report")
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "residual" in page
    assert "clipped" in page
    assert (folder / "out" / "figures" / "alignment_outcomes.svg").exists()


def test_two_workers_compute_the_same(aligned, command):
    pytest.importorskip("distributed")
    words = ("run", "alignment", *TINY, "--members", "6", "--out", "spread", "--executor", "dask", "--workers", "2")
    assert json.loads(command(*words)) == aligned


def test_a_sweep_goes_on_after_a_kill(command, environment, folder):
    words = (*("sweep", "alignment", "--over", "n_aux=2,3", *TINY, "--members", "2", *ONE, "--out"),)
    killed = subprocess.Popen(
        [sys.executable, "-m", "sottovoce", *words, "killed"], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 120
        while not (saved := [*folder.glob("killed/runs/*/chunks/*.h5")]) and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert 1 <= len(saved) < 4
    before = {path: path.stat().st_mtime_ns for path in saved}
    whole = json.loads(command(*words, "killed"))
    assert {path: path.stat().st_mtime_ns for path in saved} == before
    assert len([*folder.glob("killed/runs/*/chunks/*.h5")]) == 4
    assert whole == json.loads(command(*words, "undisturbed"))


def test_the_objective_is_found_on_the_command_line(command):
    words = ("run", "transfer", "--dataset", "digits", "--objective", "huber", "--width", "16", "--members", "2")
    tiny = ("--teacher-epochs", "1", "--student-epochs", "1", "--n-inputs", "256", "--quiet", "--json", *ONE)
    found = json.loads(command(*words, *tiny))
    assert found["config"]["objective"] == "huber"
    assert found["table"]["student"]["members"] == 2


def test_the_pages_python_runs_as_written(environment, tmp_path):
    code = block(1).replace('teacher_epochs": 5', 'teacher_epochs": 1') + 'print(result.attrs["config"])\n'
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^teacher +[01]\.", done.stdout, flags=re.M)
    assert '"objective":"huber"' in done.stdout


@pytest.mark.parametrize(
    "call",
    [
        'sv.run("transfer", execution=execution, objective="huber", members=1, **tiny)',
        'sv.train("transfer", of=0, execution=execution, objective="huber", members=1, **tiny)',
        'sv.sweep("transfer", {"objective": ["huber"]}, execution=execution, members=1, **tiny)',
        'main("sweep transfer --over objective=huber --members 1 --dataset digits --devices 2 --out out".split())',
    ],
    ids=["run", "train", "sweep", "command"],
)
def test_all_devices_are_there_though_a_part_is_tried_before_anything_runs(call, environment, tmp_path):
    # What trains is replaced, because the devices are what is asked for.
    code = f"""
import jax, own_parts
import sottovoce as sv
from sottovoce.cli.main import main
from sottovoce.experiments.transfer import simulate
class Counted(Exception):
    pass
def train_members(*_, **__):
    raise Counted(jax.local_device_count())
simulate.train_members = train_members
execution = sv.Execution(out="out", quiet=True, devices=2)
tiny = dict(dataset="digits", width=8, teacher_epochs=1, student_epochs=1, n_inputs=64)
try:
    {call}
except Counted as counted:
    print("devices", counted)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "devices 2" in done.stdout, done.stdout + done.stderr
