"""A stream whose results cannot be stored waits, says so, and goes on by itself."""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from support.publishers import MemoryPublisher

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import DiskFullError, OutboxError
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    ResultMessage,
    decode_message,
)
from edge_agent.publish.sender import Sender
from edge_agent.sources.base import NO_TROUBLE, Frame, Report, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.sink import store_in_time
from edge_agent.stream.stream import Stream, unheard
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.task import Settable, Sighting

FULL = "o.db: the disk is full"


class FullDisk(MemoryPublisher):
    """Has no room for the first `times` attempts."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.attempts, self._times = 0, times
        self.states: list[AvailabilityMessage] = []

    def publish(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        self.attempts += 1
        if self.attempts <= self._times:
            raise DiskFullError(f"{FULL}, found {self.attempts} bytes")
        return super().publish(stream, topic, encode)

    def retain(self, topic: str, payload: bytes) -> None:
        message = decode_message(payload, topic)
        if isinstance(message, AvailabilityMessage):
            self.states.append(message)
        else:
            assert self.published, "nothing stands before it is stored"


class Frames:
    """Two frames from a file."""

    live = False
    counters = NO_TROUBLE

    def __enter__(self) -> "Frames":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> "Frames":
        self._seq = 0
        return self

    def __next__(self) -> Frame:
        if self._seq == 2:
            raise StopIteration
        self._seq += 1
        return bgr_frame(np.zeros((4, 4, 3), np.uint8), self._seq)


class Same:
    """Always of one opinion."""

    values: ClassVar[dict[str, Settable]] = {}

    def prepare(self, frame: Frame) -> None:
        pass

    def answers(self, frame: Frame, prepared: None) -> Iterator[Sighting]:
        yield Sighting(Classification(label="a", index=0, confidence=1, sure=True, top=()))


def make_stream(
    publisher: FullDisk, stop: Stop, overhear: Callable[[Report], Report] = unheard
) -> Stream:
    config = StreamConfig(name="front", bundle=Path("b"), source=ImagesConfig(path=Path("p")))
    sender = Sender("gate", "boot1", publisher)
    return Stream(config, BundleRef(name="n", id="i"), Same(), sender, stop, overhear=overhear)


def test_a_result_without_room_is_tried_again_until_there_is_some() -> None:
    """None is left out, none is stored twice; offline with the reason meanwhile, said once."""
    told: list[tuple[bool, str]] = []

    def overhear(report: Report) -> Report:
        def both(available: bool, reason: str) -> None:
            told.append((available, reason))
            report(available, reason)

        return both

    publisher = FullDisk(3)
    stream = make_stream(publisher, Stop(), overhear)
    stream.report(True, "")
    stream.run(Frames())
    results = [decode_message(payload, "t") for _, payload in publisher.published]
    assert [(m.seq, m.frame) for m in results if isinstance(m, ResultMessage)] == [(1, 1), (2, 2)]
    assert publisher.attempts == 5
    assert [(m.state, m.reason) for m in publisher.states] == [
        ("online", ""),
        ("offline", f"{FULL}, found 1 bytes"),
        ("online", ""),
    ]
    # Every attempt is a sign of life.
    assert [ok for ok, _ in told] == [False, False, False, True]
    assert stream.health().results == 2


def test_a_camera_that_comes_back_does_not_hide_a_full_disk() -> None:
    """And a disk that has room again does not hide a lost camera."""
    publisher = FullDisk(0)
    stream = make_stream(publisher, Stop())
    stream.availability.storing(False, FULL)
    stream.report(True, "")
    assert (publisher.states[-1].state, publisher.states[-1].reason) == ("offline", FULL)
    stream.report(False, "no camera")
    stream.availability.storing(True, "")
    assert (publisher.states[-1].state, publisher.states[-1].reason) == ("offline", "no camera")


def test_a_stop_ends_the_waiting() -> None:
    """Soon, and the result that was not stored does not count."""
    publisher, stop = FullDisk(10**9), Stop()
    stream = make_stream(publisher, stop)
    thread = threading.Thread(target=stream.run, args=(Frames(),))
    thread.start()
    while publisher.attempts < 2:
        pass
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert publisher.published == []
    assert stream.health().results == 0


def test_the_log_says_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Two lines, however many attempts: the log may be on the same disk."""
    left = [DiskFullError(FULL)] * 5

    def store() -> None:
        if left:
            raise left.pop()

    backoff = Backoff(0.001, 0.002, random.Random(1))
    caplog.set_level(logging.INFO, "edge_agent")
    assert store_in_time(store, "front", lambda ok, why: None, Stop(), backoff)
    assert caplog.messages == [
        f"stream front waits: {FULL}",
        "stream front: its results are stored again",
    ]


def test_another_error_is_not_waited_for() -> None:
    """A disk that fails is not one that is full."""

    def store() -> None:
        raise OutboxError("disk I/O error")

    with pytest.raises(OutboxError, match="I/O"):
        store_in_time(store, "front", lambda ok, why: None, Stop(), Backoff())
