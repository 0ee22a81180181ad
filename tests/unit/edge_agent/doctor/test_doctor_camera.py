"""Cameras and other sources, on machines made of a folder and with real files."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.brokers import free_port

from edge_agent.common.errors import SourceError
from edge_agent.doctor import camera
from edge_agent.doctor.host import Host
from edge_agent.sources.config import CameraConfig, ImagesConfig, PicameraConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.places import Region

STREAM = StreamConfig(name="door", bundle=Path("b"), source=CameraConfig(index=0))


@pytest.fixture(name="host")
def _host(tmp_path: Path) -> Host:
    (tmp_path / "dev").mkdir()
    return Host(root=tmp_path)


@pytest.fixture(name="device")
def _device(host: Host) -> Path:
    """A character device under the camera's name."""
    device = host.root / "dev/video0"
    device.symlink_to("/dev/null")
    return device


def test_no_camera_at_all(host: Host) -> None:
    """Must fire: and say how to get one."""
    (finding,) = camera.source(STREAM, host)
    assert (finding.check, finding.level) == ("source door", "fail")
    assert finding.found.endswith("video0: no such device; there is no camera")
    assert "camera_auto_detect=1" in finding.remedy


def test_another_camera_than_the_one_asked_for(host: Host) -> None:
    """Must fire: and name those that are there."""
    (host.root / "dev/video4").symlink_to("/dev/null")
    (finding,) = camera.source(STREAM, host)
    assert finding.found.endswith("video0: no such device; there are video4")


def test_a_file_in_the_cameras_place(host: Host) -> None:
    """Must fire: something has written a file there before the camera came."""
    (host.root / "dev/video0").write_text("")
    (finding,) = camera.source(STREAM, host)
    assert finding.found.endswith("expected a device, found another kind of file")


def test_a_camera_we_may_not_read(
    host: Host, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must fire: the group is what is missing, by hand and under systemd."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (finding,) = camera.source(STREAM, host)
    assert finding.level == "fail"
    assert "usermod -aG video" in finding.remedy
    assert "SupplementaryGroups=video" in finding.remedy


def test_a_camera_that_another_program_has(host: Host, device: Path) -> None:
    """A warning with the program's name: it may well be the agent."""
    process = host.root / "proc/4711"
    (process / "fd").mkdir(parents=True)
    (process / "fd/5").symlink_to(device)
    (process / "comm").write_text("edgeward-agent\n")
    (finding,) = camera.source(STREAM, host)
    assert finding.level == "warn"
    assert "in use by edgeward-agent (process 4711)" in finding.found
    assert "systemctl stop edgeward-agent" in finding.remedy


def test_a_camera_that_gives_a_frame(
    host: Host, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must not fire; other programs' files do not count as the camera."""
    (host.root / "proc/4711/fd").mkdir(parents=True)
    (host.root / "proc/4711/fd/5").symlink_to("/dev/zero")
    monkeypatch.setattr(camera, "look", lambda stream: "a frame of 640x480")
    (finding,) = camera.source(STREAM, host)
    assert (finding.level, finding.found) == ("ok", "a frame of 640x480")


def test_a_camera_that_gives_none(
    host: Host, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must fire: a device that only encodes opens and stays silent."""

    def silent(stream: StreamConfig) -> str:
        raise SourceError("camera 0: no more frames from the camera")

    monkeypatch.setattr(camera, "look", silent)
    (finding,) = camera.source(STREAM, host)
    assert finding.level == "fail"
    assert "v4l2-ctl --list-devices" in finding.remedy


def test_a_stream_that_nobody_sends(host: Host) -> None:
    """Must fire, in its own time: a real attempt at an address that refuses."""
    source = CameraConfig(url=f"http://127.0.0.1:{free_port()}/x", open_timeout_s=1)
    (finding,) = camera.source(StreamConfig(name="x", bundle=Path("b"), source=source), host)
    assert finding.level == "fail"
    assert "ffplay" in finding.remedy


def test_a_board_camera_that_gives_none(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Must fire with what helps there, not with what helps a file or a USB camera."""

    def silent(stream: StreamConfig) -> str:
        raise SourceError("picamera 0: expected the system's Picamera2, found none")

    monkeypatch.setattr(camera, "look", silent)
    stream = StreamConfig(name="x", bundle=Path("b"), source=PicameraConfig())
    (finding,) = camera.source(stream, host)
    assert finding.level == "fail"
    assert "rpicam-hello --list-cameras" in finding.remedy
    assert "apt install python3-picamera2" in finding.remedy


def test_files(host: Host, tmp_path: Path) -> None:
    """Must not fire for an image; must for none, and for a region outside it."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((24, 32, 3), np.uint8))

    def look(region: Region | None, name: str) -> tuple[str, str]:
        source = ImagesConfig(path=tmp_path / name)
        stream = StreamConfig(
            name="x", bundle=Path("b"), source=source, options=ClassifyOptions(region=region)
        )
        (finding,) = camera.source(stream, host)
        return finding.level, finding.remedy

    assert look(None, "a.png") == ("ok", "")
    assert look(None, "none")[1].startswith("mend its path in agent.toml")
    assert look(Region(x=0, y=0, w=99, h=9), "a.png")[1].startswith("mend the regions")
