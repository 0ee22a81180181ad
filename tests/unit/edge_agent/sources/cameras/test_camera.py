"""OpenCV's cameras: how they are opened and set, and what their frames are worth."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.mjpeg import mjpeg_camera, red_jpeg

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.camera import OpencvCamera, driver_time
from edge_agent.sources.cameras.complaints import Complaints
from edge_agent.sources.cameras.environment import camera_environment
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.config import CameraConfig, PicameraConfig


class FakeCapture:
    """What OpenCV gives for a V4L2 device."""

    def __init__(self) -> None:
        self.opened: list[object] = []
        self.asked: list[tuple[int, float]] = []
        self.image: np.ndarray | None = np.zeros((4, 6, 3), np.uint8)
        self.dated_ms = 0.0
        self.released = False

    def open(self, *arguments: Any) -> bool:
        self.opened = list(arguments)
        return arguments[0] not in (9, "/dev/none")

    def set(self, key: int, value: float) -> bool:
        self.asked.append((key, value))
        return False  # as a driver that takes nothing

    def get(self, key: int) -> float:
        return self.dated_ms if key == cv2.CAP_PROP_POS_MSEC else 0.0

    def grab(self) -> bool:
        return True

    def retrieve(self, into: np.ndarray | None) -> tuple[bool, np.ndarray | None]:
        return self.image is not None, self.image

    def release(self) -> None:
        self.released = True


@pytest.fixture(name="capture")
def _capture(monkeypatch: pytest.MonkeyPatch) -> FakeCapture:
    capture = FakeCapture()
    monkeypatch.setattr(cv2, "VideoCapture", lambda: capture)
    return capture


def test_a_local_camera_is_opened_by_number_or_file_and_set(capture: FakeCapture) -> None:
    """The format first, since the others depend on it; what it refuses is no error."""
    with OpencvCamera(CameraConfig(device=Path("/dev/cam"), fourcc="MJPG", fps=30)):
        assert capture.opened == ["/dev/cam", cv2.CAP_V4L2]
        assert capture.asked == [
            (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
            (cv2.CAP_PROP_FPS, 30),
        ]
    assert capture.released
    capture.asked.clear()
    OpencvCamera(CameraConfig(index=3, width=1280, height=720))
    assert capture.opened == [3, cv2.CAP_V4L2]
    assert capture.asked == [
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
    ]


@pytest.mark.parametrize(
    ("config", "place"),
    [(CameraConfig(index=9), "camera 9"), (CameraConfig(device=Path("/dev/none")), "/dev/none")],
)
def test_a_camera_that_is_absent_is_named(
    capture: FakeCapture, config: CameraConfig, place: str
) -> None:
    """Place, expected, found."""
    with pytest.raises(SourceError, match=f"{place}: expected a camera, found no such device"):
        OpencvCamera(config)
    assert capture.released


def test_a_frame_that_cannot_be_decoded_is_corrupt(capture: FakeCapture) -> None:
    """The camera is still there: the next one may be sound."""
    with OpencvCamera(CameraConfig(index=0)) as camera:
        camera.grab()
        assert camera.retrieve(None).shape == (4, 6, 3)
        capture.image = None
        with pytest.raises(CorruptFrameError, match="found one that cannot be decoded"):
            camera.retrieve(None)


def test_a_frame_that_the_decoder_complains_of_is_corrupt(capture: FakeCapture) -> None:
    """As of a webcam whose JPEG has lost its end; what was said before is not about it."""
    complaints = iter(["old", "", "", "premature end"])
    with OpencvCamera(CameraConfig(index=0), lambda: next(complaints)) as camera:
        assert camera.retrieve(None).shape == (4, 6, 3)
        with pytest.raises(CorruptFrameError, match="found damage: premature end"):
            camera.retrieve(None)


def test_the_driver_dates_frames_if_it_has_our_clock(capture: FakeCapture) -> None:
    """A frame waits in its queue; a date that cannot be is not believed."""
    with OpencvCamera(CameraConfig(index=0)) as camera:
        taken = time.monotonic() - 0.5
        capture.dated_ms = taken * 1000
        assert abs(camera.grab() - taken) < 0.01
        capture.dated_ms = time.time() * 1000
        assert abs(camera.grab() - time.monotonic()) < 5
    assert driver_time(99.0, now=100.0) == 99.0
    assert [driver_time(wrong, now=100.0) for wrong in (0.0, 89.0, 100.1)] == [100.0] * 3


def test_the_jpegs_of_a_stream_are_decoded_here() -> None:
    """So every damage is noticed; FFmpeg would mix a truncated one with the frame before."""
    with (
        mjpeg_camera() as server,
        Complaints() as complaints,
        OpencvCamera(CameraConfig(url=server.url), complaints.take) as camera,
    ):
        camera.grab()
        image = camera.retrieve(np.zeros((48, 64, 3), np.uint8))
        assert image.shape == (48, 64, 3)
        assert image[0, 0, 2] > 240
        if not camera.decodes_jpegs:
            pytest.skip("this OpenCV hands over no packets undecoded: FFmpeg patches damage over")
        server.jpeg = red_jpeg((640, 480))[:2000]

        def look() -> None:
            for _ in range(100):
                camera.grab()
                camera.retrieve(None)

        with pytest.raises(CorruptFrameError, match="found a JPEG that ends early"):
            look()


def test_a_stream_in_another_codec_is_written_in_place(tmp_path: Path) -> None:
    """Where OpenCV decodes, it writes to the slot: nothing is copied twice."""
    path = tmp_path / "video.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for level in (50, 200):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    place = np.zeros((48, 64, 3), np.uint8)
    with OpencvCamera(CameraConfig(url=str(path))) as camera:
        camera.grab()
        assert camera.retrieve(place) is place
        assert abs(place.mean() - 50) < 5
        camera.grab()
        camera.retrieve(None)
        with pytest.raises(SourceError, match="no more frames from the camera"):
            camera.grab()


def test_what_can_only_be_said_in_the_environment_is_said_there() -> None:
    """V4L2's own timeout comes before ours; what the user has set stays."""
    said = camera_environment(CameraConfig(index=0, read_timeout_s=4.5), {"PATH": "/bin"})
    assert said["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "4"
    assert said["PATH"] == "/bin"
    short = camera_environment(PicameraConfig(read_timeout_s=0.5), {"OMP_NUM_THREADS": "3"})
    assert short["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "1"
    assert short["OMP_NUM_THREADS"] == "3"


def test_rtsp_is_spoken_over_tcp_unless_told_otherwise() -> None:
    """By datagrams every lost one would be a damaged picture; other streams have no such choice."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    rtsp = CameraConfig(url="rtsp://camera/1")
    assert camera_environment(rtsp, {})[name] == "rtsp_flags;prefer_tcp"
    assert camera_environment(rtsp, {name: "rtsp_transport;udp"})[name] == "rtsp_transport;udp"
    assert name not in camera_environment(CameraConfig(url="http://camera/1"), {})
