"""Crops as an agent keeps them, for the tests of whoever labels them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.contract.messages import BundleRef
from edge_agent.pictures.config import CropsConfig
from edge_agent.pictures.crops import CropStore
from edge_agent.tasks.ocr.answer import CharacterScore
from edge_agent.tasks.ocr.crops import CropRecord

SEEN = datetime(2026, 11, 21, 3, 21, 4, tzinfo=UTC)


def crop_record(text: str = "12", **changes: object) -> CropRecord:
    """What is known of a crop that was held, unless `changes` say otherwise."""
    record = CropRecord(
        number=0,
        device="gate",
        stream="cellar",
        region="water",
        captured_at=SEEN,
        state="held",
        why="not sure: 0.500 of 0.900",
        text=text,
        confidence=0.5,
        characters=tuple(CharacterScore(c, 0.7) for c in text),
        box=((0, 0), (64, 0), (64, 16), (0, 16)),
        bundle=BundleRef(name="n", id="i"),
    )
    return msgspec.structs.replace(record, **changes)


def write_crops(folder: Path, *records: CropRecord) -> None:
    """Keep a picture of noise for each, a minute apart, as the agent does."""
    store = CropStore(CropsConfig(folder=folder, interval_s=0))
    for number, record in enumerate(records):
        image = np.random.default_rng(number).integers(0, 256, (16, 64, 3), np.uint8)
        moment = record.captured_at + timedelta(minutes=number)
        key = record.stream, record.region
        assert store.keep(image, "bgr", key, msgspec.structs.replace(record, captured_at=moment))
