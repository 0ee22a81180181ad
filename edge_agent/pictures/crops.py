"""Pictures of what was not understood, kept on disk to be labelled.

A `PictureFolder`: `0000000042.png` is the picture, `0000000042.json` what its task knows of it.
"""

import time
from collections.abc import Callable, Hashable

import cv2
import msgspec
import numpy as np

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.pictures.config import CropsConfig
from edge_agent.pictures.folder import PictureFolder


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

    def keep(self, image: U8, order: ColourOrder, key: Hashable, record: msgspec.Struct) -> bool:
        """Keep a crop, unless there was one of its `key` a moment ago; whether it was kept.

        Args:
            image: (H, W, 3) in `order`, or (H, W).
            order: of its channels.
            key: of what it is.
            record: what is known of it; its `number` is given here.
        """

        def describe(number: int) -> bytes:
            return msgspec.json.encode(msgspec.structs.replace(record, number=number)) + b"\n"

        kept = self._pictures.keep(key, self._interval_s, lambda: _png(image, order), describe)
        return kept is not None


def _png(image: U8, order: ColourOrder) -> bytes:
    if image.ndim == 3 and order == "rgb":
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    _, data = cv2.imencode(".png", image)
    return data.tobytes()
