"""SIGHUP while nobody hears it yet: it would end the process, and to systemd that is no failure."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignored_hang_up() -> Iterator[None]:
    """SIGHUP is heard by `events.signals` or not at all, here and in a program that replaces this.

    In a terminal it means that the terminal has gone, and keeps its meaning.
    """
    before = None if os.isatty(0) else signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGHUP, before)
