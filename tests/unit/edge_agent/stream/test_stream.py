"""A stream: the loop, the pace, the crop, and what is published of a frame."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import cv2
import msgspec
import numpy as np
import pytest
from support.answers import classification
from support.publishers import MemoryPublisher

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.common.errors import ConfigError
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    ResultMessage,
    decode_message,
)
from edge_agent.pictures.config import SnapshotConfig, SnapshotsConfig
from edge_agent.pictures.snapshots import SnapshotRecord, SnapshotStore
from edge_agent.publish.sender import Sender
from edge_agent.sources.base import Frame, SourceCounters, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import PublishConfig, StreamConfig
from edge_agent.stream.sink import PictureStores
from edge_agent.stream.stream import Stream
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.places import Region, RelativeRegion, crop
from edge_agent.tasks.task import Opening, Recognizer
from edge_agent.tasks.whole import WholeLooker


def frames(count: int) -> list[Frame]:
    return [bgr_frame(np.full((20, 30, 3), 2 * seq, np.uint8), seq) for seq in range(count)]


class Replayed:
    """A source over frames that are there already."""

    live = False
    counters = SourceCounters(dropped=3)

    def __init__(self, given: list[Frame]) -> None:
        self._given = given

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._given)


WHOLE = ClassifyOptions()


class MeanLevel:
    """A recogniser whose answer is the channel order and mean level of what it was shown."""

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        return np.array([order == "bgr", image.mean() / 2], np.int8)

    def scores(self, x: I8) -> tuple[F32, ...]:
        return (x.astype(np.float32),)


def mean_level(outputs: tuple[F32, ...], _: ClassifySpec) -> Classification:
    order, level = outputs[0]
    label = f"{'bgr' if order else 'rgb'}-{int(level) * 2}"
    return Classification(label=label, index=0, confidence=1, sure=True, top=())


def unsure(answer: Classification) -> Classification:
    return msgspec.structs.replace(answer, sure=False)


def make_stream(
    publisher: MemoryPublisher,
    recognize: Recognizer | None = None,
    snapshots: SnapshotStore | None = None,
    part: ClassifyOptions = WHOLE,
    **options: Any,
) -> Stream:
    config = StreamConfig(
        name="front",
        bundle=Path("b"),
        source=ImagesConfig(path=Path("p")),
        options=part,
        **options,
    )
    sender = Sender("gate", "boot1", publisher)
    image = InputSpec(height=8, width=8, colour="rgb", mean=(0, 0, 0), std=(1, 1, 1))
    spec = ClassifySpec(labels=("a", "b"))
    opening = Opening("front", spec, image, part, recognize or MeanLevel())
    looker, pictures = WholeLooker(opening, mean_level, unsure), PictureStores(None, snapshots)
    return Stream(config, BundleRef(name="n", id="i"), looker, sender, Stop(), pictures)


def label(message: ResultMessage) -> str:
    return classification(message.result).label


def test_every_frame_becomes_one_result_in_order() -> None:
    """Frame to message: numbers, names, answer and topic are right."""
    publisher = MemoryPublisher()
    stream = make_stream(publisher)
    given = frames(3)
    stream.run(Replayed(given))
    topics, payloads = zip(*publisher.published, strict=True)
    assert set(topics) == {"edgeward/gate/stream/front/result"}
    messages = [decode_message(payload, "t") for payload in payloads]
    assert all(isinstance(m, ResultMessage) for m in messages)
    results = [m for m in messages if isinstance(m, ResultMessage)]
    assert [(m.seq, m.frame, label(m)) for m in results] == [
        (1, 0, "bgr-0"),
        (2, 1, "bgr-2"),
        (3, 2, "bgr-4"),
    ]
    assert results[1].captured_at == given[1].captured_at
    assert all(0 <= m.latency_ms < 60_000 for m in results)
    assert (stream.health().frames, stream.health().results, stream.health().dropped) == (3, 3, 3)


def test_only_the_region_is_looked_at() -> None:
    """The recogniser gets the crop."""
    image = np.zeros((20, 30, 3), np.uint8)
    image[5:15, 10:20] = 200
    publisher = MemoryPublisher()
    part = ClassifyOptions(region=Region(x=10, y=5, w=10, h=10))
    make_stream(publisher, part=part).run(Replayed([bgr_frame(image, 0)]))
    assert b'"bgr-200"' in publisher.published[0][1]


def test_an_exception_of_the_recogniser_is_not_swallowed() -> None:
    """No result must never stand for a broken recogniser."""

    class Broken(MeanLevel):
        def scores(self, x: I8) -> tuple[F32, ...]:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        make_stream(MemoryPublisher(), Broken()).run(Replayed(frames(2)))


def test_live_frames_are_not_prepared_ahead() -> None:
    """A frame waits for the model as an image, in the slot where a fresher one replaces it."""
    taken: list[int] = []

    class Live(Replayed):
        live = True

        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                taken.append(frame.seq)
                yield frame

    class Slow(MeanLevel):
        def scores(self, x: I8) -> tuple[F32, ...]:
            time.sleep(0.02)
            ahead.append(taken[-1])
            return super().scores(x)

    ahead: list[int] = []
    make_stream(MemoryPublisher(), Slow()).run(Live(frames(4)))
    assert ahead == [0, 1, 2, 3]


def test_a_report_is_retained_on_the_availability_topic() -> None:
    """Subscribers that come later learn it too."""
    publisher = MemoryPublisher()
    make_stream(publisher).report(False, "unplugged")
    ((topic, payload),) = publisher.retained.items()
    assert topic == "edgeward/gate/stream/front/availability"
    message = decode_message(payload, topic)
    assert isinstance(message, AvailabilityMessage)
    assert (message.state, message.reason) == ("offline", "unplugged")


def test_what_has_been_said_of_a_source_is_not_said_again() -> None:
    """Attempt after attempt fails alike: `since` stays the moment it was lost."""
    publisher = MemoryPublisher()
    stream = make_stream(publisher)
    stream.report(False, "unplugged")
    before = dict(publisher.retained)
    stream.report(False, "unplugged")
    assert publisher.retained == before
    stream.report(False, "refused")
    assert publisher.retained != before


def test_a_paused_stream_is_not_available_and_says_why() -> None:
    """Its source's own trouble comes first; resuming takes back what pausing said."""
    publisher = MemoryPublisher()
    stream = make_stream(publisher)

    def said() -> tuple[str, str]:
        (payload,) = publisher.retained.values()
        message = decode_message(payload, "t")
        assert isinstance(message, AvailabilityMessage)
        return message.state, message.reason

    stream.report(True, "")
    stream.pause(True)
    assert said() == ("offline", "paused")
    stream.report(False, "unplugged")
    assert said() == ("offline", "unplugged")
    stream.report(True, "")
    assert said() == ("offline", "paused")
    stream.pause(False)
    assert said() == ("online", "")


def test_a_crop_is_a_view() -> None:
    """Nothing is copied, and edges may touch the frame's."""
    image = np.zeros((20, 30, 3), np.uint8)
    part = crop(image, Region(x=10, y=5, w=20, h=15), "front")
    assert part.shape == (15, 20, 3)
    assert part.base is image
    assert crop(image, None, "front") is image


@pytest.mark.parametrize("region", [Region(x=11, y=0, w=20, h=1), Region(x=0, y=20, w=1, h=1)])
def test_a_region_outside_the_frame_is_a_mistake_in_the_configuration(region: Region) -> None:
    """Cutting it down silently would show the model something else."""
    with pytest.raises(ConfigError) as caught:
        crop(np.zeros((20, 30, 3), np.uint8), region, "front")
    assert str(caught.value) == (
        f"stream 'front': expected a region inside the 30x20 frame, found {region}"
    )


def results(publisher: MemoryPublisher) -> list[ResultMessage]:
    messages = [decode_message(payload, topic) for topic, payload in publisher.published]
    return [message for message in messages if isinstance(message, ResultMessage)]


def levels(*given: int) -> Replayed:
    return Replayed(
        [bgr_frame(np.full((20, 30, 3), level, np.uint8), seq) for seq, level in enumerate(given)]
    )


def test_on_change_only_news_is_published() -> None:
    """Numbers have no gap: what is not published has none."""
    publisher = MemoryPublisher()
    stream = make_stream(publisher, publish=PublishConfig(when="changed", settle=2))
    stream.run(levels(10, 10, 10, 20, 10, 20, 20, 20))
    said = [(m.seq, m.frame, label(m), m.trigger) for m in results(publisher)]
    assert said == [(1, 1, "bgr-10", "change"), (2, 6, "bgr-20", "change")]
    assert (stream.health().frames, stream.health().results) == (8, 2)


def test_a_relative_region_fits_every_size() -> None:
    """The same quarter of a small and a large frame."""
    images = list[Frame]()
    for height, width in ((20, 30), (40, 60)):
        image = np.zeros((height, width, 3), np.uint8)
        image[height // 2 :, width // 2 :] = 200
        images.append(bgr_frame(image, len(images)))
    publisher = MemoryPublisher()
    region = RelativeRegion(x=0.5, y=0.5, w=0.5, h=0.5)
    make_stream(publisher, part=ClassifyOptions(relative_region=region)).run(Replayed(images))
    assert [label(m) for m in results(publisher)] == ["bgr-200", "bgr-200"]


def test_a_snapshot_is_kept_and_announced_when_something_is_new(tmp_path: Path) -> None:
    """The whole frame, under the name that the result says; not for what is not news."""
    publisher = MemoryPublisher()
    store = SnapshotStore(SnapshotsConfig(folder=tmp_path))
    wanted = SnapshotConfig(on=("changed",), interval_s=0)
    part = ClassifyOptions(region=Region(x=0, y=0, w=4, h=4))
    stream = make_stream(publisher, snapshots=store, part=part, snapshot=wanted)
    stream.run(levels(10, 10, 200))
    files = [m.snapshot.file if m.snapshot else None for m in results(publisher)]
    assert files == ["0000000000.jpg", None, "0000000001.jpg"]
    picture = cv2.imread(str(tmp_path / "0000000001.jpg"))
    assert picture.shape == (20, 30, 3)
    assert abs(picture.mean() - 200) < 3
    record = msgspec.json.decode((tmp_path / "0000000001.json").read_bytes(), type=SnapshotRecord)
    assert (record.device, record.stream, record.frame) == ("gate", "front", 2)
    assert record.why == ("changed",)
    assert record.result == results(publisher)[2].result


def test_no_snapshot_without_a_wish_or_a_place(tmp_path: Path) -> None:
    """Must not fire."""
    store = SnapshotStore(SnapshotsConfig(folder=tmp_path))
    for options in ({"snapshots": store}, {"snapshot": SnapshotConfig()}):
        publisher = MemoryPublisher()
        make_stream(publisher, **options).run(levels(10))
        assert [m.snapshot for m in results(publisher)] == [None]
    assert not list(tmp_path.iterdir())


def test_of_a_frame_that_is_in_doubt_no_class_is_sure() -> None:
    """Must not fire: one that could not be aligned, between two that are as they should be."""
    publisher = MemoryPublisher()
    first, second, third = frames(3)
    make_stream(publisher).run(Replayed([first, replace(second, doubt="not aligned"), third]))
    assert [m.result.sure for m in results(publisher)] == [True, False, True]
