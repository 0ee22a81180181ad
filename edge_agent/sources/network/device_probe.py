"""Why a local camera does not open: asked of the system, since OpenCV does not say.

The numbers are those of <linux/videodev2.h>; they are the same on all architectures.
"""

import errno
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

try:
    from fcntl import ioctl
except ImportError:  # not on this system
    ioctl = None  # type: ignore[assignment]

QUERYCAP = 0x80685600  # VIDIOC_QUERYCAP: read struct v4l2_capability, 104 bytes
CAPABILITY_BYTES, DEVICE_CAPS_AT, CAPS_AT = 104, 88, 84
REQBUFS = 0xC0145608  # VIDIOC_REQBUFS: struct v4l2_requestbuffers, 20 bytes
CAPTURE, CAPTURE_MPLANE, HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
MMAP = 1  # V4L2_MEMORY_MMAP

REASONS = {
    errno.ENOENT: "no such device",
    errno.ENXIO: "a device file without a device",
    errno.ENODEV: "a device file without a device",
    errno.EACCES: "a device that this user may not read (sudo usermod -aG video $USER)",
    errno.EPERM: "a device that this user may not read (sudo usermod -aG video $USER)",
    errno.EBUSY: "a device that another program uses",
}


def why_not(device: Path, control: Callable[[int, int, bytearray], object] | None = None) -> str:
    """What was found at `device` where a camera was expected, in words.

    Args:
        device: its file.
        control: `ioctl`, or what stands for it.
    """
    try:
        number = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return REASONS.get(error.errno or 0, f"that it does not open: {error.strerror}")
    try:
        return _of_open(number, control or ioctl)
    finally:
        os.close(number)


def _of_open(number: int, control: Callable[[int, int, bytearray], object] | None) -> str:
    nothing = "one that gives no picture"
    if control is None:
        return nothing
    about = bytearray(CAPABILITY_BYTES)
    try:
        control(number, QUERYCAP, about)
    except OSError:
        return "what is no video device"
    caps, of_device = (struct.unpack_from("=I", about, at)[0] for at in (CAPS_AT, DEVICE_CAPS_AT))
    can = of_device if caps & HAS_DEVICE_CAPS else caps
    if not can & (CAPTURE | CAPTURE_MPLANE):
        driver = bytes(about[:16]).split(b"\0")[0].decode(errors="replace")
        return f"a video device that captures nothing (driver {driver})"
    kind = 1 if can & CAPTURE else 9  # V4L2_BUF_TYPE_VIDEO_CAPTURE, or of several planes
    # To ask for no buffers frees none of others, and is refused while others have some.
    with suppress(OSError):
        control(number, REQBUFS, bytearray(struct.pack("=5I", 0, kind, MMAP, 0, 0)))
        return nothing
    return REASONS[errno.EBUSY]
