"""What the tests of cameras share: sources with timeouts, and what these have said."""

import subprocess
import threading
from collections.abc import Iterator
from typing import Unpack

from edge_agent.client import Subscriber
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import AvailabilityMessage
from edge_agent.sources.base import Frame
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.open import open_source
from support.agents import hear
from support.network_camera import NetworkCamera
from support.patterns import Timeouts

PATIENCE_S = 60.0


class Reports:
    """What a source said, and a way to wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.said: list[tuple[bool, str]] = []

    def __call__(self, available: bool, reason: str) -> None:
        with self._changed:
            self.said.append((available, reason))
            self._changed.notify_all()

    def wait_for(self, available: bool, reason: str = "") -> str:
        """The reason of the first such report, which is taken."""

        def found() -> int | None:
            hits = (i for i, (a, r) in enumerate(self.said) if a == available and reason in r)
            return next(hits, None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, PATIENCE_S), self.said
            index = found()
            assert index is not None
            return self.said.pop(index)[1]


def live(url: str, report: Reports, **timeouts: Unpack[Timeouts]) -> LiveSource:
    """A source that waits for its camera however busy the machine is, unless told otherwise."""
    fields: Timeouts = {"open_timeout_s": 30.0, "read_timeout_s": 30.0, **timeouts}
    source = open_source(CameraConfig(url=url, **fields), Stop(), report)
    assert isinstance(source, LiveSource)
    return source


def process_of(source: LiveSource) -> int:
    """The camera's process."""
    assert source.process_id is not None
    return source.process_id


def toml(camera: NetworkCamera | str, *, read_timeout_s: int = 30) -> str:
    """The source of a stream, as TOML; patient unless the test is about a camera that stalls."""
    url = camera if isinstance(camera, str) else camera.url
    timeouts = f"open_timeout_s = 30, read_timeout_s = {read_timeout_s}"
    return f'{{ kind = "camera", url = "{url}", {timeouts} }}'


def available(subscriber: Subscriber) -> AvailabilityMessage:
    message = hear(subscriber, AvailabilityMessage, PATIENCE_S)
    assert isinstance(message, AvailabilityMessage)
    return message


def fresh(frames: Iterator[Frame], asked: float) -> Frame:
    """The next frame; it was taken after `asked`, less what may have waited."""
    frame = next(frames)
    assert frame.monotonic_s > asked - 0.5
    return frame


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]
