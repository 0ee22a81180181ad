"""A camera on the board's connector, through Picamera2.

Picamera2 comes with the system (`apt install python3-picamera2`) and sits on its libcamera, so
it cannot be installed into an environment: make one with `--system-site-packages`. It is
imported when such a camera is opened, in the camera's own process.
"""

import importlib
import time
from typing import Any, Self

import numpy as np

from edge_agent.arrays import U8
from edge_agent.errors import SourceError
from edge_agent.sources.config import PicameraConfig
from edge_agent.sources.grabber import CorruptFrameError

SIZE = (640, 480)
# Its name for blue, green and red bytes in this order.
BGR = "RGB888"


class Picamera:
    """An open camera.

    Args:
        config: which, and what of it.

    Raises:
        SourceError: there is no Picamera2, no such camera, or it is busy.
    """

    still = False

    def __init__(self, config: PicameraConfig) -> None:
        self._config = config
        self._camera = _open(config)
        self._request: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._release()
        self._camera.stop()
        self._camera.close()

    def pace(self, interval_s: float) -> None:
        """As `Grabber.pace`: what is not looked at is not copied."""

    def grab(self) -> float:
        """As `Grabber.grab`; by the sensor's own date, which is when its exposure began."""
        self._release()
        try:
            self._request = self._camera.capture_request()
            dated_ns = self._request.get_metadata().get("SensorTimestamp")
        except RuntimeError as error:
            raise SourceError(f"{self._config.place}: no more frames: {error}") from error
        now = time.monotonic()
        if dated_ns is None:
            return now
        # Dated by the clock that also runs in suspend; only how long ago it was is needed.
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - dated_ns / 1e9
        return now - age_s if 0 <= age_s <= self._config.read_timeout_s else now

    def retrieve(self, into: U8 | None) -> U8:
        """As `Grabber.retrieve`."""
        image = None if self._request is None else self._request.make_array("main")
        if image is None or image.ndim != 3 or image.shape[2] != 3:
            found = "none" if image is None else f"one of shape {image.shape}"
            raise CorruptFrameError(f"expected a frame in colour, found {found}")
        return np.asarray(image, np.uint8)

    def _release(self) -> None:
        """The camera needs its buffer back."""
        request, self._request = self._request, None
        if request is not None:
            request.release()


def _open(config: PicameraConfig) -> Any:
    try:
        picamera2 = importlib.import_module("picamera2")
    except ImportError as error:
        raise SourceError(
            f"{config.place}: expected Picamera2, found none ({error}): apt install "
            "python3-picamera2, in an environment made with --system-site-packages"
        ) from error
    width, height = config.width, config.height
    size = SIZE if width is None or height is None else (width, height)
    try:
        camera = picamera2.Picamera2(config.index)
    except (RuntimeError, IndexError) as error:
        raise SourceError(
            f"{config.place}: expected a camera, found none that opens: {error}"
        ) from error
    try:
        controls = {} if config.fps is None else {"FrameRate": config.fps}
        camera.configure(
            camera.create_video_configuration(main={"size": size, "format": BGR}, controls=controls)
        )
        camera.start()
    except (RuntimeError, ValueError) as error:
        camera.close()
        raise SourceError(
            f"{config.place}: expected to set {size[0]}x{size[1]}, found: {error}"
        ) from error
    return camera
