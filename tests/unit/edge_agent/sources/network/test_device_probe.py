"""Why a local camera does not open; its driver's answers by a function that stands for it."""

import errno
import os
import struct
from pathlib import Path

import pytest

from edge_agent.sources.network.device_probe import (
    CAPABILITY_BYTES,
    CAPS_AT,
    CAPTURE,
    DEVICE_CAPS_AT,
    HAS_DEVICE_CAPS,
    QUERYCAP,
    why_not,
)


class Driver:
    """Answers as a driver of these abilities does; `busy`: another program has its buffers."""

    def __init__(self, of_all: int, of_device: int = 0, *, busy: bool = False) -> None:
        self._caps, self._busy = (of_all, of_device), busy

    def __call__(self, number: int, request: int, about: bytearray) -> int:
        if request == QUERYCAP:
            assert len(about) == CAPABILITY_BYTES
            about[:4] = b"fake"
            struct.pack_into("=I", about, CAPS_AT, self._caps[0])
            struct.pack_into("=I", about, DEVICE_CAPS_AT, self._caps[1])
        elif self._busy:
            raise OSError(errno.EBUSY, "busy")
        return 0


def test_what_is_no_camera_is_named(tmp_path: Path) -> None:
    """A path with nothing, and one with a file that no driver has."""
    assert why_not(tmp_path / "none") == "no such device"
    (tmp_path / "file").touch()
    assert why_not(tmp_path / "file") == "what is no video device"


def test_who_may_not_read_it_is_told_what_to_do(tmp_path: Path) -> None:
    """Not as root, who may read everything."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "video0").touch(0o000)
    assert why_not(tmp_path / "video0").startswith("a device that this user may not read (sudo ")


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (Driver(CAPTURE), "one that gives no picture"),
        (Driver(CAPTURE, busy=True), "a device that another program uses"),
        (Driver(0x2), "a video device that captures nothing (driver fake)"),
        # A second node of the same camera, for what it says beside its pictures.
        (
            Driver(HAS_DEVICE_CAPS | CAPTURE, 0x800000),
            "a video device that captures nothing (driver fake)",
        ),
    ],
)
def test_a_driver_is_asked(driver: Driver, words: str, tmp_path: Path) -> None:
    """What it can do by this device, and whether somebody has it."""
    (tmp_path / "video0").touch()
    assert why_not(tmp_path / "video0", driver) == words
