"""A supervised camera whose process is a thread of ours: a test plays the camera's part."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self, cast

from edge_agent.common.stop import Stop
from edge_agent.sources.base import Frame
from edge_agent.sources.config import CameraConfig, LiveConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.memory.ring import RingReader, RingWriter, make_memory
from edge_agent.sources.memory.wire import (
    CameraOpened,
    CameraOpening,
    Captured,
    FromCamera,
    GoneError,
    Link,
    Release,
    ToCamera,
    pair,
)
from edge_agent.sources.supervisor import Start, Supervisor

CONFIG = CameraConfig(url="test://", open_timeout_s=30, read_timeout_s=30)
SHAPE = (2, 3, 3)


class ThreadProcess:
    """Stands for `CameraProcess`; the test plays the camera's part through `camera`."""

    pid = os.getpid()
    lives = False

    def __init__(self, config: LiveConfig) -> None:
        ours, theirs = pair()
        self._ends = ours, theirs
        self.link: Link[FromCamera] = Link(ours, FromCamera)
        self.camera: Link[ToCamera] = Link(theirs, ToCamera)
        self._memory = make_memory()
        self.writer = RingWriter(self._memory, SHAPE)
        self.given_back: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()
        os.close(self._memory)

    def tell(self, message: ToCamera) -> None:
        if isinstance(message, Release):
            self.given_back.append(message.slot)
        else:
            with suppress(GoneError):
                self.link.send(message)

    def ring(self, opened: CameraOpened) -> RingReader:
        return RingReader(self._memory, (opened.height, opened.width, 3))

    def how_it_ended(self) -> str:
        return "ended"

    def rss_bytes(self) -> int | None:
        return 12345


class Stage:
    """A supervised camera and the source that looks at it."""

    def __init__(self, config: CameraConfig = CONFIG) -> None:
        self.processes: list[ThreadProcess] = []
        self._started = threading.Condition()
        # A thread has of a process all that a supervisor asks for.
        self.supervisor = Supervisor(config, cast("Start", self._start))
        self.reports: list[tuple[bool, str]] = []
        self.source = LiveSource(self.supervisor, Stop(), lambda *said: self.reports.append(said))

    def _start(self, config: LiveConfig) -> ThreadProcess:
        with self._started:
            self.processes.append(ThreadProcess(config))
            self._started.notify_all()
            return self.processes[-1]

    def process(self, number: int = 0) -> ThreadProcess:
        """The process of that number, which has opened its camera."""
        with self._started:
            assert self._started.wait_for(lambda: len(self.processes) > number, 30)
        process = self.processes[number]
        process.camera.send(CameraOpening())
        process.camera.send(CameraOpened(*SHAPE[:2]))
        return process


def give(
    process: ThreadProcess,
    slot: int,
    number: int,
    *,
    content: int | None = None,
    monotonic_s: float | None = None,
) -> None:
    """Hand a frame of that level over; it is captured at `monotonic_s`, or now."""
    at_s = time.monotonic() if monotonic_s is None else monotonic_s
    process.writer.view(slot)[...] = number
    process.camera.send(Captured(slot, number, 0, content, at_s, time.time(), at_s))


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert true()


def taken(stage: Stage, count: int) -> list[Frame]:
    frames = iter(stage.source)
    return [next(frames) for _ in range(count)]
