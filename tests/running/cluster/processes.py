"""Schedulers and workers as a cluster runs them: processes of their own, on loopback."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "src"
NO_PAGES = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
LIMIT = 60.0  # protects against a test that would wait forever; nothing is measured by it


def environment(source: Path = SOURCE, **more: str) -> dict[str, str]:
    path = os.pathsep.join([str(source), str(HERE)])
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    return {**os.environ, **quick, "PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", **more}


@contextmanager
def process(words: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run a process, and end it with all its children."""
    started = subprocess.Popen([sys.executable, *words], text=True, **options)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        family = [*psutil.Process(started.pid).children(recursive=True)] if started.poll() is None else []
        for member in family:
            member.kill()
        started.kill()
        started.communicate()


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a scheduler; yield it and its address."""
    import json

    file = folder / "scheduler.json"
    words = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *NO_PAGES]
    with process([*words, "--scheduler-file", str(file)], env=environment(), stderr=subprocess.DEVNULL) as started:
        until(file.exists)
        until(lambda: file.read_text().endswith("}"))
        yield started, json.loads(file.read_text())["address"]


@contextmanager
def workers(address: str, folder: Path, number: int, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start workers of a scheduler; yield the process that watches over them, or the worker itself if it is alone."""
    words = ["-m", "distributed.cli.dask_worker", address, "--nworkers", str(number), "--nthreads", "1"]
    options = ["--host", "127.0.0.1", *NO_PAGES, "--preload", "mischief", "--local-directory", str(folder)]
    if number == 1:
        options.append("--no-nanny")  # one process less to wait for
    with process([*words, *options], env=env, stderr=subprocess.DEVNULL) as started:
        yield started


@contextmanager
def cluster(folder: Path, number: int, **more: str) -> Iterator[str]:
    """Start a scheduler and workers; yield the address."""
    with ExitStack() as stack:
        _, address = stack.enter_context(scheduler(folder))
        stack.enter_context(workers(address, folder, number, environment(**more)))
        yield address


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do some work in a thread while the block runs; what it raises is raised here."""
    raised: list[BaseException] = []

    def watched() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=watched)
    thread.start()
    try:
        yield
    finally:
        thread.join(LIMIT)
    if raised:
        raise raised[0]


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the worker processes that a client has started."""
    found = []
    for child in psutil.Process(pid).children():  # grandchildren are those of other clusters
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found
