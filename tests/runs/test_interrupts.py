"""Ctrl-C reaches whoever asked, wherever the program was when it was pressed."""

import signal
from math import inf

import pytest

from sottovoce.runs.interrupts import remembered


def press():
    signal.raise_signal(signal.SIGINT)


class Finalized:
    """Presses Ctrl-C where Python drops the exception."""

    def __del__(self):
        press()


@pytest.mark.parametrize(("delayed", "at_once"), [(0, 1), (1, 2), (2, 3)])
def test_so_many_interrupts_are_delayed_and_the_next_is_raised_where_the_program_is(delayed, at_once):
    pressed = []

    def hammer():
        with remembered(delayed=delayed):
            while len(pressed) < 5:
                pressed.append(True)
                press()

    with pytest.raises(KeyboardInterrupt):
        hammer()
    assert len(pressed) == at_once


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("delayed", [0, 1, inf])
def test_a_lost_or_delayed_interrupt_is_raised_where_it_is_asked_for(delayed):
    looks = []

    def loop():
        with remembered(delayed=delayed) as raise_if_interrupted:
            while len(looks) < 5:
                raise_if_interrupted()
                looks.append(True)
                if len(looks) == 2:
                    Finalized()

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert len(looks) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_end_of_the_block_raises_what_nobody_asked_for():
    ended = []

    def block():
        with remembered():
            Finalized()
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert ended


def test_a_block_within_a_block_tells_the_outer_one():
    passed = []

    def blocks():
        with remembered(delayed=1) as raise_if_interrupted:
            with remembered(delayed=inf):
                press()
                press()
            passed.append("the inner block, whose two interrupts are one to the outer block")
            raise_if_interrupted()
            passed.append("the check")

    with pytest.raises(KeyboardInterrupt):
        blocks()
    assert len(passed) == 1


def test_without_an_interrupt_nothing_is_raised_and_an_error_stays_what_it_is():
    with remembered() as raise_if_interrupted:
        raise_if_interrupted()
    with pytest.raises(ZeroDivisionError), remembered(delayed=inf):
        raise ZeroDivisionError


def test_an_ignored_interrupt_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with remembered() as raise_if_interrupted:
            press()
            raise_if_interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
