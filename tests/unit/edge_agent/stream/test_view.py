"""How a stream sees its frames: turned, mirrored, and the same wherever they are shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.publishers import MemoryPublisher
from support.stripes import stripes

from edge_agent.bundle.archive import Bundle
from edge_agent.check import look
from edge_agent.common.errors import ConfigError
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import BundleRef, ResultMessage, decode_message
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.publish.sender import Sender
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import NO_TROUBLE, Frame, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.sources.files import ImageSource
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.controls import Controls
from edge_agent.stream.stream import Stream
from edge_agent.stream.view import AS_IT_IS, Flip, Rotation, View, turned
from edge_agent.tasks.ocr.answer import Reading
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

# Upright, it has an `a` at the top left, then clockwise `b`, `d`, `c`.
SQUARE = np.array([[1, 2], [3, 4]], np.uint8)
AT = Region(x=60, y=40, w=128, h=32)


@pytest.mark.parametrize(
    ("rotate", "flip", "expected"),
    [
        (0, None, [[1, 2], [3, 4]]),
        (90, None, [[3, 1], [4, 2]]),
        (180, None, [[4, 3], [2, 1]]),
        (270, None, [[2, 4], [1, 3]]),
        (0, "horizontal", [[2, 1], [4, 3]]),
        (0, "vertical", [[3, 4], [1, 2]]),
        (90, "horizontal", [[1, 3], [2, 4]]),
    ],
)
def test_turning_is_clockwise_and_comes_before_mirroring(
    rotate: Rotation, flip: Flip | None, expected: list[list[int]]
) -> None:
    """Every quarter, both mirrors, and one after the other."""
    image = np.repeat(SQUARE[:, :, np.newaxis], 3, axis=2)
    assert turned(image, rotate, flip)[:, :, 1].tolist() == expected


def test_a_frame_keeps_what_else_is_known_of_it() -> None:
    """Number and dates stay, width and height change places; nothing is made where nothing is."""
    frame = bgr_frame(np.zeros((20, 30, 3), np.uint8), 7)
    seen = View(90)(frame)
    assert seen.image.shape == (30, 20, 3)
    assert (seen.seq, seen.captured_at, seen.monotonic_s) == (
        frame.seq,
        frame.captured_at,
        frame.monotonic_s,
    )
    assert AS_IT_IS(frame) is frame


def upside_down(folder: Path) -> ImagesConfig:
    """A camera's picture that lies on its side, and is mirrored."""
    image = np.full((240, 320, 3), 255, np.uint8)
    image[AT.y : AT.y + AT.h, AT.x : AT.x + AT.w] = stripes("0123", scale=2)[:, :, np.newaxis]
    raw = cv2.rotate(cv2.flip(image, 0), cv2.ROTATE_90_COUNTERCLOCKWISE)
    cv2.imwrite(str(folder / "frame.png"), raw)
    return ImagesConfig(path=folder / "frame.png")


def stream_of(
    source: ImagesConfig,
    regions: tuple[TextRegion, ...] = (TextRegion(name="a", rect=AT),),
    **fields: Any,
) -> StreamConfig:
    options = TextOptions(regions=regions)
    return StreamConfig(name="s", bundle=Path("b"), source=source, options=options, **fields)


def test_regions_are_in_the_turned_picture(stripes_bundle: Bundle, tmp_path: Path) -> None:
    """What lies on its side is read, at the place where it is once it is upright."""
    pictures = upside_down(tmp_path)
    config = stream_of(pictures, rotate=90, flip="vertical")
    publisher = MemoryPublisher()
    with TfliteRecognizer(stripes_bundle) as recognize:
        looker = stream_looker(config, stripes_bundle, recognize)
        sender = Sender("gate", "boot", publisher)
        stream = Stream(config, BundleRef(name="n", id="i"), looker, sender, Stop())
        with ImageSource(pictures.path, Stop()) as source:
            stream.run(source)
        shown = stream.controls.fresh(1)
    message = decode_message(publisher.published[0][1], "t")
    assert isinstance(message, ResultMessage)
    assert isinstance(message.result, Reading)
    assert (message.result.text, message.result.state) == ("0123", "accepted")
    assert message.result.box == ((60, 40), (188, 40), (188, 72), (60, 72))
    assert shown is not None
    assert shown.image.shape == (240, 320, 3)  # as a snapshot command shows it


def test_check_sees_what_the_stream_sees(tmp_path: Path) -> None:
    """The size that it tells is the turned one, and regions are held to that."""
    source = upside_down(tmp_path)
    assert look(stream_of(source, rotate=270)) == "a frame of 320x240"
    low = (TextRegion(name="a", rect=Region(x=10, y=250, w=128, h=32)),)
    assert look(stream_of(source, regions=low)) == "a frame of 240x320"
    with pytest.raises(ConfigError, match="expected a region inside the 320x240 frame"):
        look(stream_of(source, regions=low, rotate=90))


class Live:
    """A camera that gives three frames."""

    live = True
    counters = NO_TROUBLE

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        return (bgr_frame(np.zeros((2, 4, 3), np.uint8), seq) for seq in range(3))


def test_a_camera_is_seen_turned_too() -> None:
    """Every frame that is looked at."""
    frames = Controls(0, Stop()).paced(Live(), View(90))
    assert [frame.image.shape for frame in frames] == [(4, 2, 3)] * 3
