import importlib.util
from pathlib import Path

import pytest
from left_behind import chunks
from mischief import SIX, Config, Fake

from sottovoce.lab import registry
from sottovoce.running.cluster.dispatch import DaskExecutor, fill
from sottovoce.runs.execution import Job
from sottovoce.runs.identity import run_header
from sottovoce.runs.progress import Silent
from sottovoce.runs.store import RunFolder

collect_ignore_glob = [] if importlib.util.find_spec("distributed") else ["test_*.py"]


@pytest.fixture(scope="session")
def mischief(tmp_path_factory) -> Path:
    """The folder whose files tell workers how to misbehave."""
    return tmp_path_factory.mktemp("mischief")


@pytest.fixture(scope="session")
def running(tmp_path_factory, mischief) -> str:
    """Address of a cluster of two workers, in which a chunk whose worker dies is not tried again by the scheduler."""
    from processes import cluster

    (damaged := tmp_path_factory.mktemp("data") / "mnist").mkdir()
    for stem in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (damaged / f"{stem}-ubyte.gz").write_bytes(b"no digits")
    with cluster(
        tmp_path_factory.mktemp("cluster"), 2, MISCHIEF=str(mischief), SOTTOVOCE_DATA=str(damaged.parent)
    ) as address:
        yield address


@pytest.fixture(autouse=True)
def well_behaved(mischief, monkeypatch, request):
    """Begin without mischief and with the fake among the experiments; end when both workers are there and idle."""
    for file in mischief.iterdir():
        file.unlink()
    monkeypatch.setitem(registry.ADDED, "fake", Fake())
    yield
    for file in mischief.iterdir():
        file.unlink()
    if "running" in request.fixturenames:
        from distributed import Client
        from processes import until

        with Client(request.getfixturevalue("running"), set_as_default=False) as client:
            until(lambda: [len(tasks) for tasks in client.processing().values()] == [0, 0])


@pytest.fixture
def job(tmp_path):
    """Make a job of the fake experiment in a fresh store."""

    def make(config: Config = SIX, size: int = 1, root: Path = tmp_path / "runs") -> Job:
        made = Job.of(Fake(), config, root=root, size=size)
        made.prepare()
        return made

    return make


@pytest.fixture
def filled(running, job):
    """Fill a job from the running cluster and return it."""

    def fill_it(config: Config = SIX, size: int = 1, **engine) -> Job:
        made = job(config, size)
        fill([made], DaskExecutor(running, **engine), Silent())
        return made

    return fill_it


@pytest.fixture
def serial(job, tmp_path, monkeypatch):
    """Return what a run without workers writes."""

    def run(config: Config = SIX, size: int = 1) -> dict[str, tuple[str, dict]]:
        from sottovoce.runs.execution import execute

        root = tmp_path / "serial"
        with monkeypatch.context() as patch:
            patch.delenv("MISCHIEF", raising=False)
            execute(Fake(), config, root=root, chunk_size=size)
        return chunks(RunFolder.of(root, run_header("fake", 1, config.resolve())))

    return run
