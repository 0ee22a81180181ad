"""Pictures of readings that were held or rejected, kept on disk to be labelled.

A `PictureFolder`: `0000000042.png` is the straightened region, `0000000042.json` its
`CropRecord`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.common.errors import CropError
from edge_agent.common.strict import Moment, Name, Probability
from edge_agent.config import CropsConfig
from edge_agent.contract.messages import BundleRef
from edge_agent.pictures.folder import PictureFolder, picture_number
from edge_agent.tasks.ocr.answer import Box, CharacterScore, ReadingState


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


class CropStore:
    """Writes crops to a folder, within its bounds; any thread may.

    Args:
        config: where, and how much.
        clock: seconds that never go back.

    Raises:
        CropError: the folder cannot be made or read.
    """

    def __init__(self, config: CropsConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = config.interval_s
        self._pictures = PictureFolder(config.folder, "png", config.max_count, config.max_mb, clock)

    def keep(self, image: U8, order: ColourOrder, record: CropRecord) -> bool:
        """Keep a crop, unless its region had one a moment ago; whether it was kept.

        Args:
            image: (H, W, 3) in `order`, or (H, W).
            order: of its channels.
            record: what is known of it; the number is given here.
        """

        def describe(number: int) -> bytes:
            return msgspec.json.encode(msgspec.structs.replace(record, number=number)) + b"\n"

        key = (record.stream, record.region)
        kept = self._pictures.keep(key, self._interval_s, lambda: _png(image, order), describe)
        return kept is not None


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


def _png(image: U8, order: ColourOrder) -> bytes:
    if image.ndim == 3 and order == "rgb":
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    _, data = cv2.imencode(".png", image)
    return data.tobytes()
