"""The camera's own process: `python -m edge_agent.sources.capture`, started by `process.py`.

It knows cameras and nothing else: no model, no outbox, no broker. It does what it is told, and
can be killed at any moment.
"""

import ctypes
import os
import signal
import socket
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias, assert_never

import numpy as np

from edge_agent.arrays import U8
from edge_agent.errors import SourceError
from edge_agent.sources.complaints import Complaints
from edge_agent.sources.config import CameraConfig, LiveConfig, PicameraConfig
from edge_agent.sources.damage import GreyBand
from edge_agent.sources.grabber import CorruptFrameError, Grabber
from edge_agent.sources.ring import RingWriter
from edge_agent.sources.wire import (
    MAX_REASON,
    Begin,
    Captured,
    Corrupt,
    FromCamera,
    GoneError,
    Link,
    Lost,
    Opened,
    Opening,
    Release,
    Reopen,
    ToCamera,
)

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# So many frames of another shape in a row are no damage: the camera has been set otherwise.
ANOTHER_SHAPE = 10
# Two pictures differ, if they do, in one of these rows too; only equal ones are compared whole.
SAMPLED_ROWS = 16

OpenCamera: TypeAlias = Callable[[LiveConfig, Callable[[], str]], AbstractContextManager[Grabber]]


class ReshapedError(SourceError):
    """The camera gives frames of another shape than the shared memory was made for."""


def open_camera(config: LiveConfig, complaints: Callable[[], str]) -> Grabber:
    """The camera that `config` names, open; what drives it is imported here.

    Raises:
        SourceError: it does not open.
    """
    match config:
        case CameraConfig():
            from edge_agent.sources.camera import OpencvCamera

            return OpencvCamera(config, complaints)
        case PicameraConfig():
            from edge_agent.sources.picamera import Picamera

            return Picamera(config)
    assert_never(config)


class Capture:
    """Hands the frames of a camera over, opening it whenever that is asked for.

    Args:
        link: to whoever wants them.
        memory: shared with them.
        place: how messages name the camera.
    """

    def __init__(self, link: Link[ToCamera], memory: int, place: str) -> None:
        self._link, self._memory, self.place = link, memory, place
        self._ring: RingWriter | None = None
        self._number = self._passed_over = 0

    def run(self, opened: Callable[[], AbstractContextManager[Grabber]]) -> None:
        """Until the other side hangs up, or only another process can help.

        Raises:
            GoneError: the other side has hung up.
        """
        while True:
            self._send(Opening())
            try:
                with opened() as camera:
                    _Session(self, camera).run()
            except ReshapedError as error:
                self._send(Lost(_reason(error), over=True))
                return
            except SourceError as error:
                self._send(Lost(_reason(error)))
            while not self.reopens(None):
                pass

    def reopens(self, timeout_s: float | None) -> bool:
        """Read what has come, waiting for the first so long; whether to open the camera again."""
        while (message := self._link.receive(timeout_s)) is not None:
            match message:
                case Release(slot) if self._ring is not None:
                    self._ring.take_back(slot)
                case Reopen():
                    return True
                case _:
                    raise GoneError(f"unexpected {message}")
            timeout_s = 0
        return False

    def count(self) -> int:
        """The number of the frame that has just been grabbed."""
        self._number += 1
        return self._number - 1

    def pass_over(self) -> None:
        """A frame that is sound, as far as we know, is not handed over: no slot is free."""
        self._passed_over += 1

    def corrupt(self, number: int, reason: str) -> None:
        """Say that a frame is damaged."""
        self._send(Corrupt(number, reason[:MAX_REASON]))

    def ring(self, shape: tuple[int, ...]) -> RingWriter:
        """The shared slots, made for the first frame's shape, and said to be there."""
        height, width, channels = shape
        if self._ring is None:
            self._ring = RingWriter(self._memory, (height, width, channels))
        self._send(Opened(*self._ring.shape[:2]))
        return self._ring

    def hand_over(
        self, ring: RingWriter, slot: int, number: int, content: int | None, at: float
    ) -> None:
        """The frame in `slot` is the reader's."""
        ring.hand_over(slot)
        wall_s = time.time() - (time.monotonic() - at)
        self._send(Captured(slot, number, self._passed_over, content, at, wall_s))

    def _send(self, message: FromCamera) -> None:
        self._link.send(message)


class _Session:
    """From opening a camera to losing it."""

    def __init__(self, capture: Capture, camera: Grabber) -> None:
        self._capture, self._camera = capture, camera
        self._band = GreyBand()
        self._ring: RingWriter | None = None
        self._last: int | None = None  # the slot of the frame before
        self._content: int | None = None  # of that frame, if it is known
        self._reshaped = 0

    def run(self) -> None:
        """Until the camera is lost.

        Raises:
            SourceError: it is.
        """
        while True:
            at = self._camera.grab()
            number = self._capture.count()
            self._capture.reopens(0)
            try:
                self._look(number, at)
            except CorruptFrameError as error:
                self._capture.corrupt(number, str(error))

    def _look(self, number: int, at: float) -> None:
        if self._ring is None:
            first = self._camera.retrieve(None)
            self._ring = self._capture.ring(first.shape)
            self._check_shape(first)
            slot = self._ring.free()
        else:
            first, slot = None, self._ring.free(but=self._last)
        if slot is None:
            self._capture.pass_over()
            return
        place = self._ring.view(slot)
        image = self._camera.retrieve(place) if first is None else first
        self._check_shape(image)
        problem = self._band.problem(image)
        if problem:
            raise CorruptFrameError(problem)
        if image is not place:
            np.copyto(place, image)
        self._content = self._name(place)
        self._last = slot
        self._capture.hand_over(self._ring, slot, number, self._content, at)

    def _check_shape(self, image: U8) -> None:
        assert self._ring is not None
        if image.shape == self._ring.shape:
            self._reshaped = 0
            return
        self._reshaped += 1
        expected, found = (
            f"{width}x{height}" for height, width, *_ in (self._ring.shape, image.shape)
        )
        words = f"expected frames of {expected}, found {found}"
        if self._reshaped >= ANOTHER_SHAPE:
            raise ReshapedError(f"{self._capture.place}: {words}")
        raise CorruptFrameError(words)

    def _name(self, image: U8) -> int | None:
        """A number for the content; None if it differs from the frame before, as most do."""
        assert self._ring is not None
        if self._last is None:  # it may be what an earlier session ended with
            return zlib.crc32(np.ascontiguousarray(image).data)
        before = self._ring.view(self._last)  # nobody writes to it but we
        sampled = slice(None, None, SAMPLED_ROWS)
        if not np.array_equal(image[sampled], before[sampled]) or not np.array_equal(image, before):
            return None
        return zlib.crc32(image.data) if self._content is None else self._content


def _reason(error: SourceError) -> str:
    return str(error)[:MAX_REASON]


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that started us ends; at once if it has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(argv: Sequence[str], opens: OpenCamera = open_camera) -> int:
    """Capture until the parent hangs up; the exit status.

    Args:
        argv: the socket's file descriptor, the memory's, the parent's process id.
        opens: how to open a camera.
    """
    end, memory, parent = (int(number) for number in argv)
    die_with_parent(parent)
    # Who is told to stop is the agent; it ends us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=end) as connection, Complaints() as complaints:
        link: Link[ToCamera] = Link(connection, ToCamera)
        try:
            begin = link.receive(None)
            if isinstance(begin, Begin):
                config = begin.config
                Capture(link, memory, config.place).run(lambda: opens(config, complaints.take))
        except GoneError:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
