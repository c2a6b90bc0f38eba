import io
import sys
from types import SimpleNamespace

import pytest

from sottovoce.running.run import chosen_execution
from sottovoce.runs.progress import Bar, Lines, Pace, Silent, choose, is_seen


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_choice_fits_the_stream():
    assert isinstance(choose("toy", stream=Terminal()), Bar)
    assert isinstance(choose("toy", stream=io.StringIO()), Lines)
    assert isinstance(choose("toy", quiet=True, stream=Terminal()), Silent)


def test_progress_is_seen_on_a_terminal_and_in_a_notebook_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not is_seen()
    assert chosen_execution(None).quiet
    for kernel, seen in (("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False)):
        shell = type(kernel, (), {})()
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert is_seen() == seen
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert is_seen()
    assert not chosen_execution(None).quiet


@pytest.mark.parametrize(
    ("done", "seconds", "text"),
    [
        (4, 30, ""),
        (6, 30, "4.0 members/min, 1:30 left"),
        (12, 30, "16.0 members/min, 0:00 left"),
        (5, 1800, "0.0 members/min, 3:30:00 left"),
    ],
)
def test_pace_counts_only_members_since_the_start(done, seconds, text):
    times = iter([100.0, 100.0 + seconds])
    pace = Pace(12, 4, clock=lambda: next(times))
    pace.done = done
    assert pace.text() == text


def run(progress):
    progress.start(4, 1)
    progress.phase("members 1 to 2")
    progress.advance(2)
    progress.finish()


def test_lines_are_plain():
    stream = io.StringIO()
    run(Lines("toy", stream))
    first, second = stream.getvalue().splitlines()
    assert first == "toy: 1/4 members"
    assert second.startswith("toy: 3/4 members, ")
    assert second.endswith(" left")
    assert "\x1b" not in stream.getvalue()


def test_bar_shows_members_pace_and_phase_and_vanishes(monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    run(Bar("toy", stream))
    assert "3/4" in stream.getvalue()
    assert "members/min" in stream.getvalue()
    assert "members 1 to 2" in stream.getvalue()


def test_silence_is_silent(capfd):
    run(Silent())
    assert capfd.readouterr() == ("", "")
