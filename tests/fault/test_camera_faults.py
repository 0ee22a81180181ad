"""Cameras that are absent, stall, hang up, and come back."""

import threading
import time
from pathlib import Path

import pytest
from agents import Agent, hear, write_config
from brokers import Mosquitto, free_port
from mjpeg import MjpegCamera, mjpeg_camera

from edge_agent.client import Subscriber
from edge_agent.config import CameraConfig
from edge_agent.messages import AvailabilityMessage, ResultMessage
from edge_agent.sources import camera as camera_module
from edge_agent.sources.camera import CameraSource
from edge_agent.stop import Stop


def source(camera: MjpegCamera | str) -> str:
    url = camera if isinstance(camera, str) else camera.url
    return f'{{ kind = "camera", url = "{url}", open_timeout_s = 1, read_timeout_s = 1 }}'


def available(subscriber: Subscriber) -> AvailabilityMessage:
    message = hear(subscriber, AvailabilityMessage)
    assert isinstance(message, AvailabilityMessage)
    return message


def test_a_camera_that_stalls_is_offline_until_it_goes_on(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Online, offline with a reason while it says nothing, online again, results again."""
    with mjpeg_camera() as camera:
        config = write_config(tmp_path, mosquitto.url, bright_path, source(camera))
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            assert available(subscriber).state == "online"
            hear(subscriber, ResultMessage)
            camera.pause()
            stalled = available(subscriber)
            assert stalled.state == "offline"
            assert stalled.reason == f"camera {camera.url}: no more frames from the camera"
            camera.resume()
            while available(subscriber).state == "offline":
                pass
            hear(subscriber, ResultMessage)
            assert agent.terminate() == 0
        assert camera.asked >= 2


def test_an_absent_camera_is_waited_for_and_ends_in_time(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """The agent stays, says which camera is missing, and ends on SIGTERM."""
    url = f"http://127.0.0.1:{free_port()}/stream.mjpg"
    config = write_config(tmp_path, mosquitto.url, bright_path, source(url))
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        message = available(subscriber)
        assert message.state == "offline"
        assert message.reason == f"camera {url}: expected a camera, found none that opens"
        time.sleep(0.5)
        assert agent.process.poll() is None
        assert agent.terminate() == 0


def test_a_stalled_camera_does_not_delay_the_end(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """SIGTERM while OpenCV waits for a frame that never comes."""
    with mjpeg_camera() as camera:
        patient = source(camera).replace("read_timeout_s = 1", "read_timeout_s = 600")
        config = write_config(tmp_path, mosquitto.url, bright_path, patient)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage)
            camera.pause()
            time.sleep(0.3)
            assert agent.terminate() == 0


class Hanging:
    """An opened capture whose read does not return before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def read(self) -> tuple[bool, None]:
        self.let_go.wait(60)
        return False, None

    def release(self) -> None:
        pass


def test_a_read_that_never_returns_is_reported_and_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenCV may hang beyond its own timeouts: iteration and closing go on without it."""
    hanging, stop, reports = Hanging(), Stop(), list[tuple[bool, str]]()
    monkeypatch.setattr(camera_module, "open_capture", lambda config: hanging)

    def report(ok: bool, reason: str) -> None:
        reports.append((ok, reason))
        stop.set()

    config = CameraConfig(index=0, open_timeout_s=0.1, read_timeout_s=0.1)
    start = time.monotonic()
    with CameraSource(config, stop, report=report) as source:
        assert list(source) == []
    assert time.monotonic() - start < 5
    assert reports == [(False, "camera 0: no frame for 1.2 s")]
    hanging.let_go.set()


def test_a_broken_capture_thread_is_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception of the thread comes out where frames would."""

    def broken(config: CameraConfig) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(camera_module, "open_capture", broken)
    with (
        CameraSource(CameraConfig(index=0), Stop()) as source,
        pytest.raises(ZeroDivisionError),
    ):
        next(iter(source))


def test_a_password_in_a_camera_url_is_not_shown() -> None:
    """Reasons are published, and logged."""
    config = CameraConfig(url="rtsp://me:hunter2@cam.local/a")
    assert camera_module.place(config) == "camera rtsp://cam.local/a"
    assert camera_module.place(CameraConfig(index=3)) == "camera 3"
