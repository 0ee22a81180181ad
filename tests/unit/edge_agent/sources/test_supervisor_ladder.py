"""What the supervisor does about each loss: the gentlest first, and how long it waits."""

import threading
import time
from contextlib import suppress

import pytest
from support.staged_camera import SHAPE, Stage, ThreadProcess, eventually, give, taken

from edge_agent.common.backoff import Backoff
from edge_agent.common.stop import Stop
from edge_agent.sources.config import CameraConfig, LiveConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.memory.wire import (
    CameraLost,
    CameraOpened,
    CameraOpening,
    Corrupt,
    GoneError,
    LookPace,
    Reopen,
)
from edge_agent.sources.supervision import record
from edge_agent.sources.supervision.record import REOPENS
from edge_agent.sources.supervision.watch import ProcessWatch


def lost(process: ThreadProcess, reason: str = "the stream ended", over: bool = False) -> None:
    process.camera.send(CameraLost(reason, over))


def hears(process: ThreadProcess) -> object:
    """What the camera's end of the link gives next."""
    try:
        while (said := process.camera.receive(1)) is not None:
            if not isinstance(said, LookPace):
                return said
    except GoneError:
        return GoneError
    return None


def test_a_camera_is_opened_again_three_times_before_its_process_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fourth loss in a row is one too many; a frame in between begins the count anew."""
    monkeypatch.setattr(Backoff, "next", lambda self: 0.0)
    stage = Stage()
    with stage.source:
        first = stage.process()
        assert REOPENS == 3
        for _ in range(REOPENS):
            lost(first)
            assert first.camera.receive(10) == Reopen()
        give(first, 0, 0)
        eventually(lambda: stage.source.counters.reopened == 3 and stage.reports[-1] == (True, ""))
        for _ in range(REOPENS):
            lost(first)
            assert first.camera.receive(10) == Reopen()
        assert len(stage.processes) == 1
        lost(first)
        second = stage.process(1)
        assert stage.source.counters.reopened == 6
        assert stage.source.counters.respawned == 1
        # The next one is given as many attempts as the first.
        for _ in range(REOPENS):
            lost(second)
            assert second.camera.receive(10) == Reopen()
        assert len(stage.processes) == 2
        lost(second)
        stage.process(2)
        assert stage.reports.count((False, "the stream ended")) == 11


def test_a_camera_that_cannot_be_opened_again_costs_its_process_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Must fire at the first loss of those that it says nothing can mend."""
    monkeypatch.setattr(Backoff, "next", lambda self: 0.0)
    stage = Stage()
    with stage.source:
        lost(stage.process(), "another size", over=True)
        stage.process(1)
        assert stage.source.counters.reopened == 0
        assert stage.reports == [(False, "another size")]


def test_only_a_frame_begins_the_waits_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Must not fire when a camera opens and gives nothing: that may go on for ever."""
    monkeypatch.setattr(record, "STEADY_S", 0.0)
    stage = Stage()
    asked: list[str] = []

    class Told(Backoff):
        def next(self) -> float:
            asked.append("next")
            return 0.0

        def reset(self) -> None:
            asked.append("reset")

    stage.supervisor._record.backoff = Told()
    with stage.source:
        first = stage.process()
        lost(first)
        first.camera.send(CameraOpened(*SHAPE[:2]))
        lost(first)
        eventually(lambda: asked == ["next", "next"])
        give(first, 0, 0)
        eventually(lambda: asked == ["next", "next", "reset"])


def test_damaged_frames_are_no_sign_of_a_camera_that_works_and_have_their_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However many come, the process is replaced in time; said once a minute, counted each."""
    caplog.set_level("WARNING", "edge_agent")
    stage = Stage(CameraConfig(url="test://", read_timeout_s=1))
    with stage.source:
        first = stage.process()
        give(first, 0, 0)
        number = 0
        while len(stage.processes) == 1 and number < 300:
            number += 1
            with suppress(GoneError):
                first.camera.send(Corrupt(number, "cut short"))
            time.sleep(0.1)
        why = "camera test://: no frame for 1 s, but: cut short"
        assert stage.reports == [(True, ""), (False, why)]
        give(stage.process(1), 0, 0)
        (frame,) = taken(stage, 1)
        said = [record.message for record in caplog.records if "corrupt" in record.message]
        count = stage.source.counters.corrupt
        assert frame.seq == count + 1
        assert 0 < count <= number
        assert said == ["camera test://: a corrupt frame, 1 so far: cut short"]


def test_a_camera_that_does_not_open_is_waited_for_as_long_as_configured() -> None:
    """Not for as long as Python may take to start, which it has by then."""
    stage = Stage(CameraConfig(url="test://", open_timeout_s=0.2, read_timeout_s=0.1))
    with stage.source:
        eventually(lambda: bool(stage.processes))
        stage.processes[0].camera.send(CameraOpening())
        eventually(lambda: len(stage.processes) == 2)
        assert stage.reports[0] == (False, "camera test://: no frame for 0.3 s")


def test_a_camera_that_stays_frozen_costs_a_process_each_time_and_no_more() -> None:
    """The next one is given as long as the first, and not replaced with every frame."""
    stage = Stage(CameraConfig(url="test://", read_timeout_s=30, frozen_after_s=20))
    at = time.monotonic() - 100
    with stage.source:
        first = stage.process()
        give(first, 0, 0, content=7, monotonic_s=at)
        give(first, 1, 1, content=7, monotonic_s=at + 21)
        second = stage.process(1)
        for number in range(3):
            give(second, number, number, content=7, monotonic_s=at + 22 + number)
        eventually(lambda: stage.source.counters.frozen == 4)
        assert len(stage.processes) == 2
        stage.supervisor._record.replaced_at -= 20  # as if it were so long ago
        give(second, 0, 3, content=7, monotonic_s=at + 26)
        eventually(lambda: len(stage.processes) == 3)


def test_a_frame_for_two_is_given_back_once_both_have_done_with_it() -> None:
    """The camera would write into what one of them still looks at."""
    stage = Stage()
    with stage.source, LiveSource(stage.supervisor, Stop()) as other:
        process = stage.process()
        give(process, 0, 3)
        (frame,) = taken(stage, 1)
        assert frame.image.max() == 3
        assert process.given_back == []
        again = next(iter(other))
        assert (again.seq, again.image.max()) == (frame.seq, 3)
        assert process.given_back == [0]


def test_who_leaves_while_a_process_starts_tells_it_as_soon_as_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is nobody's yet when the last source leaves, and would be waited for in vain."""
    stage = Stage()
    begun, go_on = threading.Event(), threading.Event()

    def slow(config: LiveConfig) -> ThreadProcess:
        begun.set()
        assert go_on.wait(60)
        return stage._start(config)

    monkeypatch.setattr(stage.supervisor, "_start", slow)
    with stage.source:
        assert begun.wait(60)
        stage.supervisor.dismiss(stage.source)
        assert stage.supervisor.ended
        # Whoever supervises may look at the link before it asks whether it should go on.
        heard: list[object] = []

        def listen(watch: ProcessWatch) -> None:
            heard.append(hears(stage.processes[0]))

        monkeypatch.setattr(stage.supervisor, "_listen", listen)
        go_on.set()
        eventually(lambda: heard == [GoneError])
    assert stage.reports == []
