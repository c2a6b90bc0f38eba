"""An experiment of someone else: the page's package, installed beside a wheel of ours, does all that a built-in can."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from documents import ROOT, offline

PAGE = (ROOT / "docs" / "own_experiment.md").read_text(encoding="utf-8")
# Appended to the page's module: slow on demand, so that a run can be killed.
SLOW = """
import os, time
_simulate = Share.simulate
def simulate(self, config, members):
    time.sleep(float(os.environ.get("SHARE_SECONDS", "0")))
    return _simulate(self, config, members)
Share.simulate = simulate
"""


def block(language: str, number: int = 0) -> str:
    """Return one of the page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.M | re.S)[number]


def bare(**more: str) -> dict[str, str]:
    """Return an environment in which nothing but the fresh one's own packages is found."""
    return {name: value for name, value in offline(**more).items() if name != "PYTHONPATH"}


def pip(*words: str | Path) -> None:
    offline_only = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    done = subprocess.run([sys.executable, "-m", "pip", *words, *offline_only], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A fresh environment with a wheel of this package and the page's package; libraries are those of this one."""
    folder = tmp_path_factory.mktemp("own")
    package = folder / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(block("toml"))
    (package / "own_share.py").write_text(block("python") + SLOW)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "fresh"], check=True)
    python = folder / "fresh" / "bin" / "python"
    # A line of a .pth file adds a folder to the path, but not what that folder's own .pth files name: no editable
    # install of this package is seen.
    (site,) = (folder / "fresh" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for source in (ROOT, package):
        pip("wheel", source, "--wheel-dir", folder / "wheels")
    wheels = sorted((folder / "wheels").glob("*.whl"))
    assert len(wheels) == 2
    for wheel in wheels:
        pip("--python", python, "install", "--force-reinstall", wheel)
    return folder


@pytest.fixture
def command(environment, tmp_path):
    """Run `sottovoce` of the fresh environment in an empty folder, and return what it printed."""

    def call(*words: str) -> str:
        program = environment / "fresh" / "bin" / "sottovoce"
        done = subprocess.run([program, *words], cwd=tmp_path, env=bare(), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_the_package_is_the_wheels(environment, tmp_path):
    python = environment / "fresh" / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import sottovoce, own_share; print(sottovoce.__file__, own_share.__file__)"],
        cwd=tmp_path, env=bare(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert all(str(environment / "fresh") in path for path in found.stdout.split())


def test_it_is_listed_run_swept_and_reported(command, tmp_path):
    for listing in (("run", "--help"), ("sweep", "--help"), ("list",)):
        assert "How much of a direction" in command(*listing)
    assert "number of random columns" in command("run", "share", "--help")
    table = json.loads(command("run", "share", "--members", "200", "--json", "--quiet"))["table"]
    assert set(table) == {"share", "excess"}
    low, high = table["share"]["ci95"]
    assert low < 3 / 16 < high
    swept = json.loads(command("sweep", "share", "--over", "logits=2,8", "--members", "50", "--json", "--quiet"))
    means = [point["table"]["share"]["mean"] for point in swept["points"]]
    assert means == pytest.approx([2 / 16, 8 / 16], abs=0.06)
    (claim,) = json.loads(command("report", "--json"))["claims"]
    assert (claim["key"], claim["n"], claim["verdict"]) == ("share-law", 200, "supported")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "How much of a direction does the span of random columns capture?" in page
    assert (tmp_path / "out" / "figures" / "share.svg").exists()


def test_it_goes_on_after_a_kill(environment, command, tmp_path):
    chunks = tmp_path / "out" / "runs"
    words = ("run", "share", "--members", "8", "--chunk", "1", "--quiet", "--json")
    slow = subprocess.Popen(
        [environment / "fresh" / "bin" / "sottovoce", *words],
        cwd=tmp_path, env=bare(SHARE_SECONDS="0.5"), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while len(saved := [*chunks.glob("share-*/chunks/*.h5")]) < 2 and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        os.kill(slow.pid, signal.SIGKILL)
        slow.wait()
    assert 2 <= len(saved) < 8
    before = {path: path.stat().st_mtime_ns for path in saved}
    whole = json.loads(command(*words))["table"]
    assert {path: path.stat().st_mtime_ns for path in saved} == before
    other = json.loads(command("run", "share", "--members", "8", "--quiet", "--json", "--out", "elsewhere"))["table"]
    assert whole == other


def test_two_workers_compute_the_same(command):
    pytest.importorskip("distributed")
    words = ("run", "share", "--members", "8", "--chunk", "1", "--quiet", "--json", "--out")
    spread = json.loads(command(*words, "spread", "--executor", "dask", "--workers", "2"))
    assert spread["table"] == json.loads(command(*words, "here"))["table"]


def test_the_pages_python_runs_as_written(environment, tmp_path):
    python = environment / "fresh" / "bin" / "python"
    code = block("python", 1) + 'print(swept["share"].sizes["logits"], len(figure.axes))\n'
    done = subprocess.run([python, "-c", code], cwd=tmp_path, env=bare(), check=True, capture_output=True, text=True)
    assert re.search(r"^share +0\.1\d+ .* 100 ", done.stdout, flags=re.M)
    assert done.stdout.endswith("3 2\n")
