"""`CameraSession`: a camera from opening to loss, and which of its frames are worth something."""

import time
import zlib

import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.damage import GreyBand
from edge_agent.sources.cameras.grabber import CorruptFrameError, Grabber
from edge_agent.sources.cameras.stream_clock import LATE_S
from edge_agent.sources.memory.delivery import FrameDelivery
from edge_agent.sources.memory.ring import RingWriter

# So many frames of another shape in a row are no damage: the camera has been set otherwise.
ANOTHER_SHAPE = 10
# Two pictures differ, if they do, in one of these rows too; only equal ones are compared whole.
SAMPLED_ROWS = 16


class ReshapedError(SourceError):
    """The camera gives frames of another shape than the shared memory was made for."""


class CameraSession:
    """From opening a camera to losing it.

    Args:
        capture: who is handed the frames.
        camera: open.
    """

    def __init__(self, capture: FrameDelivery, camera: Grabber) -> None:
        self._capture, self._camera = capture, camera
        self._band = GreyBand()
        self._ring: RingWriter | None = None
        self._last: int | None = None  # the slot of the frame before
        self._content: int | None = None  # of that frame, if it is known
        self._reshaped = 0
        self._answered_s: float | None = None  # of the frame, by a camera that is asked

    def run(self) -> None:
        """Until the camera is lost.

        Raises:
            SourceError: it is.
        """
        paced_s: float | None = None
        while True:
            if paced_s != self._capture.interval_s:
                paced_s = self._capture.interval_s
                self._camera.pace(paced_s)
            if self._camera.still:
                self._capture.await_look()
            at = self._camera.grab()
            self._answered_s = time.monotonic() if self._camera.still else None
            number = self._capture.count()
            self._capture.reopens(0)
            if not self._camera.still and time.monotonic() - at >= LATE_S:
                self._capture.pass_over()  # it was held back somewhere
            elif not self._capture.wants():
                self._capture.pass_over()
                self._capture.idle()
            else:
                try:
                    self._look(number, at)
                except CorruptFrameError as error:
                    self._capture.corrupt(number, str(error))
                    if self._camera.still:  # the next one is not on its way: ask later
                        raise SourceError(f"{self._capture.place}: {error}") from error

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
        repeats = self._camera.still and self._capture.stills_may_repeat
        self._content = None if repeats else self._name(place)
        self._last = slot
        self._capture.hand_over(self._ring, slot, number, self._content, at, self._answered_s)

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
