"""Claims, by which several processes that execute one run share its members, so that none is computed twice.

A claim is a lock of the operating system on a file named after the members. The kernel releases the lock when its
owner dies, however that happens, so a claim without an owner is recognized by acquiring its lock. Claims are made and
released under one short lock, so that processes with different chunk sizes see the same claims.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path

from filelock import FileLock, Timeout

from sottovoce.runs.disk import store_errors
from sottovoce.runs.interrupts import remembered
from sottovoce.runs.store import RunFolder

_CLAIM = re.compile(r"(\d+)-(\d+)\.lock")


@contextmanager
def claim(folder: RunFolder, members: Sequence[int], size: int) -> Iterator[range | None]:
    """Claim, until the block ends, the next missing members that no other process has claimed.

    The members are contiguous and at most `size` of them. If no member is missing, or all missing members are claimed,
    None is yielded.
    """
    claims = folder.path / "claims"
    lock = None
    try:
        # A half-made or half-released claim would outlive an interrupt.
        with store_errors(claims), remembered(delayed=inf):
            claims.mkdir(parents=True, exist_ok=True)
            with _mutex(claims):
                # Claims are read before chunks: a claim released in between has left its chunk on disk.
                held = _held(claims)
                # A process without a claim writes no chunk, so every temporary file was left by a dead one.
                if not held:
                    folder.remove_temporaries()
                free = [m for m in folder.missing(members) if not any(m in span for span in held)]
                if span := _first_run(free, size):
                    lock = FileLock(claims / f"{span[0]}-{span[-1]}.lock")
                    # Nobody else can have it: claims are made under the mutex, and the members of living claims are not
                    # free.
                    lock.acquire(blocking=False)
        yield span
    finally:
        if lock:
            # Under the mutex as well: otherwise another process could claim the file between its release and its
            # removal.
            with store_errors(claims), remembered(delayed=inf), _mutex(claims):
                lock.release()
                Path(lock.lock_file).unlink(missing_ok=True)


def _mutex(claims: Path) -> FileLock:
    # The lock is held for milliseconds, so polling at filelock's default of 50 ms would mostly wait.
    return FileLock(claims / ".mutex", poll_interval=0.01)


def _held(claims: Path) -> list[range]:
    """Return the members claimed by living processes, and remove the claims of dead ones."""
    held = []
    for file in sorted(claims.iterdir()):
        if match := _CLAIM.fullmatch(file.name):
            try:
                with FileLock(file, blocking=False):
                    pass
                file.unlink(missing_ok=True)
            except Timeout:
                held.append(range(int(match[1]), int(match[2]) + 1))
    return held


def _first_run(members: list[int], size: int) -> range | None:
    """Return the first contiguous members, at most `size` of them."""
    wanted = members[:size]
    # The members are sorted and distinct, so they are contiguous if and only if they span no more than their number.
    while wanted and wanted[-1] - wanted[0] >= len(wanted):
        wanted.pop()
    return range(wanted[0], wanted[-1] + 1) if wanted else None
