"""A video's packets, decoded only when a frame is looked at."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.patterns import write_video

from edge_agent.sources.cameras import picture_group as module
from edge_agent.sources.cameras.camera import OpencvCamera
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.cameras.picture_group import PictureGroup
from edge_agent.sources.config import CameraConfig

COUNT = 40


@pytest.fixture(name="video", scope="module")
def _video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "v.ts", COUNT)


def grabbed(camera: OpencvCamera, count: int) -> None:
    for _ in range(count):
        camera.grab()


def undecoded(video: Path) -> OpencvCamera:
    camera = OpencvCamera(CameraConfig(url=str(video)))
    camera.pace(60)
    if camera._group is None:
        pytest.skip("this OpenCV hands over no packets undecoded")
    return camera


@pytest.mark.parametrize("at", [1, 11, 12, 13, 30, COUNT])
def test_the_frame_is_the_one_that_decoding_all_gives(video: Path, at: int) -> None:
    """At a key frame, and anywhere between two; in the memory that it is to be in."""
    with OpencvCamera(CameraConfig(url=str(video))) as all_of_it, undecoded(video) as camera:
        grabbed(all_of_it, at)
        grabbed(camera, at)
        place = np.zeros((48, 64, 3), np.uint8)
        found = camera.retrieve(place)
        assert found is place
        assert np.array_equal(found, all_of_it.retrieve(None))


def test_a_pace_that_changes_opens_the_camera_again(video: Path) -> None:
    """Once, and only where it makes a difference."""
    with undecoded(video) as camera:
        camera.grab()
        before = camera._capture
        camera.pace(3600)
        assert camera._capture is before
        camera.pace(0)
        assert (camera._group, camera._capture is before) == (None, False)
        camera.grab()
        assert camera.retrieve(None).shape == (48, 64, 3)
        camera.pace(60)
        assert camera._group is not None
        camera.grab()
        assert camera.retrieve(None).shape == (48, 64, 3)


def test_key_frames_that_are_too_far_apart_are_not_waited_for(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is decoded then, from the start."""
    monkeypatch.setattr(module, "MAX_PACKETS", 3)
    with undecoded(video) as camera:
        grabbed(camera, 5)
        assert camera._group is not None
        camera.grab()
        assert camera._group is None
        assert camera.retrieve(None).shape == (48, 64, 3)
        camera.pace(0)
        camera.pace(60)
        assert camera._group is None


def test_packets_before_the_first_key_frame_show_nothing() -> None:
    """Must not fire with one."""
    group = PictureGroup("m4v")
    assert not group.take(b"x", key=False)
    assert group.take(b"y", key=True)
    assert group.take(b"z", key=False)


def test_what_a_decoder_must_know_may_be_said_beside_the_stream(video: Path) -> None:
    """As many cameras do in the description of a stream; without it nothing is decoded."""
    with undecoded(video) as camera:
        first, extradata = camera._group, camera._extradata()
        assert first is not None
        grabbed(camera, 2)
        (key, following) = (packet.removeprefix(extradata) for packet in first._packets)
        key = key.removeprefix(extradata)  # it is in the packet too
    for said, works in ((extradata, True), (b"", False), (b"\1" + extradata, False)):
        group = PictureGroup("m4v", said)
        group.take(key, key=True)
        group.take(following, key=False)
        if works:
            assert group.newest(None).shape == (48, 64, 3)
            continue
        with pytest.raises(CorruptFrameError):
            group.newest(None)


def test_a_group_that_cannot_be_decoded_is_corrupt() -> None:
    """The next key frame may be sound; the options of others stay."""
    group = PictureGroup("m4v")
    group.take(b"\0\0\1 no video", key=True)
    with pytest.raises(CorruptFrameError, match="found one that cannot be decoded"):
        group.newest(None)


def test_the_users_options_for_the_stream_stay(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV takes all of them from one place."""
    monkeypatch.setenv(module.OPTIONS, "rtsp_transport;udp")
    with undecoded(video) as camera:
        camera.grab()
        camera.retrieve(None)
        assert os.environ[module.OPTIONS] == "rtsp_transport;udp"


def test_codecs_without_such_a_format_are_decoded_as_they_come(tmp_path: Path) -> None:
    """Must not fire: motion JPEG has no packets that need each other."""
    path = tmp_path / "v.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    with OpencvCamera(CameraConfig(url=str(path))) as camera:
        camera.pace(60)
        assert camera._group is None
        camera.grab()
        assert camera.retrieve(None).mean() == pytest.approx(90, abs=2)
