"""Setting a V4L2 camera's controls, and seeing that it keeps them.

By the kernel's own interface: OpenCV tells neither which controls a camera has nor within which
bounds, and has no name for the mains' frequency. A second handle may set what a first one reads by.

Numbers are those of <linux/videodev2.h> and <linux/v4l2-controls.h>.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge_agent.common.errors import SourceError
from edge_agent.sources.controls import CameraControls

QUERYCTRL, G_CTRL, S_CTRL = 0xC0445624, 0xC008561B, 0xC008561C
# struct v4l2_queryctrl: id, type, name, minimum, maximum, step, default, flags, two reserved.
QUERY, CONTROL = struct.Struct("=II32siiiiIII"), struct.Struct("=Ii")
DISABLED, READ_ONLY = 0x0001, 0x0004

USER, CAMERA = 0x00980900, 0x009A0900
AUTO_WHITE_BALANCE, AUTOGAIN, GAIN = USER + 12, USER + 18, USER + 19
POWER_LINE_FREQUENCY, WHITE_BALANCE_TEMPERATURE = USER + 24, USER + 26
EXPOSURE_AUTO, EXPOSURE_ABSOLUTE = CAMERA + 1, CAMERA + 2
FOCUS_ABSOLUTE, FOCUS_AUTO = CAMERA + 10, CAMERA + 12
EXPOSURE_MANUAL = 1
HZ = {50: 1, 60: 2}

# Of our keys: the control; by what ours is multiplied; what is automatic until it is told
# otherwise, and how it is told.
CONTROLS: dict[str, tuple[int, float, int | None, int]] = {
    "focus": (FOCUS_ABSOLUTE, 1, FOCUS_AUTO, 0),
    "exposure_ms": (EXPOSURE_ABSOLUTE, 10, EXPOSURE_AUTO, EXPOSURE_MANUAL),  # 100 us each
    "gain": (GAIN, 1, AUTOGAIN, 0),
    "white_balance_k": (WHITE_BALANCE_TEMPERATURE, 1, AUTO_WHITE_BALANCE, 0),
    "power_line_hz": (POWER_LINE_FREQUENCY, 1, None, 0),
}

# Of a device, a request and its argument: what comes back.
Ioctl: TypeAlias = Callable[[int, int, bytes], bytes]


@dataclass(frozen=True)
class _Range:
    """What a control can be."""

    least: int
    most: int
    step: int

    def nearest(self, value: float) -> int:
        return self.least + round((value - self.least) / self.step) * self.step


def set_controls(
    device: Path, controls: CameraControls, place: str, ioctl: Ioctl = fcntl.ioctl
) -> None:
    """Set what `controls` names, and read it back.

    Args:
        device: the camera's file.
        controls: what to set.
        place: how errors name the camera.
        ioctl: `fcntl.ioctl`.

    Raises:
        SourceError: the camera has no such control, cannot be set so, or does not keep it.
    """
    with _opened(device, place) as handle:
        driver = _Driver(handle, ioctl)
        for key, value in controls.named().items():
            try:
                _set(driver, key, value, place)
            except OSError as error:
                why = os.strerror(error.errno or errno.EIO)
                raise SourceError(f"{place}: expected to set {key}, found: {why}") from error


@contextmanager
def _opened(device: Path, place: str) -> Iterator[int]:
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(
            f"{place}: expected a camera to set up, found: {error.strerror}"
        ) from error
    try:
        yield handle
    finally:
        os.close(handle)


class _Driver:
    """The controls of an open camera."""

    def __init__(self, handle: int, ioctl: Ioctl) -> None:
        self._handle, self._ioctl = handle, ioctl

    def range(self, control: int) -> _Range | None:
        """What it can be; None if the camera does not have it."""
        asked = QUERY.pack(control, 0, b"", 0, 0, 0, 0, 0, 0, 0)
        try:
            _, _, _, least, most, step, _, flags, _, _ = QUERY.unpack(
                self._ioctl(self._handle, QUERYCTRL, asked)
            )
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return None
            raise
        return None if flags & (DISABLED | READ_ONLY) else _Range(least, most, max(1, step))

    def set(self, control: int, value: int) -> None:
        self._ioctl(self._handle, S_CTRL, CONTROL.pack(control, value))

    def get(self, control: int) -> int:
        answer = CONTROL.unpack(self._ioctl(self._handle, G_CTRL, CONTROL.pack(control, 0)))
        return int(answer[1])


def _set(driver: _Driver, key: str, value: float, place: str) -> None:
    control, factor, automatic, manual = CONTROLS[key]
    bounds = driver.range(control)
    if bounds is None:
        has = ", ".join(k for k, (c, *_) in CONTROLS.items() if driver.range(c)) or "none"
        raise SourceError(f"{place}: expected a camera that can be told {key}, found {has}")
    wanted = HZ[round(value)] if key == "power_line_hz" else value * factor
    if not bounds.least <= wanted <= bounds.most:
        least, most = bounds.least / factor, bounds.most / factor
        raise SourceError(f"{place}: expected {key} of {least:g} to {most:g}, found {value:g}")
    if automatic is not None and driver.range(automatic) is not None:
        driver.set(automatic, manual)
    nearest = bounds.nearest(wanted)
    driver.set(control, nearest)
    kept = driver.get(control)
    if abs(kept - nearest) >= bounds.step:
        raise SourceError(
            f"{place}: expected {key} to stay at {nearest / factor:g}, found {kept / factor:g}"
        )
