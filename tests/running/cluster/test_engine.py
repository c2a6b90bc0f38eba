"""What names no workers is refused before anything starts; what is written for a job queue is what a queue gets."""

import importlib.util
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sottovoce as sv
from sottovoce.errors import UsageError
from sottovoce.running.run import Execution

DASK = Execution(executor="dask", quiet=True)
ADDRESS = "tcp://10.0.0.1:8786"
DOCS = Path(__file__).parents[3] / "docs" / "running.md"


@pytest.mark.parametrize(
    ("execution", "said"),
    [
        (Execution(executor="dsak"), "--executor is 'dsak'; allowed: local, dask; did you mean 'dask'?"),
        (Execution(workers=2), "--workers is 2, but there are no workers; add --executor dask"),
        (Execution(scheduler=ADDRESS), f"--scheduler is {ADDRESS}, but there are no workers"),
        (Execution(patience=5.0), "--patience is 5.0, but there are no workers"),
        (Execution(workers_save=True), "--workers-save is True, but there are no workers"),
        (replace(DASK, workers=0), "--workers is 0; allowed: 1 or more"),
        (replace(DASK, patience=0.0), "--patience is 0.0; allowed: a positive number of seconds"),
        (replace(DASK, device="gpu"), "--device is 'gpu'; one worker per GPU; --scheduler"),
        (replace(DASK, scheduler="10.0.0.1"), "--scheduler is '10.0.0.1'; allowed: tcp://HOST:PORT or tls://HOST:PORT"),
        (replace(DASK, scheduler=ADDRESS, workers=2), "--workers is 2, but the workers of; started elsewhere"),
        (replace(DASK, scheduler=ADDRESS, data_dir=Path(".")), "--data-dir is ., but the workers of; SOTTOVOCE_DATA"),
    ],
)
def test_settings_that_name_no_workers_are_refused_before_anything_is_written(execution, said, tmp_path):
    execution = replace(execution, out=tmp_path)
    for call in (sv.run, lambda name, **given: sv.sweep(name, {"hidden": [2, 3]}, **given)):
        with pytest.raises(UsageError) as caught:
            call("capture", execution=execution)
        for part in said.split("; "):
            assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named_with_its_remedy(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "distributed" else find(name))
    with pytest.raises(UsageError, match=r"pip install 'sottovoce\[cluster\]'"):
        sv.run("toy", execution=replace(DASK, out=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def _handlers_kept():
    """Put back what happens at Ctrl-C: importing dask_jobqueue changes it for the whole process."""
    kept = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    for one, handler in kept.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("_handlers_kept")
def test_the_job_queue_of_the_docs_gets_one_worker_per_job():
    pytest.importorskip("dask_jobqueue")
    (code,) = re.findall(r"```python\n(.*?SLURMCluster.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.S)
    # What follows the settings talks to a queue, which is not here; nor is the login node's address.
    settings = code.partition("cluster.scale")[0].replace("10.0.0.1", "127.0.0.1")
    named: dict[str, Any] = {}
    exec(settings, named)
    with named["cluster"] as cluster:
        script, address = cluster.job_script(), cluster.scheduler_address
    assert address.startswith("tcp://127.0.0.1:")
    for part in (f"dask_worker {address}", "#SBATCH --gres=gpu:1", "--nthreads 1", "export SOTTOVOCE_DATA="):
        assert part in script, script
    assert "--no-dashboard" in script
    assert "--nworkers" not in script
