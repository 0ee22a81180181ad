"""Kept crops: whole, bounded, listed, and no danger to the readings."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.errors import CropError
from edge_agent.contract.messages import BundleRef
from edge_agent.pictures.config import CropsConfig
from edge_agent.pictures.crops import CropStore
from edge_agent.tasks.ocr.answer import CharacterScore
from edge_agent.tasks.ocr.crops import CropRecord, list_crops

IMAGE = np.random.default_rng(0).integers(0, 256, (16, 64, 3), np.uint8)


def record(text: str = "12", region: str = "water") -> CropRecord:
    return CropRecord(
        number=0,
        device="gate",
        stream="cellar",
        region=region,
        captured_at=datetime(2026, 11, 21, tzinfo=UTC),
        state="held",
        why="not sure",
        text=text,
        confidence=0.5,
        characters=(CharacterScore("1", 0.9), CharacterScore("2", 0.6)),
        box=((0, 0), (64, 0), (64, 16), (0, 16)),
        bundle=BundleRef(name="n", id="i"),
    )


def keep(kept: CropStore, one: CropRecord, order: ColourOrder = "bgr") -> bool:
    return kept.keep(IMAGE, order, (one.stream, one.region), one)


def store(folder: Path, interval_s: float = 0, **limits: Any) -> CropStore:
    return CropStore(CropsConfig(folder=folder, interval_s=interval_s, **limits))


def texts(folder: Path) -> list[str]:
    return [crop.record.text for crop in list_crops(folder)]


@pytest.mark.parametrize("order", ["bgr", "rgb"])
def test_a_crop_comes_back_as_it_was(tmp_path: Path, order: ColourOrder) -> None:
    """Every pixel, in its right colour, and all that is known of it."""
    assert keep(store(tmp_path), record(), order)
    (crop,) = list_crops(tmp_path)
    assert crop.record == record()
    bgr = cv2.imread(str(crop.picture))
    assert (bgr == (IMAGE if order == "bgr" else IMAGE[:, :, ::-1])).all()


def test_a_record_looks_as_documented(tmp_path: Path) -> None:
    """The host's labelling reads these names."""
    keep(store(tmp_path), record())
    fields = msgspec.json.decode((tmp_path / "0000000000.json").read_bytes())
    assert fields["schema"] == "edgeward.crop/1"
    assert set(fields) == {
        "schema",
        "number",
        "device",
        "stream",
        "region",
        "captured_at",
        "state",
        "why",
        "text",
        "confidence",
        "characters",
        "box",
        "bundle",
        "clock_set",
    }


def test_the_oldest_go_first_beyond_the_count(tmp_path: Path) -> None:
    """Three are kept of five, with their pictures, and nothing else is left behind."""
    kept = store(tmp_path, max_count=3)
    for number in range(5):
        keep(kept, record(str(number)))
    assert texts(tmp_path) == ["2", "3", "4"]
    assert len(list(tmp_path.iterdir())) == 6


def test_the_oldest_go_first_beyond_the_bytes(tmp_path: Path) -> None:
    """The folder never holds more than it may."""
    kept = store(tmp_path, max_mb=0.01)
    for number in range(12):
        keep(kept, record(str(number)))
        assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 0.01 * 1024**2
    assert texts(tmp_path)[-1] == "11"
    assert 1 < len(texts(tmp_path)) < 12


def test_numbers_and_bounds_go_on_after_a_restart(tmp_path: Path) -> None:
    """A new start continues what it finds, half-written crops included."""
    first = store(tmp_path)
    for number in range(3):
        keep(first, record(str(number)))
    (tmp_path / "0000000003.png").write_bytes(b"cut off")
    (tmp_path / "notes.txt").write_text("somebody's")
    second = store(tmp_path, max_count=3)
    keep(second, record("new"))
    crops = list_crops(tmp_path)
    assert [crop.record.text for crop in crops] == ["2", "new"]
    assert crops[-1].record.number == 4
    assert (tmp_path / "notes.txt").exists()


def test_one_region_does_not_fill_the_disk(tmp_path: Path) -> None:
    """At most one an interval and region; another region has its own."""
    now = [0.0]
    kept = CropStore(CropsConfig(folder=tmp_path, interval_s=60), lambda: now[0])
    assert keep(kept, record("a"))
    now[0] = 59.0
    assert not keep(kept, record("b"))
    assert keep(kept, record("c", region="gas"))
    now[0] = 60.0
    assert keep(kept, record("d"))
    assert texts(tmp_path) == ["a", "c", "d"]


def test_a_full_disk_stops_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, not for every frame, and crops go on when there is room again."""
    kept = store(tmp_path)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "edge_agent"):
        patched.setattr("edge_agent.pictures.folder.write_whole", full)
        assert not keep(kept, record("a"))
        assert not keep(kept, record("b"))
    assert [r.getMessage() for r in caplog.records] == [
        f"{tmp_path}: cannot keep pictures: No space left on device"
    ]
    assert keep(kept, record("c"))


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """Said at the start, not as crops that are never there."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CropError) as caught:
        store(tmp_path / "file" / "crops")
    assert str(caught.value) == (
        f"{tmp_path / 'file' / 'crops'}: expected a folder for pictures, found: Not a directory"
    )


def test_listing_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Place, expected, found."""
    with pytest.raises(CropError) as caught:
        list_crops(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: expected crops, found nothing"


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    """A damaged file is not passed over in silence."""
    (tmp_path / "0000000007.json").write_text('{"schema": "edgeward.crop/1"}')
    with pytest.raises(CropError, match=r"0000000007\.json: Object missing required field"):
        list_crops(tmp_path)


def test_a_record_whose_region_is_no_name_is_refused(tmp_path: Path) -> None:
    """Whoever labels crops makes paths of these: `../` must not come from a device."""
    keep(store(tmp_path), record(region="../water"))
    with pytest.raises(CropError, match=r"0000000000\.json: .*`\$\.region`"):
        list_crops(tmp_path)
