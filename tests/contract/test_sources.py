"""What every source promises, whatever it reads."""

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.http_cameras import Stills, http_camera
from support.mjpeg import mjpeg_camera
from support.rtsp import rtsp_camera

from edge_agent.common.errors import SourceError
from edge_agent.common.stop import Stop
from edge_agent.sources.base import FrameSource
from edge_agent.sources.config import (
    CameraConfig,
    ImagesConfig,
    PicameraConfig,
    SourceConfig,
    StillConfig,
    VideoConfig,
)
from edge_agent.sources.live import Cameras
from edge_agent.sources.open import open_source

COUNT = 5
KINDS = (
    *("image", "folder", "folder-loop", "video", "video-loop"),
    *("camera", "rtsp", "picamera", "snapshot", "still"),
)
FINITE = ("image", "folder", "video")
STREAMED = ("camera", "rtsp", "picamera")
ASKED = ("snapshot", "still")  # by its kind, and by what a camera's address answers
LIVE = (*STREAMED, *ASKED)
FAKE_MODULES = Path(__file__).parents[1] / "fake_modules"


def red() -> np.ndarray:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :, 2] = 255
    return image


def write_video(path: Path, count: int = COUNT) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(count):
        writer.write(red())
    writer.release()
    return path


def write_folder(path: Path) -> Path:
    path.mkdir()
    for number in range(COUNT):
        cv2.imwrite(str(path / f"{number}.png"), red())
    (path / "notes.txt").write_text("not an image")
    return path


@pytest.fixture(name="configure")
def _configure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], SourceConfig]]:
    """Makes the configuration of a source that shows red."""
    # For the camera's process: what stands for the system's Picamera2.
    paths = [str(FAKE_MODULES), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    with ExitStack() as owned:

        def make(kind: str) -> SourceConfig:
            match kind:
                case "image":
                    return ImagesConfig(path=write_folder(tmp_path / "one") / "0.png")
                case "folder" | "folder-loop":
                    folder = write_folder(tmp_path / "many")
                    return ImagesConfig(path=folder, loop=kind.endswith("loop"))
                case "video" | "video-loop":
                    video = write_video(tmp_path / "v.avi")
                    return VideoConfig(path=video, loop=kind.endswith("loop"))
                case "picamera":
                    return PicameraConfig(width=64, height=48)
                case "snapshot" | "still":
                    url = owned.enter_context(http_camera(Stills())).url
                    config = StillConfig if kind == "snapshot" else CameraConfig
                    return config(url=url, open_timeout_s=30, read_timeout_s=30)
                case _:
                    start = rtsp_camera if kind == "rtsp" else mjpeg_camera
                    camera = owned.enter_context(start())
                    return CameraConfig(url=camera.url, open_timeout_s=30, read_timeout_s=30)

        yield make


@pytest.fixture(name="source", params=KINDS)
def _source(
    request: pytest.FixtureRequest, configure: Callable[[str], SourceConfig], stop: Stop
) -> FrameSource:
    # A still is asked for as often as it is looked at, and at most once a second unless told so.
    often = 0.0 if request.param not in ASKED else 0.01
    return open_source(configure(request.param), stop, pace=lambda: often)


@pytest.fixture(name="stop")
def _stop() -> Stop:
    return Stop()


def test_frames_are_colour_images_in_the_order_they_say(source: FrameSource) -> None:
    """(H, W, 3) uint8, and red is where `order` says it is."""
    with source:
        frame = next(iter(source))
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.dtype == np.uint8
    channel = frame.order.index("r")
    assert frame.image[:, :, channel].mean() > 240
    assert np.delete(frame.image, channel, axis=2).mean() < 15


def test_frames_are_numbered_and_dated(source: FrameSource) -> None:
    """Numbers rise from 0 (live sources may skip), times are aware and never go back."""
    with source:
        frames = list(itertools.islice(source, 2 * COUNT))
    numbers = [frame.seq for frame in frames]
    assert numbers == sorted(set(numbers))
    if not source.live:
        assert numbers == list(range(len(frames)))
        assert source.counters.dropped == 0
    assert all(frame.captured_at.utcoffset() == timedelta(0) for frame in frames)
    moments = [frame.monotonic_s for frame in frames]
    assert moments == sorted(moments)
    assert abs(time.monotonic() - moments[-1]) < 60


def test_stopping_ends_the_iteration(source: FrameSource, stop: Stop) -> None:
    """After the stop at most the frame that was already on its way comes."""
    with source:
        frames = iter(source)
        next(frames)
        stop.set()
        assert len(list(frames)) <= 1


def test_a_source_that_is_stopped_before_it_starts_gives_nothing(
    source: FrameSource, stop: Stop
) -> None:
    """An agent that is told to end while it opens does not look at anything."""
    stop.set()
    with source:
        assert list(source) == []


def test_leaving_early_takes_no_time(source: FrameSource) -> None:
    """Closing waits neither for a frame nor for a camera's timeout."""
    with source:
        next(iter(source))
        start = time.monotonic()
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("kind", FINITE)
def test_finite_sources_give_every_frame_and_end(
    kind: str, configure: Callable[[str], SourceConfig], stop: Stop
) -> None:
    """A slow model drops nothing."""
    with open_source(configure(kind), stop) as source:
        seen = 0
        for _ in source:
            time.sleep(0.01)
            seen += 1
    assert seen == (1 if kind == "image" else COUNT)


@pytest.mark.parametrize("kind", ["folder-loop", "video-loop"])
def test_loops_go_round(kind: str, configure: Callable[[str], SourceConfig], stop: Stop) -> None:
    """After the last frame the first, with numbers that go on."""
    with open_source(configure(kind), stop) as source:
        numbers = [frame.seq for frame in itertools.islice(source, 3 * COUNT)]
    assert numbers == list(range(3 * COUNT))


@pytest.mark.parametrize("kind", STREAMED)
def test_a_live_source_stays_fresh(
    kind: str, configure: Callable[[str], SourceConfig], stop: Stop
) -> None:
    """While the model is busy frames are dropped, counted, and the next one is new."""
    with open_source(configure(kind), stop) as source:
        frames = iter(source)
        first = next(frames)
        time.sleep(1.0)
        asked = time.monotonic()
        second, third = next(frames), next(frames)
        assert third.monotonic_s > asked - 0.7
        assert first.seq < second.seq < third.seq
        # Of the frames 0 to third.seq three were taken; others may have come since.
        assert source.counters.dropped >= third.seq + 1 - 3 >= 5


@pytest.mark.parametrize("kind", LIVE)
def test_the_moment_is_the_captures(
    kind: str, configure: Callable[[str], SourceConfig], stop: Stop
) -> None:
    """Both clocks tell the same moment, before the frame was taken over, however late that is."""
    with open_source(configure(kind), stop) as source:
        frames = iter(source)
        next(frames)
        frame = next(frames)
        time.sleep(0.3)  # the model's time is not the frame's
        age_s = time.monotonic() - frame.monotonic_s
        assert age_s >= 0.3
        by_the_wall_s = (datetime.now(UTC) - frame.captured_at).total_seconds()
        assert abs(by_the_wall_s - age_s) < 2


@pytest.mark.parametrize("kind", LIVE)
def test_a_live_source_that_is_asked_seldom_gives_what_is_there_then(
    kind: str, configure: Callable[[str], SourceConfig], stop: Stop
) -> None:
    """Not what came when nobody asked, of which only a stream has any; and not less than that."""
    with open_source(configure(kind), stop, pace=lambda: 60) as source:
        frames = iter(source)
        first = next(frames)
        time.sleep(0.8)
        asked = time.monotonic()
        second, third = next(frames), next(frames)
        # A sensor dates by the beginning of its exposure.
        assert asked - 0.4 < second.monotonic_s < third.monotonic_s
        assert first.seq < second.seq < third.seq
        assert (second.seq > first.seq + 5) is (kind in STREAMED)


@pytest.mark.parametrize("kind", LIVE)
def test_two_sources_of_one_camera_share_it(
    kind: str, configure: Callable[[str], SourceConfig], stop: Stop
) -> None:
    """A camera opens once; one that leaves does not take it from the other."""
    cameras, config, reports = Cameras(), configure(kind), list[tuple[bool, str]]()
    first = open_source(config, stop, cameras=cameras)
    with first:
        next(iter(first))
        second = open_source(config, stop, lambda *said: reports.append(said), cameras)
        with second:
            assert next(iter(second)).image.shape == (48, 64, 3)
            assert reports == [(True, "")]
            assert second.counters.respawned == 0
        assert next(iter(first)).image.shape == (48, 64, 3)
    with open_source(config, stop, cameras=cameras) as third:
        assert next(iter(third)).image.shape == (48, 64, 3)


def test_a_reader_that_waits_is_woken_by_the_stop(stop: Stop) -> None:
    """A camera that says nothing does not keep the agent from ending."""
    with mjpeg_camera() as camera:
        camera.pause()
        config = CameraConfig(url=camera.url, open_timeout_s=60, read_timeout_s=60)
        with open_source(config, stop) as source:
            threading.Timer(0.2, stop.set).start()
            start = time.monotonic()
            assert list(source) == []
        assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda p: ImagesConfig(path=p / "none"),
            "{}/none: expected an image or a folder of images, found nothing",
        ),
        (lambda p: ImagesConfig(path=p), "{}: expected images ("),
        (lambda p: VideoConfig(path=p / "none"), "{}/none: expected a video file, found nothing"),
        (
            lambda p: VideoConfig(path=Path(__file__)),
            f"{__file__}: expected a video, found a file that OpenCV cannot open",
        ),
    ],
)
def test_missing_files_are_errors_at_once(
    make: Callable[[Path], SourceConfig], expected: str, tmp_path: Path, stop: Stop
) -> None:
    """Place, expected, found; before the agent says that it is online."""
    with pytest.raises(SourceError) as caught, open_source(make(tmp_path), stop):
        pass
    assert str(caught.value).startswith(expected.format(tmp_path))


@pytest.mark.parametrize("damage", [b"\x89PNG broken", b"P6 70000 70000 255\n"])
def test_a_corrupt_image_is_named_counted_and_left_out(
    damage: bytes, tmp_path: Path, stop: Stop, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad file of many does not end the agent, and a loop does not fill the log with it.

    OpenCV gives nothing for the one, and raises for the other, which is too large.
    """
    caplog.set_level(logging.WARNING, "edge_agent")  # whatever a command of another test has set
    folder = write_folder(tmp_path / "many")
    (folder / "2.png").write_bytes(damage)
    passes = 3
    with open_source(ImagesConfig(path=folder, loop=True), stop) as source:
        frames = list(itertools.islice(source, passes * (COUNT - 1)))
        counters = source.counters
    assert [frame.seq for frame in frames] == [i for i in range(passes * COUNT) if i % COUNT != 2]
    assert counters.corrupt == passes
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder / '2.png'}: expected an image, found a file that OpenCV cannot read"
    ]


def test_a_looped_video_that_is_emptied_is_an_error(tmp_path: Path, stop: Stop) -> None:
    """One that opens and has no frame: not opened again and again for ever."""
    video = write_video(tmp_path / "v.avi")
    with open_source(VideoConfig(path=video, loop=True), stop) as source:
        frames = iter(source)
        assert [next(frames).seq for _ in range(COUNT + 1)] == list(range(COUNT + 1))
        write_video(video, 0)
        with pytest.raises(SourceError, match="expected a video, found no frame to decode"):
            list(frames)


def test_a_folder_with_nothing_readable_is_an_error(tmp_path: Path, stop: Stop) -> None:
    """There is nothing to wait for."""
    (tmp_path / "1.png").write_bytes(b"\x89PNG broken")
    with (
        open_source(ImagesConfig(path=tmp_path, loop=True), stop) as source,
        pytest.raises(SourceError) as caught,
    ):
        next(iter(source))
    assert str(caught.value) == (f"{tmp_path}: expected an image, found none that OpenCV can read")


def test_a_real_video_gives_all_its_frames(stop: Stop) -> None:
    """One of the recordings, if the real data are there."""
    root = os.environ.get("EDGEWARD_DATA")
    video = Path(root or "/nonexistent") / "videos" / "bottle-detection.mp4"
    if not video.is_file():
        pytest.skip("needs the recordings: set EDGEWARD_DATA")
    with open_source(VideoConfig(path=video), stop) as source:
        frames = list(itertools.islice(source, 30))
    assert [frame.seq for frame in frames] == list(range(30))
    assert any((frames[0].image != frame.image).any() for frame in frames[1:])
