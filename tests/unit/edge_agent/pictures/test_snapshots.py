"""Snapshots: kept when something happens, never larger or more than allowed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.contract.messages import BundleRef, SnapshotRef
from edge_agent.pictures.config import SnapshotConfig, SnapshotsConfig
from edge_agent.pictures.snapshots import SnapshotRecord, SnapshotStore, events
from edge_agent.sources.base import Frame
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.ocr.answer import Line, Page, Reading, ReadingState

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SURE = Classification(label="a", index=0, confidence=0.9, sure=True, top=())
UNSURE = msgspec.structs.replace(SURE, sure=False)


def frame(seed: int = 0, shape: tuple[int, int] = (480, 640)) -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
    return Frame(image, "bgr", seed, MOMENT, 0.0)


def record(**changes: Any) -> SnapshotRecord:
    fields: dict[str, Any] = {
        "number": 0,
        "device": "gate",
        "stream": "front",
        "frame": 7,
        "captured_at": MOMENT,
        "why": ("changed",),
        "bundle": BundleRef(name="n", id="i"),
        "result": SURE,
    }
    return SnapshotRecord(**(fields | changes))


def store(folder: Path, clock: list[float] | None = None, **options: Any) -> SnapshotStore:
    now = clock or [0.0]
    return SnapshotStore(SnapshotsConfig(folder=folder, **options), lambda: now[0])


ALL = SnapshotConfig(interval_s=0, max_kb=40)


def test_a_snapshot_is_a_bounded_jpeg_with_its_record(tmp_path: Path) -> None:
    """Pure noise, which no JPEG likes, still fits; the name is what the result announces."""
    ref = store(tmp_path).keep(frame(), record(), ALL)
    assert ref is not None
    assert ref.file == "0000000000.jpg"
    data = (tmp_path / ref.file).read_bytes()
    assert len(data) == ref.bytes <= 40 * 1024
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    kept = msgspec.json.decode((tmp_path / "0000000000.json").read_bytes(), type=SnapshotRecord)
    assert kept == record()


def test_colours_are_right(tmp_path: Path) -> None:
    """Red is red in the file, in whichever order it came."""
    orders: tuple[ColourOrder, ...] = ("bgr", "rgb")
    for number, order in enumerate(orders):
        image = np.zeros((48, 64, 3), np.uint8)
        image[:, :, order.index("r")] = 255
        given = Frame(image, order, 0, MOMENT, 0.0)
        ref = store(tmp_path).keep(given, record(), ALL)
        assert ref == SnapshotRef(file=f"{number:010}.jpg", bytes=ref.bytes if ref else 0)
        assert cv2.imread(str(tmp_path / f"{number:010}.jpg"))[0, 0, 2] > 240


def test_a_stream_keeps_one_in_a_while(tmp_path: Path) -> None:
    """The next is not even encoded; another stream has a while of its own."""
    clock = [0.0]
    kept = store(tmp_path, clock)
    often = SnapshotConfig(interval_s=60)

    def keep(stream: str, at: float) -> bool:
        clock[0] = at
        return kept.keep(frame(shape=(48, 64)), record(stream=stream), often) is not None

    assert keep("a", 0)
    assert not keep("a", 59)
    assert keep("b", 59)
    assert keep("a", 60)


def test_the_folder_is_bounded_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The oldest go first, picture and record; numbers are not used again."""
    for start in range(2):
        kept = store(tmp_path, max_count=3)
        for number in range(3):
            ref = kept.keep(frame(number, (48, 64)), record(), ALL)
            assert ref is not None
            assert ref.file == f"{3 * start + number:010}.jpg"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"{number:010}.{kind}" for number in (3, 4, 5) for kind in ("jpg", "json")
    ]


def test_a_disk_that_fails_stops_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result is published without a snapshot."""

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge_agent.pictures.folder.write_whole", full)
    assert store(tmp_path).keep(frame(), record(), ALL) is None


def test_a_picture_that_cannot_be_small_enough_stops_no_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Some frame of pure noise may not fit the bound: it is left out, with a line in the log."""
    tiny = msgspec.structs.replace(ALL, max_kb=0.1)
    with caplog.at_level("WARNING", "edge_agent"):
        assert store(tmp_path).keep(frame(), record(), tiny) is None
    assert list(tmp_path.iterdir()) == []
    assert "cannot keep pictures: expected a snapshot of at most 102.4 bytes" in caplog.text


def reading(state: ReadingState) -> Reading:
    return Reading(
        region="a",
        state=state,
        text="1",
        confidence=0.5,
        characters=(),
        box=BOX,
    )


def page(*states: ReadingState) -> Page:
    return Page(
        region="a",
        lines=tuple(
            Line(state=state, text="1", confidence=0.5, characters=(), box=BOX) for state in states
        ),
    )


@pytest.mark.parametrize(
    ("answer", "changed", "expected"),
    [
        (SURE, False, ()),
        (SURE, True, ("changed",)),
        (UNSURE, False, ("unsure",)),
        (UNSURE, True, ("changed", "unsure")),
        (reading("accepted"), False, ()),
        (reading("held"), False, ("unsure",)),
        (reading("rejected"), True, ("changed", "unsure")),
        (page("accepted", "accepted"), False, ()),
        (page("accepted", "held"), False, ("unsure",)),
        (page(), False, ()),
    ],
)
def test_what_an_answer_gives_occasion_for(
    answer: Answer, changed: bool, expected: tuple[str, ...]
) -> None:
    """Must fire and must not: of every kind of answer."""
    assert events(answer, changed) == expected
