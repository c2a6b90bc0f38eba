"""Chunks handed out to workers; what comes back is checked, and saved or asked for again.

A chunk is claimed before it is handed out, and the claim kept until it is saved, so that processes on the same store,
with workers or without, share the members. A chunk is the same whoever computes it, so of two workers that were asked
for it the first one counts.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from sottovoce.cluster import tasks
from sottovoce.cluster.engine import Engine
from sottovoce.errors import ClusterError, SottovoceError
from sottovoce.experiments import registry
from sottovoce.runs.execution import POLL_SECONDS
from sottovoce.runs.locking import claim
from sottovoce.runs.progress import Progress
from sottovoce.runs.store import RunFolder, chunk_name

if TYPE_CHECKING:
    from distributed import Client, Future

CHUNKS_PER_THREAD = 2  # one computed, one waiting: no worker is idle while its answer travels
MOST_ATTEMPTS = 3
TIMES_THE_LONGEST = 10
TICK_SECONDS = 1.0
LONELY_SECONDS = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Job:
    """One configuration's members.

    Attributes:
        experiment: the experiment.
        config: its resolved configuration.
        folder: of its run.
        size: members to a chunk.
    """

    experiment: registry.Experiment
    config: Any
    folder: RunFolder
    size: int

    def missing(self) -> list[int]:
        """Return the members that are not on disk."""
        return self.folder.missing(range(self.config.members))


@dataclass(eq=False)
class _Flight:
    """A chunk on its way: its members, what was asked of workers, and what they made of it."""

    job: Job
    span: range
    claim: ExitStack
    futures: "list[Future]" = field(default_factory=list)
    asked_at: float = 0.0
    overdue: int = 0
    failures: list[str] = field(default_factory=list)
    avoided: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.job.folder.path.name}, {chunk_name(self.span)}"


class Dispatcher:
    """One thread that hands out, receives, and looks for what is overdue.

    Args:
        client: of the scheduler.
        jobs: what is wanted.
        engine: how workers compute.
        progress: told of every saved chunk.
    """

    def __init__(self, client: "Client", jobs: Sequence[Job], engine: Engine, progress: Progress) -> None:
        self._client, self._jobs, self._engine, self._progress = client, jobs, engine, progress
        self._open: deque[Job] = deque()
        self._flights: set[_Flight] = set()
        self._answers: SimpleQueue[tuple[_Flight, Future]] = SimpleQueue()
        self._longest: dict[Job, float] = {}
        self._lacking = sum(len(job.missing()) for job in jobs)
        self._room, self._next_tick, self._lonely_since = 0, 0.0, time.monotonic()

    def run(self) -> None:
        """Return once every member is on disk.

        Raises:
            ClusterError: the scheduler is lost, a worker refused, or a chunk failed on several workers.
            StoreError: the store cannot be read or written.
        """
        try:
            while self._flights or self._open or self._reopened():
                if time.monotonic() >= self._next_tick:
                    self._tick()
                self._hand_out()
                self._receive()
        finally:
            while self._flights:
                self._land(next(iter(self._flights)))

    def _reopened(self) -> bool:
        """Look on disk what is missing, which may be what another process has claimed; count what it has saved."""
        missing = {job: len(job.missing()) for job in self._jobs}
        saved_elsewhere = self._lacking - sum(missing.values())
        if saved_elsewhere > 0:
            self._progress.advance(saved_elsewhere)
        self._lacking -= saved_elsewhere
        self._open.extend(job for job in self._jobs if missing[job])
        return bool(self._open)

    def _tick(self) -> None:
        threads = sum(self._of_scheduler(self._client.nthreads).values())
        now = time.monotonic()
        if threads:
            self._lonely_since = now
            self._chase(now)
        elif now - self._lonely_since > LONELY_SECONDS:
            self._lonely_since = float("inf")  # said once
            _log.warning("no worker has joined the scheduler at %s; waiting", self._engine.scheduler)
        self._room = CHUNKS_PER_THREAD * threads
        self._progress.phase(f"{len(self._flights)} chunks on {threads} workers")
        self._next_tick = now + TICK_SECONDS

    def _hand_out(self) -> None:
        while self._open and len(self._flights) < self._room:
            job, held = self._open[0], ExitStack()
            span = held.enter_context(claim(job.folder, range(job.config.members), job.size))
            if span is None:
                held.close()
                self._open.popleft()
                continue
            flight = _Flight(job, span, held)
            self._flights.add(flight)
            self._ask(flight)

    def _ask(self, flight: _Flight) -> None:
        """Ask any worker for the chunk, but those that are avoided, unless there is no other."""
        job, engine = flight.job, self._engine
        others = None
        if flight.avoided:
            others = [worker for worker in self._of_scheduler(self._client.nthreads) if worker not in flight.avoided]
        save_in = job.folder.path if engine.workers_save else None
        task = tasks.describe(job.experiment, job.config, flight.span, engine.device, engine.devices, save_in)
        future = self._client.submit(tasks.compute, task, pure=False, workers=others or None)
        flight.futures.append(future)
        flight.asked_at = time.monotonic()
        future.add_done_callback(lambda done: self._answers.put((flight, done)))

    def _receive(self) -> None:
        """Wait a moment for an answer, and take all that are there."""
        wait = POLL_SECONDS
        try:
            while True:
                flight, future = self._answers.get(timeout=wait)
                wait = 0.0
                if flight in self._flights:  # else another worker was first
                    self._answer(flight, future)
        except Empty:
            return

    def _answer(self, flight: _Flight, future: "Future") -> None:
        failure = self._save(flight, future)
        if failure is None:
            longest = self._longest.get(flight.job, 0.0)
            self._longest[flight.job] = max(longest, time.monotonic() - flight.asked_at)
            self._land(flight)
            self._lacking -= len(flight.span)
            self._progress.advance(len(flight.span))
            return
        flight.failures.append(failure)
        if len(flight.failures) >= MOST_ATTEMPTS:
            raise ClusterError(f"{flight} failed {MOST_ATTEMPTS} times: {'; '.join(flight.failures)}")
        flight.avoided.update(*self._of_scheduler(lambda: self._client.who_has([future])).values())
        flight.futures.remove(future)
        self._ask(flight)

    def _save(self, flight: _Flight, future: "Future") -> str | None:
        """Save what a worker answered; return what was wrong with it, if anything was."""
        reply = self._reply(future)
        if isinstance(reply, str):
            return reply
        worker, folder = f"worker {reply.get('worker')}", flight.job.folder
        if "refusal" in reply:
            raise ClusterError(f"{worker} refused {flight}: {reply['refusal']}")
        if "failure" in reply:
            return f"{worker}: {reply['failure']}"
        try:
            if not self._engine.workers_save:
                folder.accept(flight.span, reply["chunk"], reply["provenance"])
            elif not folder.holds(flight.span):
                return f"{worker} saved the chunk in {reply['saved']}, where it is not seen from here"
        except SottovoceError:
            raise
        except Exception as error:
            return f"{worker} sent no chunk: {error}"
        return None

    def _reply(self, future: "Future") -> dict[str, Any] | str:
        """Return a worker's answer, or what became of the worker."""
        from distributed.scheduler import KilledWorker

        try:
            reply = future.result(timeout=self._engine.patience)
        except TimeoutError:
            return f"an answer did not arrive within {self._engine.patience:.0f} s"
        except (CancelledError, OSError) as error:
            raise self._lost(error) from error
        except KilledWorker as error:
            return f"{error.allowed_failures + 1} workers died of it, the last at {error.last_worker.address}"
        except Exception as error:
            return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return reply if isinstance(reply, dict) else f"a worker answered with {type(reply).__name__}, which is no chunk"

    def _land(self, flight: _Flight) -> None:
        self._flights.remove(flight)
        for future in flight.futures:
            future.release()
        flight.claim.close()

    def _chase(self, now: float) -> None:
        """Ask another worker for what is overdue."""
        late = [flight for flight in self._flights if now - flight.asked_at > self._limit(flight.job)]
        computing = self._of_scheduler(self._client.processing) if late else {}
        for flight in late:
            keys = {future.key for future in flight.futures}
            at = {worker for worker, here in computing.items() if keys & set(here)}
            flight.asked_at = now
            if not at:
                continue  # it waits for a worker
            flight.overdue += 1
            if flight.overdue >= MOST_ATTEMPTS:
                raise ClusterError(
                    f"{flight} was asked for {MOST_ATTEMPTS} times without an answer within "
                    f"{self._limit(flight.job):.3g} s (last of {', '.join(sorted(at))}); if it takes longer, "
                    "raise --patience"
                )
            flight.avoided |= at
            if set(computing) - flight.avoided:
                self._ask(flight)

    def _limit(self, job: Job) -> float:
        return max(self._engine.patience, TIMES_THE_LONGEST * self._longest.get(job, 0.0))

    def _of_scheduler(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (OSError, CancelledError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> ClusterError:
        where = self._client.scheduler.address if self._client.scheduler else self._engine.scheduler
        return ClusterError(f"the scheduler at {where} is lost ({type(error).__name__})")
