"""Cameras that are absent, stall, hang up, freeze, send damage, and come back."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port
from support.live_cameras import (
    PATIENCE_S,
    Reports,
    available,
    children,
    fresh,
    live,
    process_of,
    toml,
)
from support.mjpeg import mjpeg_camera, red_jpeg
from support.network_camera import NetworkCamera
from support.patterns import pattern_source
from support.rtsp import rtsp_camera

from edge_agent.client import Subscriber
from edge_agent.contract.messages import HealthMessage, ResultMessage
from edge_agent.sources.config import CameraConfig

StartCamera: TypeAlias = Callable[[], AbstractContextManager[NetworkCamera]]
both_protocols = pytest.mark.parametrize("start", [mjpeg_camera, rtsp_camera], ids=["http", "rtsp"])


@both_protocols
def test_a_camera_that_stalls_is_offline_until_it_goes_on(
    start: StartCamera, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Online, offline with a reason while it says nothing, online again, results again."""
    with start() as camera:
        config = write_config(tmp_path, mosquitto.url, bright_path, toml(camera, read_timeout_s=2))
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            assert available(subscriber).state == "online"
            hear(subscriber, ResultMessage, PATIENCE_S)
            camera.pause()
            stalled = available(subscriber)
            assert stalled.state == "offline"
            assert stalled.reason.startswith(f"camera {camera.url}: no ")
            camera.resume()
            while available(subscriber).state == "offline":
                pass
            hear(subscriber, ResultMessage, PATIENCE_S)
            assert agent.terminate() == 0
        assert camera.asked >= 2


def test_an_absent_camera_is_waited_for_and_ends_in_time(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """The agent stays, says which camera is missing, and ends on SIGTERM."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/stream.mjpg"
    config = write_config(tmp_path, mosquitto.url, bright_path, toml(url))
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        message = available(subscriber)
        assert message.state == "offline"
        assert message.reason == (
            f"camera {url}: expected a camera, found nobody who listens at 127.0.0.1:{port} "
            "(connection refused)"
        )
        time.sleep(0.5)
        assert agent.process.poll() is None
        assert agent.terminate() == 0


def test_a_stalled_camera_does_not_delay_the_end(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """SIGTERM while OpenCV waits for a frame that never comes."""
    with mjpeg_camera() as camera:
        patient = toml(camera, read_timeout_s=600)
        config = write_config(tmp_path, mosquitto.url, bright_path, patient)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage, PATIENCE_S)
            camera.pause()
            time.sleep(0.3)
            assert agent.terminate() == 0


def test_health_tells_what_befell_the_camera(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Its process's memory, the frames it damaged, and how often it was replaced."""
    with mjpeg_camera() as camera:
        config = write_config(tmp_path, mosquitto.url, bright_path, toml(camera))
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage, PATIENCE_S)
            camera.jpeg = red_jpeg()[:-20]
            while not (health := hear(subscriber, HealthMessage, PATIENCE_S)).streams[0].corrupt:
                pass
            rss = health.streams[0].capture_rss_mb
            assert rss is None or 10 < rss < 200
            for pid in children(agent.process.pid):
                os.kill(pid, signal.SIGKILL)
            while not hear(subscriber, HealthMessage, PATIENCE_S).streams[0].respawned:
                pass
            assert agent.terminate() == 0


@both_protocols
def test_a_stream_that_ends_is_opened_again_in_the_same_process(start: StartCamera) -> None:
    """The gentlest rung: no new process for a camera that has hung up."""
    reports = Reports()
    with start() as camera, live(camera.url, reports) as source:
        frames = iter(source)
        next(frames)
        pid = process_of(source)
        camera.hang_up.set()
        assert reports.wait_for(False) == f"camera {camera.url}: no more frames from the camera"
        camera.hang_up.clear()
        reports.wait_for(True)  # the first, and
        reports.wait_for(True)
        fresh(frames, time.monotonic())
        assert process_of(source) == pid
        assert source.counters.reopened >= 1


def test_a_camera_that_is_set_to_another_size_is_followed() -> None:
    """First that is damage; when it lasts, another process takes the new size."""
    reports = Reports()
    with mjpeg_camera() as camera, live(camera.url, reports) as source:
        frames = iter(source)
        assert next(frames).image.shape == (48, 64, 3)
        camera.size = (96, 80)
        assert reports.wait_for(False) == (
            f"camera {camera.url}: expected frames of 64x48, found 96x80"
        )
        assert next(frames).image.shape == (80, 96, 3)
        assert source.counters.corrupt >= 9


def test_frozen_frames_are_reported_and_not_given() -> None:
    """The same content while time passes, also in a new process; a change ends it."""
    reports = Reports()
    with mjpeg_camera() as camera, live(camera.url, reports, frozen_after_s=1.0) as source:
        frames = iter(source)
        next(frames)
        reports.wait_for(True)
        camera.frozen.set()
        reason = reports.wait_for(False, "frozen")
        assert reason == (
            f"camera {camera.url}: frozen: expected a change within 1 s, found none for 1 s"
        )
        deadline = time.monotonic() + PATIENCE_S
        while source.counters.respawned == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert source.counters.respawned >= 1
        # The first frame of the new process is the old picture: it must not pass for a fresh one.
        before = source.counters.frozen
        while source.counters.frozen == before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert source.counters.frozen > before
        assert not [said for said in reports.said if said[0]]
        changed = time.monotonic()
        camera.frozen.clear()
        reports.wait_for(True)
        assert [f for f in (next(frames), next(frames)) if f.monotonic_s >= changed]


def test_frozen_is_not_minded_when_told_so() -> None:
    """Must not fire: 0 turns it off."""
    with pattern_source("static", frozen_after_s=0) as source:
        frames = iter(source)
        first = next(frames)
        while next(frames).monotonic_s < first.monotonic_s + 1:
            pass
        assert source.counters.frozen == 0


def damaged(kind: str) -> bytes:
    whole = red_jpeg((640, 480))
    match kind:
        case "truncated":
            return whole[: len(whole) // 2]
        case "truncated, with an end":
            return whole[: len(whole) // 2] + b"\xff\xd9"
        case "no picture":
            return b"\xff\xd8 hello \xff\xd9"
    raise ValueError(kind)


@pytest.mark.parametrize("kind", ["truncated", "truncated, with an end", "no picture"])
def test_corrupt_frames_are_counted_and_never_given(kind: str) -> None:
    """Whatever is wrong with it; and a camera that gives nothing else is lost."""
    reports = Reports()
    with mjpeg_camera() as camera:
        camera.size = (640, 480)
        with live(camera.url, reports, read_timeout_s=2.0) as source:
            frames = iter(source)
            next(frames)
            reports.wait_for(True)
            camera.jpeg = damaged(kind)
            reason = reports.wait_for(False)
            assert reason.startswith(f"camera {camera.url}: no frame for 2 s, but: expected a ")
            assert source.counters.corrupt > 0
            camera.jpeg = None
            reports.wait_for(True)
            for _ in range(5):
                image = next(frames).image
                assert image[:, :, 2].min() > 150
                assert image[:, :, :2].max() < 60


def test_single_corrupt_frames_do_no_harm() -> None:
    """They are left out; the camera stays."""
    reports = Reports()
    with pattern_source("mixed", report=reports) as source:
        seen = [frame.seq for frame, _ in zip(source, range(10), strict=False)]
        assert all(number % 2 == 0 for number in seen)
        assert source.counters.corrupt >= 9
        assert source.counters.respawned == 0
    assert reports.said == [(True, "")]


def test_a_password_in_a_camera_url_is_not_shown() -> None:
    """Reasons are published, and logged: neither before the host nor behind a question mark."""
    for url, shown in (
        ("rtsp://me:hunter2@cam.local/a", "rtsp://cam.local/a"),
        ("http://cam.local/v.cgi?user=me&pwd=hunter2", "http://cam.local/v.cgi"),
        ("http://cam.local:81/v.cgi#hunter2", "http://cam.local:81/v.cgi"),
        ("http://cam.local/v.cgi?pwd=x@hunter2", "http://..."),
        ("rtsp://me:x/hunter2@cam.local/a", "rtsp://..."),
        ("rtsp://me:x?hunter2@cam.local/a", "rtsp://..."),
    ):
        assert CameraConfig(url=url).place == f"camera {shown}"
    assert CameraConfig(index=3).place == "camera 3"
