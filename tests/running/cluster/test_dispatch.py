"""What the dispatcher asks of whom, by a client that answers from a script: no process, every answer at its moment."""

import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from left_behind import chunks
from mischief import Config

from sottovoce.errors import ClusterError
from sottovoce.running.cluster import dispatch, tasks
from sottovoce.running.cluster.dispatch import DaskExecutor, fill
from sottovoce.runs.execution import Interrupted
from sottovoce.runs.locking import claim
from sottovoce.runs.progress import Silent
from sottovoce.runs.store import RunFolder

FAILED, SILENT = "failed", "silent"


@dataclass
class Asked:
    """A task submitted, as a future: to which workers, and what is answered."""

    task: dict[str, Any]
    workers: list[str] | None
    key: int
    reply: dict[str, Any] = field(default_factory=dict)
    callbacks: list[Callable[["Asked"], None]] = field(default_factory=list)

    def add_done_callback(self, callback: Callable[["Asked"], None]) -> None:
        self.callbacks.append(callback)
        if self.reply:
            callback(self)

    def answer(self, worker: str) -> None:
        self.reply = {"worker": worker} | tasks.answer(self.task)
        for callback in self.callbacks:
            callback(self)

    def result(self, timeout: float) -> dict[str, Any]:
        return self.reply


class Client:
    """Two workers, or more: each submission takes the next word of the script, after which all are answered."""

    def __init__(self, *script: str, workers: tuple[str, ...] = ("a", "b")) -> None:
        self.script, self.workers = list(script), workers
        self.asked: list[Asked] = []
        self.computing: dict[str, list[int]] = {}

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.workers, 1)

    def processing(self) -> dict[str, list[int]]:
        return self.computing

    def submit(self, _: Any, task: dict[str, Any], *, pure: bool, workers: list[str] | None) -> Asked:
        assert not pure, "a chunk that is asked for again would be the one that failed"
        asked = Asked(task, workers, len(self.asked))
        self.asked.append(asked)
        what, _, worker = (self.script.pop(0) if self.script else "").partition(" at ")
        if what == FAILED:
            asked.reply = {"worker": worker, "failure": "a fault"}
        elif what != SILENT:
            asked.answer(self.workers[0])
        return asked


class Counted(Silent):
    """Counts members as they are told."""

    def __init__(self) -> None:
        self.done = 0

    def start(self, total: int, done: int) -> None:
        self.done = done

    def advance(self, n: int) -> None:
        self.done += n


@pytest.fixture
def run(job, monkeypatch):
    """Fill a job by a scripted client."""
    monkeypatch.setattr(dispatch, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.01)

    def run_it(client, members=1, progress=None, patience=3600.0):
        monkeypatch.setattr(dispatch, "connected", lambda _: nullcontext(client))
        made = job(Config(members=members))
        fill([made], DaskExecutor(patience=patience), progress or Silent())
        assert locks(made.folder) == []
        return made.folder

    return run_it


def raises(error):
    def call(*_):
        raise error

    return call


def locks(folder):
    return list((folder.path / "claims").glob("*.lock"))


def test_a_chunk_that_failed_goes_to_another_worker_and_to_any_where_there_is_no_other(run, serial):
    client = Client(f"{FAILED} at a", f"{FAILED} at b")
    assert chunks(run(client)) == serial(Config(members=1))
    assert [asked.workers for asked in client.asked] == [None, ["b"], None]


def test_a_silent_worker_is_not_asked_again_and_its_late_answer_is_not_saved(run, monkeypatch):
    client, saved, pending = Client(SILENT, SILENT), [], []
    client.computing = {"a": [0, 1]}
    submit, accept, make = client.submit, RunFolder.accept, dispatch._PendingChunk

    def late(*arguments, **options):
        asked = submit(*arguments, **options)
        if asked.key == 3:  # chunk 0 was answered by b, chunk 1 is still wanted
            client.asked[0].answer("a")
        return asked

    def noted(self, span, *rest):
        saved.append(span[0])
        accept(self, span, *rest)

    monkeypatch.setattr(client, "submit", late)
    monkeypatch.setattr(RunFolder, "accept", noted)
    monkeypatch.setattr(dispatch, "_PendingChunk", lambda *given: pending.append(make(*given)) or pending[-1])
    run(client, members=2, patience=0.05)
    assert [asked.workers for asked in client.asked] == [None, None, ["b"], ["b"]]
    assert sorted(saved) == [0, 1]
    assert [chunk.futures for chunk in pending] == [[], []], "dask would compute for nobody what is still asked for"


def test_a_silent_worker_without_company_is_waited_for_and_asked_once(run):
    client = Client(SILENT, workers=("a",))
    client.computing = {"a": [0]}
    with pytest.raises(
        ClusterError, match=r"failed 3 times: no answer within .* from a; .*; 0 of 1 members are safe"
    ) as caught:
        run(client, patience=0.01)
    assert str(caught.value).count("no answer") == 3
    assert len(client.asked) == 1


def test_a_chunk_that_no_worker_has_is_asked_for_again_until_one_has(run, serial):
    client = Client(*[SILENT] * 5)
    assert chunks(run(client, patience=0.01)) == serial(Config(members=1))
    assert len(client.asked) == 6


def test_a_chunk_may_take_ten_times_as_long_as_the_longest_of_its_run(run, monkeypatch):
    client, now = Client(SILENT, SILENT), [0.0]
    client.computing = {"a": [0, 1]}
    nthreads = client.nthreads

    def second_by_second():
        now[0] += 1
        if now[0] == 4:
            client.asked[0].answer("a")
        return nthreads()

    monkeypatch.setattr(client, "nthreads", second_by_second)
    monkeypatch.setattr(dispatch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    run(client, members=2, patience=5.0)
    assert [asked.workers for asked in client.asked] == [None, None, ["b"]]
    assert 30 < now[0] < 50


def test_many_chunks_share_a_claim_and_no_more_are_out_than_workers_take(run, job, serial, monkeypatch):
    monkeypatch.setattr(dispatch, "MOST_CLAIMS", 2)
    client, most = Client(*[SILENT] * 100, workers=("a", "b", "c", "d")), []
    folder = job(Config(members=16)).folder
    submit, nthreads = client.submit, client.nthreads

    def counted(*arguments, **options):
        waiting = sum(not asked.reply for asked in client.asked)
        most.append((len(locks(folder)), waiting))
        return submit(*arguments, **options)

    def one_answers():
        for asked in client.asked:
            if not asked.reply:
                asked.answer("a")
                break
        return nthreads()

    monkeypatch.setattr(client, "submit", counted)
    monkeypatch.setattr(client, "nthreads", one_answers)
    assert chunks(run(client, members=16)) == serial(Config(members=16))
    # Eight chunks are out for four workers, claimed by fours.
    assert max(claims for claims, _ in most) == 3
    assert max(waiting for _, waiting in most) < 8 + 4
    assert len(client.asked) == 16


def test_what_another_process_saves_is_told_as_progress(run, job):
    made, progress, client = job(Config(members=3)), Counted(), Client()
    held = claim(made.folder, range(1), 1)
    span = held.__enter__()
    looks, nthreads = [], client.nthreads

    def saved_by_another():
        looks.append(len(made.folder.spans()))
        if looks[-1] == 2 and looks.count(2) == 2:
            made.folder.save(span, made.experiment.simulate(made.config, span), {})
            held.__exit__(None, None, None)
        return nthreads()

    client.nthreads = saved_by_another
    run(client, members=3, progress=progress)
    assert progress.done == 3
    assert [asked.task["first"] for asked in client.asked] == [1, 2]


def test_a_lost_scheduler_is_said_so_and_claims_are_let_go(run, job):
    client = Client(SILENT, SILENT)
    client.processing = raises(OSError())
    with pytest.raises(
        ClusterError, match=r"the scheduler at 127\.0\.0\.1 is lost \(OSError\); 0 of 2 members are safe"
    ):
        run(client, members=2, patience=0.01)
    assert locks(job(Config(members=2)).folder) == []


def test_a_reader_of_the_progress_who_is_gone_is_no_lost_scheduler(run, monkeypatch):
    monkeypatch.setattr(Silent, "advance", raises(BrokenPipeError()))
    with pytest.raises(BrokenPipeError):
        run(Client())


def test_an_interrupt_waits_until_an_answer_is_saved_and_then_ends_the_run_though_a_worker_is_silent(run, monkeypatch):
    went_on = []

    def pressed(*_):
        signal.raise_signal(signal.SIGINT)
        went_on.append(True)

    monkeypatch.setattr(Silent, "advance", pressed)
    with pytest.raises(Interrupted, match=r"^interrupted: 1 of 2 members are safe in"):
        run(Client("", SILENT), members=2)
    assert went_on
