"""A USB camera's controls, by a driver that answers as the kernel's interface says."""

import errno
from pathlib import Path

import pytest

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.v4l2 import (
    AUTO_WHITE_BALANCE,
    CONTROL,
    DISABLED,
    EXPOSURE_ABSOLUTE,
    EXPOSURE_AUTO,
    FOCUS_ABSOLUTE,
    FOCUS_AUTO,
    G_CTRL,
    GAIN,
    POWER_LINE_FREQUENCY,
    QUERY,
    QUERYCTRL,
    S_CTRL,
    WHITE_BALANCE_TEMPERATURE,
    set_controls,
)
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.controls import CameraControls

RANGES = {
    FOCUS_AUTO: (0, 1, 1),
    FOCUS_ABSOLUTE: (0, 250, 5),
    EXPOSURE_AUTO: (0, 3, 1),
    EXPOSURE_ABSOLUTE: (3, 2047, 1),
    AUTO_WHITE_BALANCE: (0, 1, 1),
    WHITE_BALANCE_TEMPERATURE: (2800, 6500, 1),
    POWER_LINE_FREQUENCY: (0, 2, 1),
}


class Driver:
    """What stands for a camera's driver; a focus that is automatic cannot be set."""

    def __init__(self, deaf: int | None = None, disabled: int | None = None) -> None:
        self.values = dict.fromkeys(RANGES, 1) | {EXPOSURE_AUTO: 3}
        self.order: list[int] = []
        self._deaf, self._disabled = deaf, disabled

    def __call__(self, handle: int, request: int, argument: bytes) -> bytes:
        if request == QUERYCTRL:
            control = QUERY.unpack(argument)[0]
            least, most, step = RANGES.get(control) or self._refuse(errno.EINVAL)
            flags = DISABLED if control == self._disabled else 0
            return QUERY.pack(control, 1, b"name", least, most, step, least, flags, 0, 0)
        control, value = CONTROL.unpack(argument)
        if request == S_CTRL:
            self.order.append(control)
            if control == FOCUS_ABSOLUTE and self.values[FOCUS_AUTO]:
                self._refuse(errno.EACCES)
            if control != self._deaf:
                self.values[control] = value
            return argument
        assert request == G_CTRL
        return CONTROL.pack(control, self.values[control])

    def _refuse(self, number: int) -> tuple[int, int, int]:
        raise OSError(number, "as the kernel says it")


@pytest.fixture(name="device")
def _device(tmp_path: Path) -> Path:
    file = tmp_path / "video0"
    file.touch()
    return file


def test_what_is_asked_for_is_set_and_no_longer_automatic(device: Path) -> None:
    """In the driver's units, to its steps; and what is automatic is told first."""
    driver = Driver()
    controls = CameraControls(focus=122, exposure_ms=12.5, white_balance_k=4600, power_line_hz=50)
    set_controls(device, controls, "camera 0", driver)
    assert driver.values == {
        FOCUS_AUTO: 0,
        FOCUS_ABSOLUTE: 120,
        EXPOSURE_AUTO: 1,
        EXPOSURE_ABSOLUTE: 125,
        AUTO_WHITE_BALANCE: 0,
        WHITE_BALANCE_TEMPERATURE: 4600,
        POWER_LINE_FREQUENCY: 1,
    }
    assert driver.order.index(FOCUS_AUTO) < driver.order.index(FOCUS_ABSOLUTE)


@pytest.mark.parametrize(
    ("controls", "driver", "message"),
    [
        (
            CameraControls(gain=3),
            Driver(),
            "camera 0: expected a camera that can be told gain, found focus, exposure_ms, "
            "white_balance_k, power_line_hz",
        ),
        (
            CameraControls(power_line_hz=60),
            Driver(disabled=POWER_LINE_FREQUENCY),
            "camera 0: expected a camera that can be told power_line_hz, found focus, "
            "exposure_ms, white_balance_k",
        ),
        (
            CameraControls(exposure_ms=400),
            Driver(),
            "camera 0: expected exposure_ms of 0.3 to 204.7, found 400",
        ),
        (
            CameraControls(focus=50),
            Driver(deaf=FOCUS_ABSOLUTE),
            "camera 0: expected focus to stay at 50, found 1",
        ),
        (
            CameraControls(focus=50),
            Driver(deaf=FOCUS_AUTO),
            "camera 0: expected to set focus, found: Permission denied",
        ),
    ],
    ids=["no such control", "disabled", "out of range", "not kept", "refused"],
)
def test_what_a_camera_cannot_do_is_said(
    device: Path, controls: CameraControls, driver: Driver, message: str
) -> None:
    """Must not fire in silence: by our key, with what it can be told instead."""
    with pytest.raises(SourceError) as caught:
        set_controls(device, controls, "camera 0", driver)
    assert str(caught.value) == message


def test_a_file_that_is_no_camera_has_no_controls(device: Path) -> None:
    """The real kernel's answer, of a file."""
    with pytest.raises(SourceError, match="expected a camera that can be told focus, found none"):
        set_controls(device, CameraControls(focus=1), "camera 0")
    with pytest.raises(SourceError, match="expected a camera to set up, found: No such file"):
        set_controls(device.with_name("video9"), CameraControls(focus=1), "camera 0")


def test_a_structure_is_as_large_as_the_kernels() -> None:
    """The size is part of each request's number."""
    assert (QUERYCTRL >> 16 & 0x3FFF, QUERY.size) == (68, 68)
    assert {G_CTRL >> 16 & 0x3FFF, S_CTRL >> 16 & 0x3FFF, CONTROL.size} == {8}
    assert GAIN == 0x00980913


def test_a_stream_by_url_is_set_up_by_itself() -> None:
    """Its own page does that; the key is refused."""
    with pytest.raises(ValueError, match="camera: expected no controls with url"):
        CameraConfig(url="rtsp://c/s", controls=CameraControls(gain=1))
