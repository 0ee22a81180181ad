"""A progress that tests look at afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.common.progress import Progress, Silent, Task


class RecordedProgress(Silent):
    """Keeps what was said, and which tasks there were."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tasks: list[str] = []

    def say(self, line: str) -> None:
        """Keep `line`."""
        self.lines.append(line)

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """Keep `name`."""
        self.tasks.append(name)
        with super().task(name, total, done) as task:
            yield task


def recorded(progress: Progress) -> RecordedProgress:
    """The progress of a run that a test began."""
    assert isinstance(progress, RecordedProgress)
    return progress
