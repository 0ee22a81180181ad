"""A camera through Picamera2, by a module that stands for it."""

import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.cameras.picamera import Picamera
from edge_agent.sources.config import PicameraConfig
from edge_agent.sources.controls import CameraControls

FAKE = Path(__file__).parents[4] / "fake_modules" / "picamera2.py"


@pytest.fixture(name="picamera2")
def _picamera2(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("picamera2", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module


def test_frames_are_bgr_and_dated_by_the_sensor(picamera2: ModuleType) -> None:
    """Red is last, and the moment is the exposure's, a little before it was asked for."""
    with Picamera(PicameraConfig(width=32, height=24)) as camera:
        at = camera.grab()
        image = camera.retrieve(None)
    assert image.shape == (24, 32, 3)
    assert image[0, 0].tolist() == [0, 0, 255]
    assert 0.001 < time.monotonic() - at < 5


def test_what_was_asked_for_is_set(picamera2: ModuleType) -> None:
    """Size, rate and format reach the camera; without a size there is a usual one."""
    camera = Picamera(PicameraConfig(fps=7.5))._camera
    assert camera.configuration == {
        "main": {"size": (640, 480), "format": "RGB888"},
        "controls": {"FrameRate": 7.5},
    }


def test_every_request_is_given_back_and_the_camera_closed(picamera2: ModuleType) -> None:
    """One that is kept stops the camera after a few frames; one that is open is nobody else's."""
    with Picamera(PicameraConfig()) as camera:
        for _ in range(10):
            camera.grab()
    assert picamera2.Picamera2.opened == 0


def test_a_sensor_with_another_clock_is_not_believed(
    picamera2: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date in the future, or long past, is replaced by now."""
    for dated in (0, 2**62):
        metadata = {"SensorTimestamp": dated}
        monkeypatch.setattr(picamera2.Request, "get_metadata", lambda self, m=metadata: m)
        with Picamera(PicameraConfig()) as camera:
            before = time.monotonic()
            assert before <= camera.grab() <= time.monotonic()


def test_without_picamera2_it_is_said_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be had from a package index."""
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError) as caught:
        Picamera(PicameraConfig())
    assert str(caught.value).startswith("picamera 0: expected Picamera2, found none (")
    assert str(caught.value).endswith(
        "): apt install python3-picamera2, in an environment made with --system-site-packages"
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            PicameraConfig(index=1),
            "picamera 1: expected a camera, found none that opens: list index out of range",
        ),
        (
            PicameraConfig(width=9000, height=24),
            "picamera 0: expected to set 9000x24, found: Failed to configure the camera",
        ),
    ],
)
def test_a_camera_that_does_not_open_is_an_error(
    picamera2: ModuleType, config: PicameraConfig, expected: str
) -> None:
    """Place, expected, found; and it is not left open."""
    with pytest.raises(SourceError) as caught:
        Picamera(config)
    assert str(caught.value) == expected
    assert picamera2.Picamera2.opened == 0


def test_a_camera_that_stops_is_lost(picamera2: ModuleType) -> None:
    """Its error becomes ours, so that it is opened again."""
    with Picamera(PicameraConfig()) as camera:
        camera._camera.stop()
        with pytest.raises(SourceError, match="picamera 0: no more frames: Camera is not running"):
            camera.grab()


def test_a_frame_without_colour_is_corrupt(
    picamera2: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another shape than (H, W, 3) is no picture."""
    monkeypatch.setattr(
        picamera2.Request, "make_array", lambda self, name: np.zeros((4, 4), np.uint8)
    )
    with Picamera(PicameraConfig()) as camera:
        camera.grab()
        with pytest.raises(CorruptFrameError, match=r"found one of shape \(4, 4\)"):
            camera.retrieve(None)


def test_controls_reach_the_camera_in_its_own_units(picamera2: ModuleType) -> None:
    """What is told is no longer automatic; the rest is."""
    controls = CameraControls(focus=8, exposure_ms=20, gain=2, power_line_hz=50)
    camera = Picamera(PicameraConfig(controls=controls))._camera
    assert camera.configuration["controls"] == {
        "AfMode": 0,
        "LensPosition": 8.0,
        "AeEnable": False,
        "ExposureTime": 20_000,
        "AnalogueGain": 2.0,
        "AeFlickerMode": 1,
        "AeFlickerPeriod": 10_000,
    }


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        (
            CameraControls(white_balance_k=4000),
            "picamera 0: expected a camera that can be told white_balance_k, "
            "found one without ColourTemperature",
        ),
        (
            CameraControls(exposure_ms=100),
            "picamera 0: expected exposure_ms of 0.06 to 66.666, found 100",
        ),
    ],
)
def test_what_the_camera_cannot_do_is_said(
    picamera2: ModuleType, controls: CameraControls, message: str
) -> None:
    """By our key; and the camera is closed again."""
    with pytest.raises(SourceError) as caught:
        Picamera(PicameraConfig(controls=controls))
    assert str(caught.value) == message
    assert picamera2.Picamera2.opened == 0
