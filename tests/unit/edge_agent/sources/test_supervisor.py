"""The supervisor, on a process that is a thread of ours."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import pytest

from edge_agent.common.stop import Stop
from edge_agent.sources.base import Frame
from edge_agent.sources.config import CameraConfig, LiveConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.memory.ring import RingReader, RingWriter, make_memory
from edge_agent.sources.memory.wire import (
    Captured,
    FromCamera,
    GoneError,
    Link,
    Look,
    Opened,
    Opening,
    Pace,
    Passing,
    Release,
    ToCamera,
    pair,
)
from edge_agent.sources.supervisor import Supervisor

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

    def ring(self, opened: Opened) -> RingReader:
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
        self.supervisor = Supervisor(config, self._start)  # type: ignore[arg-type]
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
        process.camera.send(Opening())
        process.camera.send(Opened(*SHAPE[:2]))
        return process


def give(process: ThreadProcess, slot: int, number: int, **changes: float | None) -> None:
    fields = {"content": None, "monotonic_s": time.monotonic(), "wall_s": time.time()} | changes
    fields["came_s"] = fields["monotonic_s"]
    process.writer.view(slot)[...] = number
    process.camera.send(Captured(slot, number, 0, **fields))  # type: ignore[arg-type]


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert true()


def taken(stage: Stage, count: int) -> list[Frame]:
    frames = iter(stage.source)
    return [next(frames) for _ in range(count)]


def test_looks_that_are_far_apart_are_asked_for_and_their_pace_is_told() -> None:
    """What has waited is dropped then; a pace that changes while it runs is told too."""
    stage = Stage()
    pace = 60.0
    stage.source.pace = lambda: pace
    with stage.source:
        process = stage.process()
        assert process.camera.receive(10) == Pace(60)
        give(process, 0, 0, monotonic_s=time.monotonic() - 1)
        eventually(lambda: stage.reports == [(True, "")])
        asked = threading.Thread(target=lambda: taken(stage, 1), daemon=True)
        asked.start()
        assert process.camera.receive(10) == Look()
        assert process.given_back == [0]
        give(process, 1, 1)
        asked.join(10)
        assert not asked.is_alive()
        pace = 0.0
        process.camera.send(Passing(7, 6))
        assert process.camera.receive(10) == Pace(0)
        eventually(lambda: stage.source.counters.dropped == 7)  # of them one that had waited
        give(process, 2, 9)
        (frame,) = taken(stage, 1)
        assert frame.seq == 9


def test_frames_that_nobody_wants_keep_a_camera_from_being_lost() -> None:
    """Must fire when they end: a camera that says nothing at all is replaced."""
    stage = Stage(CameraConfig(url="test://", read_timeout_s=0.3))
    with stage.source:
        process = stage.process()
        give(process, 0, 0)
        for number in range(1, 6):
            time.sleep(0.1)
            process.camera.send(Passing(number, number))
        assert stage.source.counters.respawned == 0
        stage.process(1)
        assert stage.reports[-1] == (False, "camera test://: no frame for 0.3 s")


def test_every_slot_is_given_back_once() -> None:
    """When it was looked at, and when a fresher frame took its place."""
    stage = Stage()
    with stage.source:
        process = stage.process()
        for slot in range(3):
            give(process, slot, slot)
        eventually(lambda: process.given_back == [0, 1])
        (frame,) = taken(stage, 1)
        assert (frame.seq, frame.image.max()) == (2, 2)
        assert process.given_back == [0, 1, 2]
        assert stage.source.counters.dropped == 2
        assert stage.source.counters.capture_rss_bytes == 12345


def test_a_frame_that_has_waited_too_long_is_not_given() -> None:
    """A process that was stopped and goes on hands over what it had: it is not fresh."""
    stage = Stage()
    with stage.source:
        process = stage.process()
        give(process, 0, 0, monotonic_s=time.monotonic() - 31)
        give(process, 1, 1)
        (frame,) = taken(stage, 1)
        assert frame.seq == 1
        assert stage.source.counters.dropped == 1
        eventually(lambda: process.given_back == [0, 1])


def test_what_was_offered_is_forgotten_when_the_camera_is_lost() -> None:
    """A model that asks late gets a frame of the camera that is there, not of the lost one."""
    stage = Stage()
    with stage.source:
        first = stage.process()
        give(first, 0, 0)
        eventually(lambda: stage.reports == [(True, "")])
        first.camera.hang_up()
        second = stage.process(1)
        give(second, 0, 0)
        (frame,) = taken(stage, 1)
        assert frame.seq == 1
        assert stage.reports == [
            (True, ""),
            (False, "camera test://: its process ended"),
            (True, ""),
        ]
        assert stage.source.counters.respawned == 1


def test_a_process_that_says_nonsense_is_replaced() -> None:
    """A frame before the camera is open cannot be."""
    stage = Stage()
    with stage.source:
        eventually(lambda: bool(stage.processes))
        give(stage.processes[0], 0, 0)
        stage.process(1)
        assert stage.reports[0][0] is False
        assert "out of turn" in stage.reports[0][1]


def test_what_was_frozen_stays_so_in_a_new_process() -> None:
    """The same content is old whoever says it, until another one comes."""
    stage = Stage(CameraConfig(url="test://", read_timeout_s=30, frozen_after_s=5))
    at = time.monotonic() - 10
    with stage.source:
        first = stage.process()
        give(first, 0, 0, content=7, monotonic_s=at)
        give(first, 1, 1, content=7, monotonic_s=at + 6)
        second = stage.process(1)
        give(second, 0, 0, content=7, monotonic_s=at + 7)
        give(second, 1, 1, content=None, monotonic_s=at + 8)
        (frame,) = taken(stage, 1)
        assert frame.seq == 3
        assert stage.source.counters.frozen == 2
        eventually(lambda: second.given_back == [0, 1])
        frozen = "frozen: expected a change within 5 s, found none for 6 s"
        why = (False, f"camera test://: {frozen}")  # once seen, once given up
        assert stage.reports == [(True, ""), why, why, (True, "")]


def test_a_bug_comes_out_where_frames_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is none of a camera's ends the iteration, also of who joins later."""
    stage = Stage()

    def broken(self: Supervisor, *_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Supervisor, "_offer", broken)
    with stage.source:
        give(stage.process(), 0, 0)
        with pytest.raises(ZeroDivisionError):
            taken(stage, 1)
        with LiveSource(stage.supervisor, Stop()) as late, pytest.raises(ZeroDivisionError):
            next(iter(late))


def test_leaving_wakes_the_supervisor() -> None:
    """It does not wait for a frame, nor for a timeout; the process is told."""
    stage = Stage()
    with stage.source:
        process = stage.process()
        start = time.monotonic()
    assert time.monotonic() - start < 10
    assert stage.supervisor.ended
    with pytest.raises(GoneError):
        process.camera.receive(1)
    assert stage.reports == []


def test_every_attempt_in_vain_is_reported() -> None:
    """The same words each time: whoever watches over us must hear that we try."""
    stage = Stage()
    with stage.source:
        for number in range(3):
            stage.process(number).camera.hang_up()
        lost = (False, "camera test://: its process ended")
        eventually(lambda: stage.reports == [lost] * 3)


def test_a_process_that_cannot_be_killed_gets_no_company() -> None:
    """Each attempt says so; once the driver has let it go, another one is started."""
    stage = Stage()
    with stage.source:
        first = stage.process()
        first.lives = True
        first.camera.hang_up()
        stuck = f"camera test://: its process {first.pid} cannot be killed: a driver holds it"
        eventually(lambda: stage.reports.count((False, stuck)) >= 2)
        assert len(stage.processes) == 1
        first.lives = False
        stage.process(1)


def test_stopping_tells_the_process_before_anybody_waits_for_it() -> None:
    """Several cameras that hang are waited for together."""
    stage = Stage()
    with stage.source:
        process = stage.process()
        stage.source._stop.set()
        with pytest.raises(GoneError):
            process.camera.receive(10)
        assert stage.supervisor.ended
