"""What a stream's tables may say: cameras, pace, regions, publishing, snapshots."""

from pathlib import Path

import pytest

from edge_agent.common.errors import ConfigError
from edge_agent.config import AgentConfig, load_config
from edge_agent.pictures.config import SnapshotConfig, SnapshotsConfig
from edge_agent.sources.config import CameraConfig, PicameraConfig, StillConfig
from edge_agent.stream.config import PublishConfig
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.places import Region, RelativeRegion

HEAD = """
[device]
name = "gate"
[outbox]
path = "outbox.db"
[[stream]]
name = "front"
bundle = "b"
"""


def load(folder: Path, text: str) -> AgentConfig:
    file = folder / "agent.toml"
    file.write_text(HEAD + text)
    return load_config(file)


def problem(folder: Path, text: str) -> str:
    """What is said about `text`, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value).removeprefix(f"{folder / 'agent.toml'}: ")


INDEX = 'source = { kind = "camera", index = 0 }\n'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            'kind = "camera", device = "/dev/v4l/by-id/cam", width = 1280, height = 720, fps = 15, '
            'fourcc = "MJPG", frozen_after_s = 0, open_timeout_s = 3, read_timeout_s = 2',
            CameraConfig(
                device=Path("/dev/v4l/by-id/cam"),
                width=1280,
                height=720,
                fps=15,
                fourcc="MJPG",
                frozen_after_s=0,
                open_timeout_s=3,
                read_timeout_s=2,
            ),
        ),
        ('kind = "picamera"', PicameraConfig(index=0)),
        (
            'kind = "snapshot", url = "https://c/x", credentials_file = "/c", ca_file = "/a"',
            StillConfig(url="https://c/x", credentials_file=Path("/c"), ca_file=Path("/a")),
        ),
        (
            'kind = "camera", url = "rtsp://c", credentials_file = "/c"',
            CameraConfig(url="rtsp://c", credentials_file=Path("/c")),
        ),
        (
            'kind = "picamera", index = 1, width = 1640, height = 1232, fps = 7.5',
            PicameraConfig(index=1, width=1640, height=1232, fps=7.5),
        ),
    ],
)
def test_cameras_are_understood(
    tmp_path: Path, source: str, expected: CameraConfig | PicameraConfig | StillConfig
) -> None:
    """By file, with everything that can be asked of it; on the board's connector."""
    (stream,) = load(tmp_path, f"source = {{ {source} }}").streams
    assert stream.source == expected


def test_everything_else_of_a_stream_is_understood(tmp_path: Path) -> None:
    """Pace, part, threshold, what is published and what is kept."""
    config = load(
        tmp_path,
        INDEX
        + """
frames_per_s = 4
min_confidence = 0.7
relative_region = { x = 0.25, y = 0, w = 0.5, h = 1 }
publish = { when = "changed", settle = 3, margin = 0.1, at_least_every_s = 600 }
snapshot = { on = ["unsure"], max_kb = 200, interval_s = 5 }
[snapshots]
folder = "snaps"
max_count = 9
max_mb = 1.5
""",
    )
    (stream,) = config.streams
    assert stream.interval_s == 0.25
    assert stream.min_confidence == 0.7
    part = RelativeRegion(x=0.25, y=0, w=0.5, h=1)
    assert stream.options == ClassifyOptions(relative_region=part)
    assert stream.options.region_in(640, 480) == Region(x=160, y=0, w=320, h=480)
    assert stream.publish == PublishConfig(
        when="changed", settle=3, margin=0.1, at_least_every_s=600
    )
    assert stream.snapshot == SnapshotConfig(on=("unsure",), max_kb=200, interval_s=5)
    assert config.snapshots == SnapshotsConfig(folder=tmp_path / "snaps", max_count=9, max_mb=1.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'source = { kind = "camera", index = 0, width = 640 }',
            "width and height: expected both or neither, found one - at `$.stream[0].source`",
        ),
        (
            'source = { kind = "camera", url = "rtsp://c", fps = 5 }',
            "camera: expected no fps with url: the stream has its own - at `$.stream[0].source`",
        ),
        (
            'source = { kind = "camera", index = 0, credentials_file = "c" }',
            "camera: expected url with credentials_file or ca_file, found none - at "
            "`$.stream[0].source`",
        ),
        (
            'source = { kind = "snapshot", url = "rtsp://c" }',
            'snapshot: expected url = "http://..." or "https://..." - at `$.stream[0].source`',
        ),
        (
            'source = { kind = "camera", index = 0, fourcc = "MJPEG" }',
            "Expected `str` matching regex '^[A-Za-z0-9]{4}$' - at `$.stream[0].source.fourcc`",
        ),
        (
            'source = { kind = "picamera", url = "rtsp://c" }',
            "unknown key 'url' in stream[0].source",
        ),
        (
            'source = { kind = "camera", index = 0, read_timeout_s = 0 }',
            "Expected `float` >= 0.001 - at `$.stream[0].source.read_timeout_s`",
        ),
        (
            'source = { kind = "camera", url = "rtsp://me:x@c/", credentials_file = "f" }',
            "camera: expected user and password in url or in credentials_file, found both",
        ),
        (
            'source = { kind = "snapshot", url = "http://me@c/", credentials_file = "f" }',
            "snapshot: expected user and password in url or in credentials_file, found both",
        ),
        (
            'source = { kind = "camera", index = 0, frozen_after_s = -1 }',
            "Expected `float` >= 0.0 - at `$.stream[0].source.frozen_after_s`",
        ),
        (
            INDEX + "interval_s = 1\nframes_per_s = 2",
            "stream 'front': expected one of interval_s and frames_per_s, found both "
            "- at `$.stream[0]`",
        ),
        (
            INDEX
            + "region = { x = 0, y = 0, w = 9, h = 9 }\n"
            + "relative_region = { x = 0, y = 0, w = 1, h = 1 }",
            "stream 'front': expected one of region and relative_region, found both "
            "- at `$.stream[0]`",
        ),
        (
            INDEX + "relative_region = { x = 0.5, y = 0, w = 0.6, h = 1 }",
            "expected x + w of at most 1, found 1.1 - at `$.stream[0].relative_region`",
        ),
        (
            INDEX + "relative_region = { x = 160, y = 0, w = 320, h = 1 }",
            "Expected `float` < 1.0 - at `$.stream[0].relative_region.x`",
        ),
        (
            INDEX + 'task = "ocr"\nrelative_region = { x = 0, y = 0, w = 1, h = 1 }',
            "stream 'front': expected one or more [[stream.regions]] with task = \"ocr\", "
            "found relative_region - at `$.stream[0]`",
        ),
        (
            INDEX + "min_confidence = 1.5",
            "Expected `float` <= 1.0 - at `$.stream[0].min_confidence`",
        ),
        (
            INDEX + "publish = { at_least_every_s = 5 }",
            'at_least_every_s: expected it with when = "changed" only - at `$.stream[0].publish`',
        ),
        (
            INDEX + 'publish = { when = "sometimes" }',
            "expected one of always, changed, found 'sometimes' - at `$.stream[0].publish.when`",
        ),
        (
            INDEX + "publish = { settle = 0 }",
            "Expected `int` >= 1 - at `$.stream[0].publish.settle`",
        ),
        (
            INDEX + "snapshot = {}",
            "stream 'front': expected [snapshots] with a folder for its snapshot",
        ),
        (
            INDEX + 'snapshot = { on = ["always"] }',
            "expected one of changed, unsure, found 'always' - at `$.stream[0].snapshot.on[0]`",
        ),
        (
            INDEX + "snapshot = { on = [] }",
            "Expected `array` of length >= 1 - at `$.stream[0].snapshot.on`",
        ),
        (
            INDEX
            + '[[stream]]\nname = "b"\nbundle = "b"\n'
            + 'source = { kind = "camera", index = 0, read_timeout_s = 3 }',
            "stream 'b': expected the same source as in the other streams of camera 0, "
            "found one that differs",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, expected: str) -> None:
    """The message says where in the file, what was expected and what was found."""
    assert problem(tmp_path, text).startswith(expected)


def test_streams_may_share_a_camera(tmp_path: Path) -> None:
    """Must not fire: the same words for a local camera, any for one by URL."""
    url = '[[stream]]\nname = "{}"\nbundle = "b"\nsource = {{ kind = "camera", url = "u"{} }}\n'
    second = '[[stream]]\nname = "b"\nbundle = "b"\n' + INDEX
    config = load(
        tmp_path, INDEX + second + url.format("c", "") + url.format("d", ", read_timeout_s = 3")
    )
    assert len(config.streams) == 4


@pytest.mark.parametrize(
    ("region", "size", "expected"),
    [
        (RelativeRegion(x=0, y=0, w=1, h=1), (640, 480), Region(x=0, y=0, w=640, h=480)),
        (RelativeRegion(x=0.1, y=0.2, w=0.9, h=0.8), (7, 5), Region(x=1, y=1, w=6, h=4)),
        (RelativeRegion(x=0.99, y=0.99, w=0.01, h=0.01), (10, 10), Region(x=9, y=9, w=1, h=1)),
        (RelativeRegion(x=0.5, y=0.5, w=0.001, h=0.001), (10, 10), Region(x=5, y=5, w=1, h=1)),
    ],
)
def test_a_relative_region_in_pixels(
    region: RelativeRegion, size: tuple[int, int], expected: Region
) -> None:
    """To the nearest pixel, never outside, never empty."""
    assert region.pixels(*size) == expected
