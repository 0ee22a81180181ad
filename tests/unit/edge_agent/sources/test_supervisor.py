"""The supervisor, on a process that is a thread of ours."""

import threading
import time

import pytest
from support.staged_camera import SHAPE, Stage, eventually, give, taken

from edge_agent.common.backoff import Backoff
from edge_agent.common.stop import Stop
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.memory.wire import (
    CameraLost,
    CameraOpened,
    CameraOpening,
    GoneError,
    LookPace,
    LookRequest,
    Passing,
    Reopen,
)
from edge_agent.sources.supervision import record as module
from edge_agent.sources.supervision.watch import ProcessWatch
from edge_agent.sources.supervisor import Supervisor


def test_looks_that_are_far_apart_are_asked_for_and_their_pace_is_told() -> None:
    """What has waited is dropped then; a pace that changes while it runs is told too."""
    stage = Stage()
    pace = 60.0
    stage.source.pace = lambda: pace
    with stage.source:
        process = stage.process()
        assert process.camera.receive(10) == LookPace(60)
        give(process, 0, 0, monotonic_s=time.monotonic() - 1)
        eventually(lambda: stage.reports == [(True, "")])
        asked = threading.Thread(target=lambda: taken(stage, 1), daemon=True)
        asked.start()
        assert process.camera.receive(10) == LookRequest()
        assert process.given_back == [0]
        give(process, 1, 1)
        asked.join(60)
        assert not asked.is_alive()
        pace = 0.0
        process.camera.send(Passing(7, 6))
        assert process.camera.receive(10) == LookPace(0)
        eventually(lambda: stage.source.counters.dropped == 7)  # of them one that had waited
        give(process, 2, 9)
        (frame,) = taken(stage, 1)
        assert frame.seq == 9


def test_frames_that_nobody_wants_keep_a_camera_from_being_lost() -> None:
    """Must fire when they end: a camera that says nothing at all is replaced."""
    stage = Stage(CameraConfig(url="test://", read_timeout_s=1))
    with stage.source:
        process = stage.process()
        give(process, 0, 0)
        for number in range(1, 15):
            time.sleep(0.1)
            process.camera.send(Passing(number, number))
        assert stage.source.counters.respawned == 0
        stage.process(1)
        assert stage.reports[-1] == (False, "camera test://: no frame for 1 s")


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

    monkeypatch.setattr(ProcessWatch, "_offer", broken)
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


def test_a_camera_that_gives_little_is_waited_for_ever_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One frame between two losses is no camera that works; one that has lasted is."""
    resets: list[float] = []
    monkeypatch.setattr(Backoff, "next", lambda self: 0.0)
    monkeypatch.setattr(Backoff, "reset", lambda self: resets.append(0))
    for steady_s, expected in ((60.0, 0), (0.0, 3)):
        monkeypatch.setattr(module, "STEADY_S", steady_s)
        resets.clear()
        stage = Stage()
        with stage.source:
            process = stage.process()
            for number in range(3):
                give(process, 0, number)
                process.camera.send(CameraLost("gone"))
                while not isinstance(process.camera.receive(10), Reopen):
                    pass
                process.camera.send(CameraOpening())
                process.camera.send(CameraOpened(*SHAPE[:2]))
        assert len(resets) == expected


def test_a_camera_that_asks_for_time_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not more than the bound."""
    monkeypatch.setattr(Backoff, "next", lambda self: 0.0)
    monkeypatch.setattr(module, "MOST_WAIT_S", 0.5)
    stage = Stage()
    with stage.source:
        process = stage.process()
        for wait_s, least_s, most_s in ((0.3, 0.3, 60), (3600, 0.5, 60)):
            started_s = time.monotonic()
            process.camera.send(CameraLost("busy", wait_s=wait_s))
            while not isinstance(process.camera.receive(10), Reopen):
                pass
            assert least_s <= time.monotonic() - started_s < most_s


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

        def hear_out() -> None:
            while process.camera.receive(10) is not None:
                pass  # what it was told before

        with pytest.raises(GoneError):
            hear_out()
        assert stage.supervisor.ended
