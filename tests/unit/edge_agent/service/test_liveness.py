"""Signs of life: who owes one, by when, and what counts as one."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.publishers import MemoryPublisher

from edge_agent.bundle.archive import Bundle
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import BundleRef
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.publish.sender import Sender
from edge_agent.service.liveness import (
    SLACK_S,
    BeatingSource,
    Liveness,
    allowance_s,
    beating_report,
)
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import Frame, SourceCounters, bgr_frame
from edge_agent.sources.config import CameraConfig, ImagesConfig, StillConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.stream import Stream


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Film:
    """A live source of as many frames as it is given."""

    live = True
    counters = SourceCounters(dropped=7)

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        return iter([bgr_frame(np.zeros((8, 8, 3), np.uint8), n) for n in range(self.count)])


def test_silence_beyond_the_allowance_is_overdue() -> None:
    """Must fire: for the stream that is silent, and only for it."""
    clock = Clock()
    liveness = Liveness(clock)
    liveness.expect("door", lambda: 10)
    liveness.expect("yard", lambda: 100)
    clock.now += 10
    assert liveness.overdue() == ()
    clock.now += 0.1
    assert liveness.overdue() == ("door",)


def test_a_sign_in_time_starts_the_allowance_anew() -> None:
    """Must not fire: and one that comes late makes up for it."""
    clock = Clock()
    liveness = Liveness(clock)
    liveness.expect("door", lambda: 10)
    for _ in range(5):
        liveness.beat("door")
        clock.now += 9
        assert liveness.overdue() == ()
    clock.now += 9
    assert liveness.overdue() == ("door",)
    liveness.beat("door")
    assert liveness.overdue() == ()


def test_a_stream_that_has_ended_owes_nothing() -> None:
    """Nor one that nobody expects anything of, whatever it still says."""
    clock = Clock()
    liveness = Liveness(clock)
    liveness.expect("door", lambda: 10)
    liveness.end("door")
    liveness.end("never seen")
    liveness.beat("door")
    clock.now += 1e6
    assert liveness.overdue() == ()


def test_a_stream_at_rest_owes_nothing_and_has_its_time_when_it_goes_on() -> None:
    """Paused over night: no sign of life is due, and the first one not at once."""
    clock, allowed_s = Clock(), [10.0]
    liveness = Liveness(clock)
    liveness.expect("door", lambda: allowed_s[0])
    allowed_s[0] = float("inf")
    clock.now += 1e5
    assert liveness.overdue() == ()
    allowed_s[0] = 10
    clock.now += 9
    assert liveness.overdue() == ()
    clock.now += 2
    assert liveness.overdue() == ("door",)


def test_another_interval_is_another_allowance() -> None:
    """Told to look once an hour, a stream is not waited for after a minute."""
    clock, allowed_s = Clock(), [60.0]
    liveness = Liveness(clock)
    liveness.expect("door", lambda: allowed_s[0])
    allowed_s[0] = 3660
    clock.now += 3000
    assert liveness.overdue() == ()


@pytest.mark.parametrize(
    ("interval_s", "source", "expected_s"),
    [
        (0, ImagesConfig(path=Path("x")), SLACK_S),
        (3600, ImagesConfig(path=Path("x")), 3600 + SLACK_S),
        (
            60,
            CameraConfig(index=0, open_timeout_s=7, read_timeout_s=5, frozen_after_s=30),
            102 + SLACK_S,
        ),
        (60, StillConfig(url="http://c/", open_timeout_s=7, read_timeout_s=5), 72 + SLACK_S),
        (float("inf"), CameraConfig(index=0), float("inf")),
    ],
)
def test_an_idle_interval_is_no_silence(
    interval_s: float, source: ImagesConfig | CameraConfig | StillConfig, expected_s: float
) -> None:
    """Once an hour has an hour, and what the camera may take besides; a pause is for ever."""
    assert allowance_s(source, interval_s) == expected_s


def test_a_lost_source_that_is_looked_for_is_a_sign_of_life() -> None:
    """Every attempt reports; what was reported goes on to whoever else wants it."""
    told: list[object] = []
    report = beating_report(lambda *words: told.append(words), lambda: told.append("beat"))
    report(False, "camera 0: none")
    report(True, "")
    assert told == ["beat", (False, "camera 0: none"), "beat", (True, "")]


def test_a_beating_source_is_the_source() -> None:
    """Its frames, its counters, its kind."""
    beats: list[int] = []
    source = BeatingSource(Film(3), lambda: beats.append(1))
    assert (source.live, source.counters.dropped) == (True, 7)
    with source as entered:
        assert [frame.seq for frame in entered] == [0, 1, 2]
    assert len(beats) == 3


def test_a_frame_counts_once_the_outbox_has_taken_its_result(bright_bundle: Bundle) -> None:
    """An outbox that hangs gives no sign of life; the sign comes when it returns."""
    let_go, arrived = threading.Event(), threading.Event()

    class Slow(MemoryPublisher):
        def publish(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
            arrived.set()
            assert let_go.wait(60)
            return super().publish(stream, topic, encode)

    beats: list[int] = []
    config = StreamConfig(name="x", bundle=Path("b"), source=CameraConfig(index=0), threads=1)
    with TfliteRecognizer(bright_bundle) as model:
        sender = Sender("gate", "boot", Slow())
        stream = Stream(
            config,
            BundleRef(name="b", id="0"),
            stream_looker(config, bright_bundle, model),
            sender,
            Stop(),
        )
        source = BeatingSource(Film(1), lambda: beats.append(1))
        thread = threading.Thread(target=stream.run, args=(source,))
        thread.start()
        assert arrived.wait(60)
        assert beats == []
        let_go.set()
        thread.join(60)
    assert beats == [1]
