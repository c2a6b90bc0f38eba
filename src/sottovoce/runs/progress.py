"""The progress of a run: a bar on a terminal, plain lines elsewhere, nothing if quiet."""

import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO


class Progress(Protocol):
    """What a run reports its progress to; methods that a class does not override show nothing."""

    def start(self, total: int, done: int) -> None:
        """Begin; `done` of `total` members are on disk already."""

    def advance(self, n: int) -> None:
        """Count `n` more members on disk."""

    def phase(self, text: str) -> None:
        """Show what is being done now."""

    def finish(self) -> None:
        """End, whether or not all members are done."""


def choose(title: str, *, quiet: bool = False, stream: TextIO | None = None) -> Progress:
    """Return a bar where the stream (standard error by default) is a terminal, lines elsewhere, silence if `quiet`."""
    shown = sys.stderr if stream is None else stream
    if quiet:
        return Silent()
    return Bar(title, shown) if shown.isatty() else Lines(title, shown)


def is_seen() -> bool:
    """Return whether someone looks at what a program shows: on a terminal or in a notebook of Jupyter."""
    # Where IPython has not been imported there is no such notebook, and in a terminal its shell has another name.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return sys.stderr.isatty() or type(shell).__name__ == "ZMQInteractiveShell"


class Silent(Progress):
    """Shows nothing."""


class Pace:
    """Members per minute and time left, from the members finished since the start."""

    def __init__(self, total: int, done: int, clock: Callable[[], float] = time.perf_counter):
        self.total, self.done = total, done
        # Members that were on disk before took no time, and would make the pace look better than it is.
        self._clock, self._began, self._before = clock, clock(), done

    def text(self) -> str:
        """Return for example "12.0 members/min, 0:20 left"; empty before the first member."""
        minutes = (self._clock() - self._began) / 60
        if self.done == self._before or minutes <= 0:
            return ""
        rate = (self.done - self._before) / minutes
        left, seconds = divmod(round((self.total - self.done) / rate * 60), 60)
        hours, left = divmod(left, 60)
        return f"{rate:.1f} members/min, {f'{hours}:{left:02d}' if hours else left}:{seconds:02d} left"


class Lines(Progress):
    """One plain line per saved chunk, for logs and pipes."""

    def __init__(self, title: str, stream: TextIO):
        self._title, self._stream = title, stream

    def start(self, total: int, done: int) -> None:
        """Write how many members there are."""
        self._pace = Pace(total, done)
        self.advance(0)

    def advance(self, n: int) -> None:
        """Write how many members are done."""
        self._pace.done += n
        parts = [f"{self._title}: {self._pace.done}/{self._pace.total} members", self._pace.text()]
        # Flushed, because a pipe is buffered in blocks and a log would show lines only long after they were written.
        print(", ".join(filter(None, parts)), file=self._stream, flush=True)


class Bar(Progress):
    """A bar of rich that vanishes when the run ends."""

    def __init__(self, title: str, stream: TextIO):
        self._title, self._stream = title, stream

    def start(self, total: int, done: int) -> None:
        """Draw the bar."""
        # Imported here, because workers and quiet runs draw no bar.
        from rich import progress
        from rich.console import Console

        # Rich's own speed forgets what is older than half a minute, and a chunk may take longer.
        self._pace = Pace(total, done)
        self._bar = progress.Progress(
            *(progress.SpinnerColumn(), "{task.description}", progress.BarColumn(), progress.MofNCompleteColumn()),
            "members  {task.fields[pace]}  [dim]{task.fields[phase]}",
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._bar.add_task(self._title, total=total, completed=done, pace="", phase="")
        self._bar.start()

    def advance(self, n: int) -> None:
        """Move the bar."""
        self._pace.done += n
        self._bar.update(self._task, advance=n, pace=self._pace.text())

    def phase(self, text: str) -> None:
        """Write the phase behind the bar."""
        self._bar.update(self._task, phase=text)

    def finish(self) -> None:
        """Remove the bar."""
        self._bar.stop()
