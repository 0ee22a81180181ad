"""How far a long stage is: a bar with the time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichBars

LINE_EVERY_S = 10.0


class Task(Protocol):
    """A piece of work, of which progress counts the steps."""

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more as done."""


class Progress(Protocol):
    """Where stages report to; one task is under way at a time."""

    def task(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Task]:
        """Show a piece of work of `total` steps for as long as the context is open.

        `done` steps are behind already, from an earlier process: they do not count
        when the time left is reckoned.
        """

    def say(self, line: str) -> None:
        """Leave `line` standing for the reader."""


class Silent:
    """Reports nothing; for callers that are no command."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """A task nobody sees."""
        yield _Unseen()

    def say(self, line: str) -> None:
        """Nothing."""


class _Unseen:
    def advance(self, steps: int = 1) -> None:
        """Nothing."""


# What `progress` is where nobody asks; it holds nothing, so that one serves all.
SILENT = Silent()


class Lines:
    """Plain lines for a log: what is said, and every ten seconds how far a task is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """A task that writes a line every ten seconds."""
        yield _LineTask(name, total, done, self.say)

    def say(self, line: str) -> None:
        """Write `line` at once."""
        self._stream.write(f"{line}\n")
        self._stream.flush()


class _LineTask:
    def __init__(self, name: str, total: int, done: int, say: Callable[[str], None]) -> None:
        self._name, self._total, self._say = name, total, say
        self._before = self._done = done
        self._begun = self._said = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """Count `steps`, and say so if the last line is ten seconds old."""
        self._done += steps
        now = time.monotonic()
        if now - self._said >= LINE_EVERY_S:
            self._said = now
            pace = (now - self._begun) / (self._done - self._before)  # seconds a step
            left = pace * (self._total - self._done)
            self._say(f"{self._name}: {self._done}/{self._total}, {left:.0f} s left")


class Bars:
    """A bar per task with the time left, and lines standing above it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """A task with a bar, which goes when the task ends."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with RichBars(*columns, console=self._console, transient=True) as bars:
            yield _BarTask(bars, bars.add_task(name, total=total, completed=done))

    def say(self, line: str) -> None:
        """Print `line` above the bar, as it is."""
        self._console.print(line, markup=False, highlight=False)


class _BarTask:
    def __init__(self, bars: RichBars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        self._bars.advance(self._task, steps)


def open_progress(stream: TextIO) -> Progress:
    """Bars where `stream` is a terminal, plain lines where it is not."""
    return Bars(Console(file=stream)) if stream.isatty() else Lines(stream)
