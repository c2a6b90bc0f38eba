"""Ctrl-C that is neither lost nor raised where it does harm."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def remembered(*, delayed: float = 0) -> Iterator[Callable[[], None]]:
    """Remember Ctrl-C until the block ends, and yield a function that raises a KeyboardInterrupt if it was pressed.

    The first `delayed` interrupts wait for that function or for the end of the block; later ones are raised at once, as
    Python does. Those are remembered, too: raised in a finalizer or in a callback of the garbage collector, an
    interrupt is printed and dropped, and the program would go on. A loop that may not end calls the function.
    """
    # Python delivers signals to the main thread alone. Where Ctrl-C is ignored, it stays so.
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    pressed = 0

    def press(*_: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > delayed:
            raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, press)
    try:
        yield check
    finally:
        # The earlier handler comes first, because it has to receive the remembered signal.
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)
