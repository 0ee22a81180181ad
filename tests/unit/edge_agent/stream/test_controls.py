"""The pace of a stream, and what can be changed about it while it runs."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from support.brokers import wait_until

from edge_agent.common.stop import Stop
from edge_agent.sources.base import NO_TROUBLE, Frame, bgr_frame
from edge_agent.stream.controls import Controls, beat

LONG_S = 600.0


class Frames:
    """A source of `count` frames; a live one gives another every few milliseconds."""

    counters = NO_TROUBLE

    def __init__(self, count: int, *, live: bool = False) -> None:
        self._count, self.live = count, live
        self.asked = 0

    def __enter__(self) -> "Frames":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        for seq in range(self._count):
            if self.live:
                time.sleep(0.002)
            self.asked = seq + 1
            yield bgr_frame(np.zeros((2, 2, 3), np.uint8), seq)


class Looking:
    """A thread that looks at all that `paced` gives."""

    def __init__(self, controls: Controls, source: Frames) -> None:
        self.seen: list[int] = []
        self._controls, self._source = controls, source
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for frame in self._controls.paced(self._source):
            self.seen.append(frame.seq)


@pytest.fixture(name="stop")
def _stop() -> Iterator[Stop]:
    stop = Stop()
    yield stop
    stop.set()


def test_an_interval_is_kept_without_dropping(stop: Stop) -> None:
    """Three frames of a file 20 ms apart take at least 40 ms, and all come."""
    start = time.monotonic()
    assert [f.seq for f in Controls(0.02, stop).paced(Frames(3))] == [0, 1, 2]
    assert time.monotonic() - start >= 0.04


def test_without_an_interval_nothing_waits(stop: Stop) -> None:
    """Must not fire: files and cameras alike give every frame."""
    for live in (False, True):
        assert [f.seq for f in Controls(0, stop).paced(Frames(50, live=live))] == [*range(50)]


def test_a_beat_that_is_a_little_late_does_not_move_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rate is the interval's, not the interval's and the lateness of every wait."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert beat(-float("inf"), 10) == 100
    now = 110.5
    assert beat(100, 10) == 110
    now = 119.5
    assert beat(100, 10) == 110
    now = 120
    assert beat(100, 10) == 120


def test_stopping_ends_a_wait_at_once(stop: Stop) -> None:
    """A long interval, or a pause, must not delay the end."""
    for paused in (False, True):
        for live in (False, True):
            end = Stop()
            controls = Controls(LONG_S, end)
            controls.pause(paused)
            looking = Looking(controls, Frames(10**6, live=live))
            end.set()
            looking.thread.join(60)
            assert not looking.thread.is_alive()


def test_a_new_interval_holds_at_once(stop: Stop) -> None:
    """Not only after the long one that is being waited for."""
    controls = Controls(LONG_S, stop)
    looking = Looking(controls, Frames(5))
    wait_until(lambda: looking.seen == [0], "the first look")
    controls.set_interval(0)
    wait_until(lambda: looking.seen == [0, 1, 2, 3, 4], "the others")
    assert controls.interval_s == 0


def test_a_paused_file_waits(stop: Stop) -> None:
    """Nothing of a file is lost to a pause, whenever it comes."""
    controls = Controls(0, stop)
    controls.pause(True)
    source = Frames(3)
    looking = Looking(controls, source)
    wait_until(lambda: source.asked == 1, "the first frame is read")
    time.sleep(0.05)
    assert looking.seen == []
    controls.pause(False)
    wait_until(lambda: looking.seen == [0, 1, 2], "the others")


def test_a_file_paused_in_the_middle_of_its_interval_loses_no_frame(stop: Stop) -> None:
    """Going on before the interval is over waits for the rest of it, with the same frame."""
    controls = Controls(LONG_S, stop)
    looking = Looking(controls, Frames(3))
    wait_until(lambda: looking.seen == [0], "the first look")
    controls.pause(True)
    controls.pause(False)
    time.sleep(0.02)
    assert looking.seen == [0]
    controls.set_interval(0)
    wait_until(lambda: looking.seen == [0, 1, 2], "the others")


def test_a_paused_camera_is_not_asked(stop: Stop) -> None:
    """It costs nothing then, but for a snapshot; what comes after the pause is asked for then."""
    controls = Controls(0, stop)
    controls.pause(True)
    source = Frames(10**6, live=True)
    looking = Looking(controls, source)
    wait_until(lambda: source.asked == 1, "the frame that was asked for already")
    frame = controls.fresh(10)
    assert frame is not None
    assert frame.seq == 1
    time.sleep(0.05)
    assert (source.asked, looking.seen) == (2, [])
    controls.pause(False)
    wait_until(lambda: bool(looking.seen), "a look")
    assert looking.seen[0] == 2


def test_a_snapshot_gets_a_fresh_frame_between_two_looks(stop: Stop) -> None:
    """A camera looked at once in a long while is asked at once, and not looked at for it."""
    controls = Controls(LONG_S, stop)
    looking = Looking(controls, Frames(10**6, live=True))
    wait_until(lambda: looking.seen == [0], "the first look")
    for expected in (1, 2):
        frame = controls.fresh(10)
        assert frame is not None
        assert frame.seq == expected
    assert looking.seen == [0]


def test_a_snapshot_of_a_file_is_its_last_frame(stop: Stop) -> None:
    """Reading on would lose a frame."""
    controls = Controls(LONG_S, stop)
    looking = Looking(controls, Frames(5))
    wait_until(lambda: looking.seen == [0], "the first look")
    wait_until(lambda: (controls.fresh(0) or 0) is not None, "a frame")
    frame = controls.fresh(0)
    assert frame is not None
    assert frame.seq <= 1
    assert looking.seen == [0]


def test_a_snapshot_of_a_source_that_gives_nothing_is_none(stop: Stop) -> None:
    """A camera that was never there: no picture, and no waiting for ever."""
    assert Controls(0, stop).fresh(0.01) is None


def test_a_snapshot_of_a_camera_that_was_lost_is_none(stop: Stop) -> None:
    """An old picture would pass for a new one."""
    controls = Controls(0, stop)
    assert len(list(controls.paced(Frames(3, live=True)))) == 3
    assert controls.fresh(0.01) is None


def test_a_cameras_frame_is_kept_as_a_copy(stop: Stop) -> None:
    """Its memory may be another frame's as soon as the next one is asked for."""
    controls = Controls(0, stop)
    given: list[Frame] = []

    class Reused(Frames):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                given.append(frame)
                yield frame
                frame.image[:] = 99

    Looking(controls, Reused(10**6, live=True))
    frame = controls.fresh(10)
    assert frame is not None
    wait_until(lambda: len(given) > frame.seq + 1, "the next frame")
    assert given[frame.seq].image.max() == 99
    assert frame.image.max() == 0
