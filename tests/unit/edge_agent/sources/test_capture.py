"""The camera's own process, in a thread of ours: what it hands over, and what it does not."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import ClassVar, Self

import numpy as np
import pytest
from support.brokers import wait_until

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.base import Frame
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.cameras.session import ANOTHER_SHAPE
from edge_agent.sources.cameras.stream_clock import LATE_S
from edge_agent.sources.capture import Capture
from edge_agent.sources.memory.delivery import LEAST_STILL_S, PASSING_S, STILL_S
from edge_agent.sources.memory.ring import SLOTS, RingReader, make_memory
from edge_agent.sources.memory.wire import (
    CameraLost,
    CameraOpened,
    CameraOpening,
    Captured,
    Corrupt,
    FromCamera,
    GoneError,
    Link,
    LookPace,
    LookRequest,
    Passing,
    Release,
    Reopen,
    ToCamera,
    pair,
)

SHAPE = (20, 30, 3)


def image(level: int, shape: tuple[int, int, int] = SHAPE) -> U8:
    return np.full(shape, level, np.uint8)


class Scripted:
    """A camera that gives these frames, then has no more; None stands for a corrupt one.

    `late_s`: so old they are when they come; `still`: each is asked for. What it was told of the
    pace, and how it dated frames, is in `paces` and `dates`.
    """

    still = False
    late_s = 0.0
    paces: ClassVar[list[float]] = []
    dates: ClassVar[list[float]] = []

    def __init__(self, frames: list[U8 | None], step: Callable[[], object]) -> None:
        self._frames, self._step, self._next = frames, step, -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def pace(self, interval_s: float) -> None:
        self.paces.append(interval_s)

    def grab(self) -> float:
        self._step()
        self._next += 1
        if self._next >= len(self._frames):
            raise SourceError("the end")
        self.dates.append(time.monotonic() + self._next / 1000 - self.late_s)
        return self.dates[-1]

    def retrieve(self, into: U8 | None) -> U8:
        given = self._frames[self._next]
        if given is None:
            raise CorruptFrameError("scripted")
        return given


class Bench:
    """A `Capture` at work, and our end of its link."""

    def __init__(self, scripts: list[list[U8 | None]], *, stepwise: bool = False) -> None:
        ours, theirs = pair()
        self._ends = ours, theirs
        self.link: Link[FromCamera] = Link(ours, FromCamera)
        Scripted.paces.clear()
        Scripted.dates.clear()
        self.memory = make_memory()
        self._may_step = threading.Semaphore(0 if stepwise else 10**6)
        self._scripts = iter(scripts)
        camera_link: Link[ToCamera] = Link(theirs, ToCamera)
        self._capture = Capture(camera_link, self.memory, "camera 0")
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._capture.run(lambda: Scripted(next(self._scripts), self._may_step.acquire))
        except GoneError:
            pass
        finally:
            self.ended.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.link.hang_up()
        self._may_step.release(10**6)
        self._thread.join(60)
        for end in self._ends:
            end.close()
        os.close(self.memory)

    def step(self, count: int = 1) -> None:
        self._may_step.release(count)

    def hear(self) -> FromCamera:
        message = self.link.receive(10)
        assert message is not None
        return message

    def until_lost(self) -> Iterator[FromCamera]:
        while not isinstance(message := self.hear(), CameraLost):
            yield message


def test_frames_come_in_order_whole_and_dated_by_the_camera() -> None:
    """Opening, the shape, each frame in a slot of its own, and at last that it is lost."""
    with Bench([[image(1), image(2), image(3)]]) as bench:
        assert bench.hear() == CameraOpening()
        assert bench.hear() == CameraOpened(*SHAPE[:2])
        reader = RingReader(bench.memory, SHAPE)
        for number in range(3):
            said = bench.hear()
            assert isinstance(said, Captured)
            assert (said.number, said.monotonic_s) == (number, Scripted.dates[number])
            assert abs(said.wall_s - time.time()) < 5
            assert np.unique(reader.copy(said.slot)).tolist() == [number + 1]
        assert bench.hear() == CameraLost("the end")


def test_a_camera_is_opened_again_when_told_so_and_not_before() -> None:
    """The slots stay; numbers go on."""
    with Bench([[image(1)], [image(2)]]) as bench:
        first = [m for m in bench.until_lost() if isinstance(m, Captured)]
        assert bench.link.receive(0.05) is None
        bench.link.send(Reopen())
        assert bench.hear() == CameraOpening()
        second = [m for m in bench.until_lost() if isinstance(m, Captured)]
        assert [m.number for m in (*first, *second)] == [0, 1]
        assert first[0].slot != second[0].slot


def test_what_the_reader_has_is_not_written_to() -> None:
    """Without a slot given back frames are passed over and counted; then they go on."""
    count = SLOTS + 3
    frames: list[U8 | None] = [image(level) for level in range(count + 1)]
    with Bench([frames], stepwise=True) as bench:
        bench.step(count)
        assert [type(bench.hear()) for _ in range(2)] == [CameraOpening, CameraOpened]
        had = [bench.hear() for _ in range(SLOTS)]
        assert sorted(m.slot for m in had if isinstance(m, Captured)) == list(range(SLOTS))
        assert bench.link.receive(0.1) is None
        bench.link.send(Release(1))
        bench.step()
        said = bench.hear()
        assert isinstance(said, Captured)
        assert (said.slot, said.number, said.passed_over) == (1, count, count - SLOTS)
        assert np.unique(RingReader(bench.memory, SHAPE).copy(1)).tolist() == [count]


def test_the_frame_before_is_kept_to_be_compared_with() -> None:
    """Its slot is not written to while it is the only free one; another one is."""
    frames: list[U8 | None] = [image(level) for level in range(SLOTS + 2)]
    with Bench([frames], stepwise=True) as bench:
        bench.step(SLOTS)
        assert [type(bench.hear()) for _ in range(2)] == [CameraOpening, CameraOpened]
        had = [m for m in (bench.hear() for _ in range(SLOTS)) if isinstance(m, Captured)]
        bench.link.send(Release(had[-1].slot))
        bench.step()
        assert bench.link.receive(0.1) is None
        bench.link.send(Release(had[0].slot))
        bench.step()
        said = bench.hear()
        assert isinstance(said, Captured)
        assert (said.slot, said.passed_over, said.content) == (had[0].slot, 1, None)


def test_corrupt_frames_are_told_and_not_handed_over() -> None:
    """Those that cannot be decoded, and those that end in grey."""
    banded = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    sound = banded.copy()
    banded[-9:] = 128
    with Bench([[sound, None, banded, sound]]) as bench:
        messages = list(bench.until_lost())
    assert [type(m) for m in messages] == [
        CameraOpening,
        CameraOpened,
        Captured,
        Corrupt,
        Corrupt,
        Captured,
    ]
    assert messages[3:5] == [
        Corrupt(1, "scripted"),
        Corrupt(2, "truncated: expected a picture to its last row, found 9 rows of grey"),
    ]


def test_only_the_same_picture_has_the_same_content() -> None:
    """One that differs in a single bit, anywhere, is like no other."""
    first = image(7)
    almost = first.copy()
    almost[13, 4, 1] ^= 1
    scripts: list[list[U8 | None]] = [[first, first, first, almost, almost, first], [first]]
    said = list[int | None]()
    with Bench(scripts, stepwise=True) as bench:
        for number, script in enumerate(scripts):
            if number:
                bench.link.send(Reopen())
            assert bench.hear() == CameraOpening()
            for _ in script:
                bench.step()
                message = bench.hear()
                message = bench.hear() if isinstance(message, CameraOpened) else message
                assert isinstance(message, Captured)
                said.append(message.content)
                bench.link.send(Release(message.slot))
            bench.step()
            assert isinstance(bench.hear(), CameraLost)
    # The first is named since an earlier process may have ended with it.
    assert said[0] == said[1] == said[2] == said[6]
    assert said[3] is None
    assert said[4] not in (None, said[0])
    assert said[5] is None
    assert said[0] is not None


def test_single_frames_of_another_shape_are_corrupt() -> None:
    """They are left out; the others come."""
    odd = image(1, (10, 10, 3))
    with Bench([[image(1), odd, image(2), *[odd] * (ANOTHER_SHAPE - 1), image(3)]]) as bench:
        messages = list(bench.until_lost())
    assert sum(isinstance(m, Captured) for m in messages) == 3
    assert Corrupt(1, "expected frames of 30x20, found 10x10") in messages


def test_a_camera_with_another_shape_needs_another_process() -> None:
    """The shared memory is made once."""
    odd = image(1, (10, 10, 3))
    with Bench([[image(1), *[odd] * ANOTHER_SHAPE]]) as bench:
        *_, last = iter(
            bench.hear, CameraLost("camera 0: expected frames of 30x20, found 10x10", True)
        )
        assert isinstance(last, Corrupt)
        assert bench.ended.wait(60)


def test_an_absurd_frame_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any memory is taken for it."""
    monkeypatch.setattr("edge_agent.sources.memory.ring.MAX_BYTES", 1000)
    with Bench([[image(1)]]) as bench:
        assert bench.hear() == CameraOpening()
        assert bench.hear() == CameraLost("expected frames of at most 1000 bytes, found 30x20x3")


def test_it_ends_when_nobody_listens() -> None:
    """While it captures, and while it waits to be told to open again."""
    for script in ([image(1)] * 10**5, [image(1)]):
        with Bench([list(script)]) as bench:
            assert bench.hear() == CameraOpening()
            bench.link.hang_up()
            assert bench.ended.wait(60)


def captured(bench: Bench) -> Captured:
    """The next frame; what is said besides is passed over."""
    while not isinstance(message := bench.hear(), Captured):
        pass
    bench.link.send(Release(message.slot))
    return message


def test_frames_that_nobody_asks_for_are_not_decoded() -> None:
    """The first one says that there are frames; the others come one for each look."""
    frames: list[U8 | None] = [image(1), *[None] * 5, image(2), *[None] * 5, image(3)]
    with Bench([frames], stepwise=True) as bench:
        bench.link.send(LookPace(60))
        bench.step()
        assert captured(bench).number == 0
        wait_until(lambda: Scripted.paces[-1] == 60, "the pace")
        bench.step(5)
        wait_until(lambda: len(Scripted.dates) == 6, "the frames that nobody wants")
        bench.link.send(LookRequest())
        bench.step()
        said = captured(bench)
        assert (said.number, said.passed_over) == (6, 5)
        bench.step(5)
        wait_until(lambda: len(Scripted.dates) == 12, "more of them")
        bench.link.send(LookPace(0))
        bench.step()
        assert captured(bench).number == 12


def test_frames_that_nobody_asks_for_show_that_the_camera_works() -> None:
    """Now and then, not for each."""
    with Bench([[image(1), *[None] * 10]], stepwise=True) as bench:
        bench.link.send(LookPace(60))
        bench.step()
        captured(bench)
        time.sleep(PASSING_S)
        bench.step(9)
        assert bench.hear() == Passing(1, 1)
        assert bench.link.receive(0.05) is None


def test_a_frame_that_was_held_back_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sound, and of another moment."""
    monkeypatch.setattr(Scripted, "late_s", LATE_S + 1)
    with Bench([[image(1)] * 3]) as bench:
        assert [type(m) for m in bench.until_lost()] == [CameraOpening]


def test_a_still_is_asked_for_when_a_look_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """However old the picture is; in between it only says that it lives."""
    monkeypatch.setattr(Scripted, "still", True)
    monkeypatch.setattr(Scripted, "late_s", 3600.0)
    with Bench([[image(1), image(1), image(2)]]) as bench:
        bench.link.send(LookPace(60))
        assert captured(bench).number == 0
        assert bench.hear() == Passing(0, 0)
        assert len(Scripted.dates) == 1
        bench.link.send(LookRequest())
        assert captured(bench).number == 1


def test_a_still_that_is_wanted_all_the_time_is_asked_for_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody said how often: not as fast as it can answer."""
    monkeypatch.setattr(Scripted, "still", True)
    with Bench([[image(1)] * 9]) as bench:
        first = captured(bench)
        bench.link.send(LookRequest())
        assert captured(bench).came_s - first.came_s > STILL_S - 0.05


def test_a_still_is_not_asked_for_as_fast_as_it_can_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However small an interval a command has set."""
    monkeypatch.setattr(Scripted, "still", True)
    with Bench([[image(n) for n in range(9)]]) as bench:
        bench.link.send(LookPace(0.001))
        came = []
        for _ in range(4):
            came.append(captured(bench).came_s)
            bench.link.send(LookRequest())
        assert came[-1] - came[0] > 3 * LEAST_STILL_S - 0.02


def test_a_still_is_timed_from_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old picture is no slow one; a frame that comes by itself has its own date."""
    for still in (True, False):
        monkeypatch.setattr(Scripted, "still", still)
        monkeypatch.setattr(Scripted, "late_s", 3600.0 if still else 0.0)
        with Bench([[image(1)]]) as bench:
            said = captured(bench)
        now, at = datetime.now(UTC), said.monotonic_s
        frame = Frame(image(1), "bgr", 0, now, at, answered_s=said.answered_s)
        assert 0 <= frame.latency_ms() < 30_000
        assert (said.answered_s is None) is not still
        assert still is (said.came_s - at > 3000)


def test_a_still_that_is_damaged_is_asked_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing better is on its way: it counts as lost, and whoever supervises waits."""
    monkeypatch.setattr(Scripted, "still", True)
    with Bench([[None, image(1)]]) as bench:
        messages = [bench.hear() for _ in range(3)]
        assert messages == [
            CameraOpening(),
            Corrupt(0, "scripted"),
            CameraLost("camera 0: scripted"),
        ]


def test_a_still_may_stay_the_same_where_nobody_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its content is like no other then; must not fire for streams."""
    for still, repeats, known in ((True, True, False), (True, False, True), (False, True, True)):
        monkeypatch.setattr(Scripted, "still", still)
        with Bench([[image(1)]], stepwise=True) as bench:
            bench._capture.stills_may_repeat = repeats
            bench.step()
            assert (captured(bench).content is not None) is known
