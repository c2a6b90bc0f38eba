"""Chunks handed out to workers; what comes back is checked, and saved or asked for again.

Chunks are claimed before they are handed out, and the claim kept until they are saved, so that processes on the same
store, with workers or without, share the members. A chunk is the same whoever computes it, so of two workers that were
asked for it the first one counts.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ClusterError, SottovoceError
from sottovoce.running.cluster import tasks
from sottovoce.running.cluster.engine import Engine
from sottovoce.running.cluster.flights import Claim, Flight, Job
from sottovoce.runs.execution import POLL_SECONDS
from sottovoce.runs.progress import Progress

if TYPE_CHECKING:
    from distributed import Client, Future

CHUNKS_PER_THREAD = 2  # one computed, one waiting: no worker is idle while its answer travels
MOST_CLAIMS = 64
MOST_ATTEMPTS = 3
TIMES_THE_LONGEST = 10
TICK_SECONDS = 1.0
LONELY_SECONDS = 10.0
_log = logging.getLogger(__name__)


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
        self._claimed: deque[Flight] = deque()
        self._flights: set[Flight] = set()
        self._answers: SimpleQueue[tuple[Flight, Future]] = SimpleQueue()
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
            while self._flights or self._claimed or self._open or self._reopened():
                if time.monotonic() >= self._next_tick:
                    self._tick()
                self._hand_out()
                self._receive()
        finally:
            for flight in (*self._claimed, *self._flights):
                flight.claim.close()

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
        while len(self._flights) < self._room and (self._claimed or self._claim()):
            flight = self._claimed.popleft()
            self._flights.add(flight)
            self._ask(flight)

    def _claim(self) -> bool:
        """Claim more chunks, of the first job that has some left; return whether there were any."""
        while self._open:
            claim = Claim(self._open[0], max(1, self._room // MOST_CLAIMS))
            self._claimed.extend(Flight(self._open[0], span, claim) for span in claim.spans)
            if claim.spans:
                return True
            self._open.popleft()
        return False

    def _ask(self, flight: Flight) -> None:
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
        """Wait a moment for an answer."""
        try:
            flight, future = self._answers.get(timeout=POLL_SECONDS)
        except Empty:
            return
        if flight in self._flights:  # else another worker was first
            self._answer(flight, future)

    def _answer(self, flight: Flight, future: "Future") -> None:
        failure = self._save(flight, future)
        if failure is None:
            longest = self._longest.get(flight.job, 0.0)
            self._longest[flight.job] = max(longest, time.monotonic() - flight.asked_at)
            self._flights.remove(flight)
            flight.futures.clear()  # and the scheduler forgets them
            flight.claim.landed()
            self._lacking -= len(flight.span)
            self._progress.advance(len(flight.span))
            return
        flight.failures.append(failure)
        if len(flight.failures) >= MOST_ATTEMPTS:
            raise ClusterError(f"{flight} failed {MOST_ATTEMPTS} times: {'; '.join(flight.failures)}")
        flight.avoided.update(*self._of_scheduler(lambda: self._client.who_has([future])).values())
        flight.futures.remove(future)
        self._ask(flight)

    def _save(self, flight: Flight, future: "Future") -> str | None:
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
