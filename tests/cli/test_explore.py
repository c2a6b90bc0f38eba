"""The live page: its figures, its cells without a browser, and a server that listens on loopback alone."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from matplotlib.figure import Figure

from sottovoce.cli import explore
from sottovoce.errors import UsageError
from sottovoce.running import run as running_run
from sottovoce.running.run import Execution
from sottovoce.runs import catalog

needs_marimo = pytest.mark.skipif(importlib.util.find_spec("marimo") is None, reason="needs the extra 'explore'")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    running_run.run("toy", draws=20, members=2, execution=Execution(out=folder, quiet=True))
    running_run.run("capture", hidden=4, draws=50, members=2, execution=Execution(out=folder, quiet=True))
    return folder


@pytest.mark.parametrize(("hidden", "n_aux", "objective"), [(2, 1, "mse"), (2, 2, "kl"), (8, 16, "mse"), (5, 3, "kl")])
def test_every_setting_of_the_sliders_draws(hidden, n_aux, objective):
    assert isinstance(explore.toy_figure(hidden, n_aux, objective, seed=0), Figure)


def test_a_saved_run_shows_its_figures_of_the_report(out):
    for run in catalog.runs(out / "runs"):
        drawings, note = explore.drawings_of(run)
        assert drawings, run.name
        assert run.name in note
        assert "2 members" in note


def test_training_shows_a_curve_more_of_each_member(smoke, monkeypatch, tmp_path):
    asked = []

    def run(name, **settings):
        asked.append((name, settings["members"], settings["execution"].out))
        roles = smoke("alignment").isel(student=slice(3))
        return roles.isel(member=[0] * settings["members"])

    monkeypatch.setattr(explore, "run", run)
    figures = list(explore.training_figures(tmp_path))
    assert asked == [("alignment", members, tmp_path) for members in (1, 2, 3)]
    assert [figure.get_suptitle().partition(", ")[2] for figure in figures] == [
        f"n = {n} of 3 members" for n in (1, 2, 3)
    ]
    for figure in figures:
        (axes,) = figure.axes
        named = [line.get_label() for line in axes.get_lines()]
        assert named == ["teacher", "student", "student, all logits", "cross-model"]


def test_a_run_without_members_says_so(out, tmp_path):
    (run,) = (run for run in catalog.runs(out / "runs") if run.experiment == "toy")
    empty = tmp_path / "runs" / run.name
    empty.mkdir(parents=True)
    (empty / "run.json").write_bytes((run.folder.path / "run.json").read_bytes())
    assert explore.drawings_of(catalog.runs(tmp_path / "runs")[0]) == ([], f"`{run.name}` has no finished member yet.")


@needs_marimo
def test_the_cells_run_without_a_browser(out, tmp_path, monkeypatch):
    from sottovoce.cli import explore_app

    monkeypatch.chdir(out.parent)
    monkeypatch.setattr(sys, "argv", ["app", "--out", str(out)])
    _, defined = explore_app.app.run()
    assert len(defined["picked"].options) == 2


@needs_marimo
def test_serves_on_loopback_only(out):
    with socket.socket() as probe:
        probe.bind((explore.LOOPBACK, 0))
        port = probe.getsockname()[1]
    words = ["explore", "--out", str(out), "--port", str(port), "--no-browser"]
    command = [sys.executable, "-c", "from sottovoce.cli.main import main; main()", *words]
    server = subprocess.Popen(command, start_new_session=True)
    try:
        page = _first_answer(server, f"http://{explore.LOOPBACK}:{port}")
        assert "sottovoce" in page
        for address in _other_addresses():
            with socket.socket() as other, pytest.raises(OSError, match="refused"):
                other.connect((address, port))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _first_answer(server, url):
    while server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
        time.sleep(0.1)
    raise AssertionError(f"the server ended with status {server.returncode}")


def _other_addresses():
    """Addresses of this machine that other machines could reach; the second loopback address stands in for them."""
    found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return {address for address in found if not address.startswith("127.")} | {"127.0.0.2"}


@pytest.mark.parametrize("port", [0, 70_000])
def test_refuses_what_is_no_port(out, port):
    with pytest.raises(UsageError, match=f"--port is {port}; allowed: 1 to 65535"):
        explore.serve(out, port, browser=False)


@needs_marimo
def test_refuses_a_port_that_is_taken(out):
    with socket.create_server((explore.LOOPBACK, 0)) as taken, pytest.raises(UsageError, match="another program"):
        explore.serve(out, taken.getsockname()[1], browser=False)


def test_says_what_is_missing(out, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'sottovoce\[explore\]'"):
        explore.serve(out, 2718, browser=False)
