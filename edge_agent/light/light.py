"""A light that burns while a frame is taken: `LitSource`.

It is switched on before a frame is asked for, has settled when the frame is taken, and is off again
before that is looked at. What fails is said with the frame it failed for, which is then not
believed. Nothing keeps it on: a camera that does not answer leaves it dark after `MOST_S`.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from edge_agent.common.errors import SourceError, one_line
from edge_agent.common.stop import Stop
from edge_agent.light.config import HttpLight, LightConfig
from edge_agent.sources.base import Frame, FrameSource, SourceCounters

log = logging.getLogger(__name__)

# Longer than a camera takes for a frame; then the light is switched off, whatever comes.
MOST_S = 30.0
# When the agent leaves it has five seconds in all.
LEAVING_S = 2.0


class Lamp(Protocol):
    """Something that can be switched; its errors are `SourceError`s that name it."""

    def switch(self, on: bool, timeout_s: float | None = None) -> None:
        """On or off; `timeout_s` instead of its own where there is less time."""
        ...

    def close(self) -> None:
        """It is not needed any more, and off."""
        ...


def open_lamp(config: LightConfig) -> Lamp:
    """The lamp `config` describes; what switches it is imported here.

    Raises:
        SourceError: there is none, or nothing to switch it with.
    """
    if isinstance(config, HttpLight):
        from edge_agent.light.http import HttpLamp

        return HttpLamp(config)
    from edge_agent.light.gpio import GpioLamp

    return GpioLamp(config)


class LitSource:
    """A camera whose frames are taken in the light of a lamp; see `FrameSource`.

    Args:
        source: the camera, entered.
        lamp: what lights it.
        settle_s: how long the lamp burns before a frame counts.
        stop: ends the waiting.
        most_s: the longest that it burns.
    """

    def __init__(
        self,
        source: FrameSource,
        lamp: Lamp,
        settle_s: float,
        stop: Stop,
        most_s: float = MOST_S,
    ) -> None:
        self._source, self._lamp, self._settle_s = source, lamp, settle_s
        self._stop, self._most_s = stop, most_s
        self._lock = threading.Lock()  # the lamp is switched by one thread at a time
        self._burns = False

    @property
    def live(self) -> bool:
        """As of its camera."""
        return self._source.live

    @property
    def counters(self) -> SourceCounters:
        """As of its camera."""
        return self._source.counters

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._switch_off(LEAVING_S)
        self._lamp.close()

    def __iter__(self) -> Iterator[Frame]:
        frames = iter(self._source)
        while not self._stop.is_set():
            problem = self._switch_on()
            patience = threading.Timer(self._most_s, self._switch_off)
            patience.daemon = True
            patience.start()
            try:
                frame = self._taken(frames, time.monotonic() + self._settle_s)
            finally:
                patience.cancel()
                burnt = self._switch_off()
            if frame is None:
                return
            if problem:
                yield replace(frame, doubt=problem)
            elif burnt:
                yield frame
            # Else the camera came back after the lamp was off: once more, with light.

    def _taken(self, frames: Iterator[Frame], settled_s: float) -> Frame | None:
        """The first frame that was taken in full light; None at the end."""
        self._stop.wait(max(0.0, settled_s - time.monotonic()))
        for frame in frames:
            if self._stop.is_set():
                return None
            if frame.monotonic_s >= settled_s:
                return frame
        return None

    def _switch_on(self) -> str:
        """Why it does not burn; empty if it does."""
        with self._lock:
            # Also where that fails: a lamp may have heard what it did not answer.
            self._burns = True
            try:
                self._lamp.switch(True)
            except SourceError as error:
                log.warning("%s", error)
                return one_line(error)
        return ""

    def _switch_off(self, timeout_s: float | None = None) -> bool:
        """Whether it burnt; one that cannot be switched off is tried again each time."""
        with self._lock:
            burnt = self._burns
            if burnt:
                self._burns = False
                try:
                    self._lamp.switch(False, timeout_s)
                except SourceError as error:
                    log.warning("%s", error)
            return burnt


def lit(
    config: LightConfig | None, source: FrameSource, stop: Stop
) -> AbstractContextManager[FrameSource]:
    """`source`, entered, with a lamp for each of its frames; itself where there is none.

    Raises:
        SourceError: as `open_lamp`.
    """
    if config is None:
        return nullcontext(source)
    return LitSource(source, open_lamp(config), config.settle_s, stop)
