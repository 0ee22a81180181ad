"""A camera on the board's connector, through Picamera2.

Picamera2 comes with the system (`apt install python3-picamera2`) and sits on its libcamera, so
it cannot be installed into an environment: make one with `--system-site-packages`. It is
imported when such a camera is opened, in the camera's own process.
"""

import importlib
import time
from typing import Any, Self

import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.config import PicameraConfig

SIZE = (640, 480)
# Its name for blue, green and red bytes in this order.
BGR = "RGB888"
# Of our keys: libcamera's control and its unit, and what takes its automatic away.
CONTROLS = {
    "focus": ("LensPosition", 1),
    "exposure_ms": ("ExposureTime", 1000),
    "gain": ("AnalogueGain", 1),
    "white_balance_k": ("ColourTemperature", 1),
    "power_line_hz": ("AeFlickerPeriod", 1),
}
MANUAL: dict[str, dict[str, Any]] = {
    "focus": {"AfMode": 0},
    "exposure_ms": {"AeEnable": False},
    "gain": {},
    "white_balance_k": {"AwbEnable": False},
    "power_line_hz": {"AeFlickerMode": 1},
}
# Light flickers twice in a turn of the mains.
FLICKER_US = {50: 10_000, 60: 8_333}


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
        controls |= _told(config, camera.camera_controls)
        camera.configure(
            camera.create_video_configuration(main={"size": size, "format": BGR}, controls=controls)
        )
        camera.start()
    except SourceError:
        camera.close()
        raise
    except (RuntimeError, ValueError) as error:
        camera.close()
        raise SourceError(
            f"{config.place}: expected to set {size[0]}x{size[1]}, found: {error}"
        ) from error
    return camera


def _told(config: PicameraConfig, has: dict[str, tuple[Any, Any, Any]]) -> dict[str, Any]:
    """What the camera is told, in libcamera's names.

    Args:
        config: what is wanted.
        has: the least, the most and the usual value of each control it has.

    Raises:
        SourceError: it has no such control, or not so much of it.
    """
    told: dict[str, Any] = {}
    wanted = {} if config.controls is None else config.controls.named()
    for key, value in wanted.items():
        (name, factor), manual = CONTROLS[key], MANUAL[key]
        if name not in has:
            raise SourceError(
                f"{config.place}: expected a camera that can be told {key}, "
                f"found one without {name}"
            )
        given = FLICKER_US[round(value)] if key == "power_line_hz" else value * factor
        least, most = has[name][:2]
        if not least <= given <= (most or float("inf")):  # some say 0 where there is no bound
            raise SourceError(
                f"{config.place}: expected {key} of {least / factor:g} to {most / factor:g}, "
                f"found {value:g}"
            )
        told |= manual | {name: given if isinstance(least, float) else round(given)}
    return told
