"""A stream with text: what is published of a frame, and what is kept of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from support.publishers import MemoryPublisher
from support.stripes import stripes

from edge_agent.bundle.archive import Bundle
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import BundleRef, ResultMessage, decode_message
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.pictures.config import CropsConfig
from edge_agent.pictures.crops import CropStore
from edge_agent.publish.sender import Sender
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import NO_TROUBLE, Frame, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.sink import PictureStores
from edge_agent.stream.stream import Stream
from edge_agent.tasks.ocr.answer import Page, Reading
from edge_agent.tasks.ocr.crops import list_crops
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

UP, DOWN = Region(x=10, y=10, w=128, h=32), Region(x=10, y=80, w=128, h=32)


class Replayed:
    """A source over frames that are there already."""

    live = False
    counters = NO_TROUBLE

    def __init__(self, given: list[Frame]) -> None:
        self._given = given

    def __enter__(self) -> "Replayed":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._given)


def frame(up: str, down: str, seq: int) -> Frame:
    image = np.full((120, 160, 3), 255, np.uint8)
    for region, text in ((UP, up), (DOWN, down)):
        picture = stripes(text, scale=2)[:, :, np.newaxis]
        image[region.y : region.y + region.h, region.x : region.x + region.w] = picture
    return bgr_frame(image, seq)


def run(bundle: Bundle, frames: list[Frame], crops: CropStore | None = None) -> list[ResultMessage]:
    """What a stream with two regions and a page publishes of `frames`."""
    config = StreamConfig(
        name="cellar",
        bundle=Path("b"),
        source=ImagesConfig(path=Path("p")),
        options=TextOptions(
            regions=(
                TextRegion(name="up", rect=UP),
                TextRegion(name="down", rect=DOWN, pattern="[0-3]+"),
                TextRegion(name="all", rect=Region(x=0, y=0, w=160, h=120), page=True),
            )
        ),
    )
    publisher = MemoryPublisher()
    with TfliteRecognizer(bundle) as recognize:
        looker = stream_looker(config, bundle, recognize)
        sender = Sender("gate", "boot", publisher)
        ref = BundleRef(name="n", id="i")
        stream = Stream(config, ref, looker, sender, Stop(), PictureStores(crops))
        stream.run(Replayed(frames))
    health = stream.health()
    assert (health.frames, health.results) == (len(frames), 3 * len(frames))
    assert {topic for topic, _ in publisher.published} == {"edgeward/gate/stream/cellar/result"}
    messages = [decode_message(payload, "t") for _, payload in publisher.published]
    return [message for message in messages if isinstance(message, ResultMessage)]


def test_every_region_of_every_frame_is_a_result(stripes_bundle: Bundle) -> None:
    """Numbered on, in the order of the configuration, with the number of its frame."""
    messages = run(stripes_bundle, [frame("12", "3", 0), frame("2.1", "", 1)])
    assert [(m.seq, m.frame) for m in messages] == [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 1)]
    readings = [m.result for m in messages if isinstance(m.result, Reading)]
    assert [(r.region, r.text, r.state) for r in readings] == [
        ("up", "12", "accepted"),
        ("down", "3", "accepted"),
        ("up", "2.1", "accepted"),
        ("down", "", "rejected"),
    ]
    assert isinstance(messages[2].result, Page)


def test_doubtful_pictures_are_kept_and_others_are_not(
    stripes_bundle: Bundle, tmp_path: Path
) -> None:
    """The blank region's crop is on disk with what is known of it; the accepted ones are not."""
    crops = CropStore(CropsConfig(folder=tmp_path, interval_s=0))
    run(stripes_bundle, [frame("12", "", 0)], crops)
    (crop,) = [c for c in list_crops(tmp_path) if c.record.region != "all"]
    record = crop.record
    assert (record.device, record.stream, record.region) == ("gate", "cellar", "down")
    assert (record.state, record.text) == ("rejected", "")
    assert record.why.startswith("blank: ")
    assert record.box == ((10, 80), (138, 80), (138, 112), (10, 112))
    assert crop.picture.exists()
