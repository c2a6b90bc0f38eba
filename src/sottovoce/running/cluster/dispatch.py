"""Dispatch of chunks to workers; every answer is checked, and the chunk is saved or submitted again.

A chunk is a function of experiment, version, configuration and members alone, so computing one twice does no harm: a
chunk that fails or is overdue is submitted again, and the first answer that passes its checks is saved. Chunks are
claimed until they are saved, so that processes on the same store, with workers or without, share the members.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ClusterError, SottovoceError
from sottovoce.running.cluster import tasks
from sottovoce.running.cluster.engine import LOOPBACK, Workers, connected
from sottovoce.runs.execution import POLL_SECONDS, Interrupted, Job
from sottovoce.runs.interrupts import remembered
from sottovoce.runs.locking import claim
from sottovoce.runs.progress import Progress
from sottovoce.runs.store import chunk_name

if TYPE_CHECKING:
    from distributed import Future

CHUNKS_PER_THREAD = 2  # one is computed, one waits: no worker is idle while its answer travels
MOST_CLAIMS = 64  # each keeps a file open, so with more pending chunks one claim covers several
MOST_ATTEMPTS = 3  # a chunk that fails as often fails everywhere
TIMES_THE_LONGEST = 10  # a chunk is overdue after this multiple of its job's longest chunk, or after `patience`
TICK_SECONDS = 1.0  # between two looks at the workers
LONELY_SECONDS = 10.0  # without any worker, until the user is told
_log = logging.getLogger(__name__)


class DaskExecutor(Workers):
    """Computes members on dask workers."""

    def compute(self, job: Job, progress: Progress) -> None:
        """Compute and save one job's missing members; see `fill`."""
        fill([job], self, progress)


def fill(jobs: Sequence[Job], workers: Workers, progress: Progress) -> None:
    """Compute and save every missing member of all jobs.

    Raises:
        ClusterError: no scheduler answers or the scheduler is lost, a worker differs from this process, or a chunk
            failed several times; finished chunks are saved.
        StoreError: the store cannot be read or written.
        Interrupted: Ctrl-C was pressed; finished chunks are saved.
    """
    for job in jobs:
        tasks.check_importable(job)
    total, missing = sum(len(job.members) for job in jobs), _n_missing(jobs)
    progress.start(total, total - missing)
    try:
        if missing:
            progress.phase("reaching workers")
            # Delayed, because dask and HDF5 complain of an interrupt in their midst; a second one ends a wait for dask.
            with remembered(delayed=1) as raise_if_interrupted, connected(workers) as client:
                _Dispatcher(client, jobs, workers, progress).run(raise_if_interrupted)
    except (KeyboardInterrupt, ClusterError) as error:
        safe = f"{total - _n_missing(jobs)} of {total} members are safe in {jobs[0].folder.path.parent}"
        advice = f"{safe}; run the same command again to go on"
        if isinstance(error, ClusterError):
            raise ClusterError(f"{error}; {advice}") from error
        raise Interrupted(f"interrupted: {advice}") from None
    finally:
        progress.finish()


def _n_missing(jobs: Sequence[Job]) -> int:
    return sum(job.missing() for job in jobs)


@dataclass(eq=False)
class _PendingChunk:
    job: Job
    span: range
    claim: ExitStack  # held until no chunk that the claim covers is pending
    futures: "list[Future]" = field(default_factory=list)  # submissions that may still be answered
    submitted_at: float = 0.0  # seconds
    problems: list[str] = field(default_factory=list)  # why earlier submissions brought no chunk
    avoided: set[str] = field(default_factory=set)  # addresses of the workers that caused the problems

    def __str__(self) -> str:
        return f"{self.job.folder.path.name}, {chunk_name(self.span)}"


class _Dispatcher:
    """Submits chunks, saves the answers and submits overdue chunks again, in one thread."""

    def __init__(self, client: Any, jobs: Sequence[Job], workers: Workers, progress: Progress) -> None:
        self._client, self._jobs, self._workers, self._progress = client, jobs, workers, progress
        self._unclaimed: list[Job] = []
        self._pending: set[_PendingChunk] = set()
        self._answers: SimpleQueue[tuple[_PendingChunk, Future]] = SimpleQueue()
        self._longest = dict.fromkeys(jobs, 0.0)  # seconds until a chunk's answer
        self._lacking = _n_missing(jobs)
        self._threads: dict[str, int] = {}  # by address of the worker
        self._next_tick, self._lonely_since = 0.0, time.monotonic()

    def run(self, raise_if_interrupted: Callable[[], None]) -> None:
        """Return once every member is on disk."""
        try:
            while self._pending or self._unclaimed or self._look_at_disk():
                raise_if_interrupted()
                self._look_at_workers(time.monotonic())
                capacity = CHUNKS_PER_THREAD * sum(self._threads.values())
                while self._unclaimed and len(self._pending) < capacity:
                    self._claim(self._unclaimed[0], max(1, capacity // MOST_CLAIMS))
                with suppress(Empty):
                    self._receive(*self._answers.get(timeout=POLL_SECONDS))
        except BrokenPipeError:  # an OSError of the progress display, whose reader has gone
            raise
        except (CancelledError, OSError) as error:  # of the network: the disk's errors are StoreErrors
            address = self._workers.scheduler or LOOPBACK
            raise ClusterError(f"the scheduler at {address} is lost ({type(error).__name__})") from error
        finally:
            # Released however the run ends, so that other processes can go on; chunks may share a claim, which closes
            # once.
            for chunk in self._pending:
                chunk.claim.close()

    def _look_at_disk(self) -> bool:
        """Return whether members are missing, whoever has claimed them; count those that other processes have saved."""
        self._unclaimed = [job for job in self._jobs if job.missing()]
        before, self._lacking = self._lacking, _n_missing(self._unclaimed)
        if self._lacking < before:
            self._progress.advance(before - self._lacking)
        return self._lacking > 0

    def _look_at_workers(self, now: float) -> None:
        if now < self._next_tick:
            return
        self._threads = self._client.nthreads()
        if self._threads:
            self._lonely_since = now
            self._resubmit_overdue(now)
        elif now - self._lonely_since > LONELY_SECONDS:
            self._lonely_since = float("inf")  # the warning is given once
            _log.warning("no worker has joined the scheduler at %s; waiting", self._workers.scheduler)
        self._progress.phase(f"{len(self._pending)} chunks on {sum(self._threads.values())} workers")
        self._next_tick = now + TICK_SECONDS

    def _claim(self, job: Job, n_chunks: int) -> None:
        """Claim and submit the next chunks of a job, or leave it where nothing is left to claim."""
        claimed = ExitStack()
        span = claimed.enter_context(claim(job.folder, job.members, n_chunks * job.size))
        if span is None:
            claimed.close()
            self._unclaimed.remove(job)
            return
        chunks = [_PendingChunk(job, span[at : at + job.size], claimed) for at in range(0, len(span), job.size)]
        self._pending.update(chunks)
        for chunk in chunks:
            self._submit(chunk)

    def _submit(self, chunk: _PendingChunk) -> None:
        """Submit the chunk to the workers that are not avoided, or to any worker where all are avoided."""
        task = tasks.describe(chunk.job, chunk.span, self._workers)
        others = list(self._threads.keys() - chunk.avoided) if chunk.avoided else None
        # dask answers a pure task by the result of an earlier one with equal arguments: a resubmission would be given
        # the very answer that was refused.
        future = self._client.submit(tasks.compute, task, pure=False, workers=others or None)
        chunk.futures.append(future)
        chunk.submitted_at = time.monotonic()
        # The callback runs in a thread of dask's, so it does no more than queue the answer for this one.
        future.add_done_callback(lambda done: self._answers.put((chunk, done)))

    def _receive(self, chunk: _PendingChunk, future: "Future") -> None:
        """Save the chunk that a worker answered, or submit the chunk again."""
        if chunk not in self._pending:
            return  # another worker was first
        if problem := self._save(chunk, future):
            chunk.futures.remove(future)
            self._resubmit(chunk, problem)
            return
        self._longest[chunk.job] = max(self._longest[chunk.job], time.monotonic() - chunk.submitted_at)
        self._pending.remove(chunk)
        chunk.futures.clear()  # and the scheduler forgets them
        if all(other.claim is not chunk.claim for other in self._pending):
            chunk.claim.close()
        self._lacking -= len(chunk.span)
        self._progress.advance(len(chunk.span))

    def _save(self, chunk: _PendingChunk, future: "Future") -> str | None:
        """Save the chunk that a worker answered; return what is wrong with the answer, or None."""
        folder, worker = chunk.job.folder, "a worker"
        try:
            reply = future.result(timeout=self._workers.patience)
            worker = f"worker {reply['worker']}"
            chunk.avoided.add(reply["worker"])  # in case the chunk is submitted again
            if "refusal" in reply:
                raise ClusterError(f"{worker} refused {chunk}: {reply['refusal']}")
            if "failure" in reply:
                return f"{worker}: {reply['failure']}"
            if not self._workers.workers_save:
                folder.accept(chunk.span, reply["chunk"], reply["provenance"])
            elif not folder.holds(chunk.span):
                return f"{worker} saved the chunk in {reply['saved']}, where it is not seen from here"
        # A TimeoutError is an OSError too, and has to be caught before those that end the run.
        except TimeoutError:
            return f"an answer did not arrive within {self._workers.patience:.0f} s"
        # A refusal, the store's failure and the loss of the scheduler would meet every attempt alike.
        except (SottovoceError, CancelledError, OSError):
            raise
        except Exception as error:
            return f"{worker} sent no chunk: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return None

    def _resubmit(self, chunk: _PendingChunk, problem: str, advice: str = "") -> None:
        """Submit the chunk to another worker, or to the same one if no other answer is awaited."""
        chunk.problems.append(problem)
        if len(chunk.problems) >= MOST_ATTEMPTS:
            raise ClusterError(f"{chunk} failed {MOST_ATTEMPTS} times: {'; '.join(chunk.problems)}{advice}")
        if self._threads.keys() - chunk.avoided or not chunk.futures:
            self._submit(chunk)

    def _resubmit_overdue(self, now: float) -> None:
        """Submit chunks again whose answer is overdue."""
        limits = {job: max(self._workers.patience, TIMES_THE_LONGEST * took) for job, took in self._longest.items()}
        late = [chunk for chunk in self._pending if now - chunk.submitted_at > limits[chunk.job]]
        computing = self._client.processing() if late else {}
        for chunk in late:
            # The wait begins anew, or an overdue chunk would be submitted again at every tick.
            chunk.submitted_at = now
            keys = {future.key for future in chunk.futures}
            if silent := {worker for worker, processed in computing.items() if keys.intersection(processed)}:
                chunk.avoided |= silent
                problem = f"no answer within {limits[chunk.job]:.3g} s from {', '.join(sorted(silent))}"
                self._resubmit(chunk, problem, "; if a chunk takes longer, raise --patience")
            else:
                self._submit(chunk)  # the workers that had the chunk are gone
