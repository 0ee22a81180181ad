"""What is known of pictures of readings that were held or rejected, kept to be labelled.

In a folder of them `0000000042.png` is the straightened region, `0000000042.json` its `CropRecord`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from edge_agent.common.errors import CropError
from edge_agent.common.strict import Moment, Name, Probability
from edge_agent.contract.messages import BundleRef
from edge_agent.pictures.folder import picture_number
from edge_agent.tasks.ocr.answer import Box, CharacterScore, Line, Reading, ReadingState
from edge_agent.tasks.task import Origin


class CropRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.crop/1"
):
    """What is known of a crop.

    Args:
        number: its place in the folder; its files are named by it.
        device, stream, region: where it was seen.
        captured_at: when, UTC.
        clock_set: whether the clock was right then, as far as can be told.
        state, why: held or rejected, and the reason.
        text, confidence, characters: what was read.
        box: where it is in the frame.
        bundle: what read it.
    """

    number: Annotated[int, msgspec.Meta(ge=0)]
    # Names, so that whoever labels crops may make paths of them.
    device: Name
    stream: Name
    region: Name
    captured_at: Moment
    state: ReadingState
    why: str
    text: str
    confidence: Probability
    characters: tuple[CharacterScore, ...]
    box: Box
    bundle: BundleRef
    clock_set: bool = True


@dataclass(frozen=True)
class Crop:
    """A crop on disk: its picture's path and its record."""

    picture: Path
    record: CropRecord


def crop_record(region: str, reading: Reading | Line, origin: Origin) -> CropRecord:
    """What is known of a picture of `region`, which is not numbered yet."""
    return CropRecord(
        number=0,
        device=origin.device,
        stream=origin.stream,
        region=region,
        captured_at=origin.captured_at,
        clock_set=origin.clock_set,
        state=reading.state,
        why=reading.why,
        text=reading.text,
        confidence=reading.confidence,
        characters=reading.characters,
        box=reading.box,
        bundle=origin.bundle,
    )


def list_crops(folder: Path) -> tuple[Crop, ...]:
    """The crops in `folder`, oldest first; what has no record yet is passed over.

    Raises:
        CropError: there is no such folder, or a record in it is not one.
    """
    try:
        records = sorted(p for p in folder.iterdir() if picture_number(p) is not None)
        return tuple(_crop(path) for path in records if path.suffix == ".json")
    except FileNotFoundError as error:
        # Also a crop that was evicted between listing and reading.
        raise CropError(f"{error.filename}: expected crops, found nothing") from error
    except OSError as error:
        raise CropError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _crop(path: Path) -> Crop:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=CropRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CropError(f"{path}: {error}") from error
    return Crop(path.with_suffix(".png"), record)
